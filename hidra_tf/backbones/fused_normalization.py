"""Normalisation by TensorFlow's fused kernel, with a second derivative written out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

_NO_THIRD = "normalisation has no third derivative; use float64, whose operations are plain"


def fused_normalise(
    images: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float
) -> tf.Tensor:
    """`normalization.normalise` of images [N, H, W, channels] in float32, bfloat16 or float16.

    TensorFlow's kernels compute the outputs and the first derivative. Its own second derivative of
    them is slow, so `_second` computes that one by the formula. A third derivative is an error.
    """

    @tf.custom_gradient
    def forward(images: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tuple[tf.Tensor, object]:
        outputs, mean, variance, *reserved = tf.raw_ops.FusedBatchNormV3(
            x=images, scale=gamma, offset=beta, mean=[], variance=[], epsilon=epsilon
        )
        n = tf.cast(tf.size(images) // images.shape[-1], gamma.dtype)
        # The kernel gives the unbiased variance.
        biased = tf.where(n > 1, variance * (1 - 1 / n), 0.0)
        statistics = _Statistics(mean, biased, n)

        def project(upstream: tf.Tensor, scale: tf.Tensor) -> list[tf.Tensor]:
            """∂x for γ = `scale`, ∂γ and ∂β."""
            return tf.raw_ops.FusedBatchNormGradV3(
                y_backprop=upstream,
                x=images,
                scale=scale,
                reserve_space_1=reserved[0],
                reserve_space_2=reserved[1],
                reserve_space_3=reserved[2],
                epsilon=epsilon,
            )[:3]

        @tf.custom_gradient
        def backward(
            upstream: tf.Tensor, images: tf.Tensor, gamma: tf.Tensor
        ) -> tuple[tuple[tf.Tensor, ...], object]:
            gradients = project(upstream, gamma)

            def second(*upstreams: tf.Tensor) -> list[tf.Tensor]:
                arguments = (upstream, images, gamma, epsilon)
                found = _second(*arguments, gradients, upstreams, statistics, project)
                return [tf.raw_ops.PreventGradient(input=g, message=_NO_THIRD) for g in found]

            return tuple(gradients), second

        return outputs, lambda upstream: backward(upstream, images, gamma)

    return forward(images, gamma, beta)


class _Statistics(NamedTuple):
    """Mean and biased variance [channels] of `n` values per channel."""

    mean: tf.Tensor
    variance: tf.Tensor
    n: tf.Tensor


def _second(
    upstream: tf.Tensor,
    images: tf.Tensor,
    gamma: tf.Tensor,
    epsilon: float,
    gradients: Sequence[tf.Tensor],
    upstreams: Sequence[tf.Tensor],
    statistics: _Statistics,
    project: Callable[[tf.Tensor, tf.Tensor], list[tf.Tensor]],
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Computes the gradient of the first gradient with respect to the upstream g, x and γ.

    With x̂ = (x − μ)·r, r = 1/√(σ² + ε), n values per channel and sums over them, the first one is

        ∂β = Σ g,   ∂γ = Σ g·x̂,   ∂x = P(g, γ)   where   P(g, γ) = γ·r·(g − Σ g/n − x̂·Σ g·x̂/n).

    P is its own adjoint. For the upstream gradients (u, v, w) of (∂x, ∂γ, ∂β), with
    c = Σ u·g − Σ u·Σ g/n − Σ u·x̂·Σ g·x̂/n, this gives

        for g:  P(u, γ) + v·x̂ + w
        for γ:  r·c
        for x:  P(g, v) − r/n·(Σ u·x̂·∂x + ∂γ·P(u, γ) + γ·r·c·x̂).
    """
    u, v, w = upstreams
    mean, variance, n = statistics
    for_images, for_gamma, for_beta = gradients
    projected, u_normal, u_sum = project(u, gamma)
    r = tf.math.rsqrt(variance + epsilon)
    g, x, u, for_images, along_u = (
        tf.cast(t, gamma.dtype) for t in (upstream, images, u, for_images, projected)
    )
    c = channel_sum(u * g, gamma.dtype) - (u_sum * for_beta + u_normal * for_gamma) / n
    centred = x - mean
    second_upstream = along_u + (centred * (v * r) + w)
    second_images = tf.cast(project(upstream, v)[0], gamma.dtype) - (
        for_images * (u_normal * r / n)
        + along_u * (for_gamma * r / n)
        + centred * (gamma * c * r**3 / n)
    )
    return (
        tf.cast(second_upstream, upstream.dtype),
        tf.cast(second_images, images.dtype),
        r * c,
    )


def channel_sum(images: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Sums [N, H, W, channels] to [channels] of `dtype`, by the kernel that is fastest at it.

    The kernel adds in the type of its input; in bfloat16 a sum of ones would stop at 256.
    """
    return tf.raw_ops.BiasAddGrad(out_backprop=tf.cast(images, dtype))
