"""Normalisation whose derivatives of every order are right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

EPSILON = 1e-3
# TensorFlow has its fused kernel for these.
_FUSED = (tf.float32, tf.bfloat16, tf.float16)
_NO_THIRD = "normalisation has no third derivative; use float64, whose operations are plain"


class TaskNormalization(keras.layers.Layer):
    """Normalises by the statistics of one batch of images, and can keep them for the next.

    With `training=True`:  y = γ·(x − μ)/√(σ² + ε) + β, where μ and σ² are the mean and the
    (biased) variance of this batch per channel; they are stored in the non-trainable variables.
    With `training=False`: the same with the stored μ and σ², which are 0 and 1 until a batch has
    been seen: y = γ·x/√(1 + ε) + β, the published HIDRA and MAML programs at all times.

    Statistics are computed in the variables' precision, whatever the images'.

    Why not `keras.layers.BatchNormalization`: it computes the variance by `tf.nn.moments`, which
    stops the gradient at the mean. That is right once but wrong twice, and a second-order
    meta-gradient differentiates it twice. TensorFlow's fused kernel has a right second derivative,
    but not a third, and a slow one; `normalise` brings its own
    (tests/hidra_tf/backbones/test_normalization.py).

    Input and output: [N, H, W, channels], or [..., channels].

    Args:
        epsilon: ε.
        scale: whether γ is learned; it is 1 otherwise.
        center: whether β is learned; it is 0 otherwise.
        **kwargs: name, dtype and what else a Keras layer takes.
    """

    def __init__(
        self,
        epsilon: float = EPSILON,
        scale: bool = True,
        center: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.epsilon, self.scale, self.center = epsilon, scale, center

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates γ, β (to be learned) and μ, σ² (not), each [channels]."""
        for name, initial, trainable in (
            ("gamma", "ones", self.scale),
            ("beta", "zeros", self.center),
            ("mean", "zeros", False),
            ("variance", "ones", False),
        ):
            weight = self.add_weight(
                shape=(input_shape[-1],),
                initializer=initial,
                trainable=trainable,
                autocast=False,
                name=name,
            )
            setattr(self, name, weight)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Normalises `inputs` by their own statistics (training) or by the stored ones."""
        if not training:
            scale, shift = self.as_affine(*self.stored())
            return tf.cast(tf.cast(inputs, scale.dtype) * scale + shift, inputs.dtype)
        gamma, beta = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        self.store(*moments(tf.cast(inputs, gamma.dtype)))
        return normalise(inputs, gamma, beta, self.epsilon)

    def as_affine(self, mean: tf.Tensor, variance: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Scale and shift, each [channels], with which y = scale·x + shift."""
        scale = self.gamma * tf.math.rsqrt(variance + self.epsilon)
        return scale, self.beta - mean * scale

    def stored(self) -> tuple[tf.Tensor, tf.Tensor]:
        """μ and σ², each [channels]."""
        return tf.convert_to_tensor(self.mean), tf.convert_to_tensor(self.variance)

    def store(self, mean: tf.Tensor, variance: tf.Tensor) -> None:
        """Keeps μ and σ² for the calls with `training=False`."""
        self.mean.assign(mean)
        self.variance.assign(variance)


def moments(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and biased variance [channels] of images [N, H, W, channels]."""
    axes = list(range(images.shape.rank - 1))
    mean = tf.reduce_mean(images, axes)
    return mean, tf.reduce_mean(tf.square(images - mean), axes)


def normalise(images: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float) -> tf.Tensor:
    """γ·(x − μ)/√(σ² + ε) + β with the μ and σ² of these images.

    Args:
        images: x, [N, H, W, channels] or [..., channels].
        gamma: γ, [channels].
        beta: β, [channels].
        epsilon: ε.

    Returns:
        The shape and the type of `images`.
    """
    if images.shape.rank != 4:
        flat = tf.reshape(images, (-1, 1, 1, images.shape[-1]))
        return tf.reshape(normalise(flat, gamma, beta, epsilon), tf.shape(images))
    if images.dtype in _FUSED:
        return _fused(images, gamma, beta, epsilon)
    mean, variance = moments(images)
    return (images - mean) * (gamma * tf.math.rsqrt(variance + epsilon)) + beta


def _fused(images: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float) -> tf.Tensor:
    """`normalise` by TensorFlow's kernels, but for the second derivative, which has no kernel."""

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
    """The gradient of the first gradient, with respect to the upstream g, x and γ.

    With x̂ = (x − μ)·r, r = 1/√(σ² + ε), n values per channel and sums over them, the first is

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
    """[N, H, W, channels] → [channels] of `dtype`, by the kernel that is fastest at it.

    The kernel adds in the type of its input: in bfloat16 it would stop growing at 256.
    """
    return tf.raw_ops.BiasAddGrad(out_backprop=tf.cast(images, dtype))
