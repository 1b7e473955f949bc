"""Normalisation whose derivatives of every order are right."""

from __future__ import annotations

import keras
import tensorflow as tf

EPSILON = 1e-3
# TensorFlow has its fused kernel for these.
_FUSED = (tf.float32, tf.bfloat16, tf.float16)


class TaskNormalization(keras.layers.Layer):
    """Normalises by the statistics of one batch of images, and can keep them for the next.

    With `training=True`:  y = γ·(x − μ)/√(σ² + ε) + β, where μ and σ² are the mean and the
    (biased) variance of this batch per channel; they are stored in the non-trainable variables.
    With `training=False`: the same with the stored μ and σ², which are 0 and 1 until a batch has
    been seen: y = γ·x/√(1 + ε) + β, the published HIDRA and MAML programs at all times.

    Statistics are computed in the variables' precision, whatever the images'.

    Why not `keras.layers.BatchNormalization`: it computes the variance by `tf.nn.moments`, which
    stops the gradient at the mean. That is right once but wrong twice, and a second-order
    meta-gradient differentiates it twice. TensorFlow's fused kernel goes wrong the same way one
    order later, at the third derivative; `normalise` is right at every order
    (tests/hidra_tf/test_normalization.py).

    Input and output: [N, H, W, channels].

    Args:
        epsilon: ε.
        **kwargs: name, dtype and what else a Keras layer takes.
    """

    def __init__(self, epsilon: float = EPSILON, **kwargs: object) -> None:
        super().__init__(autocast=False, **kwargs)
        self.epsilon = epsilon

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates γ, β (trainable) and μ, σ² (not), each [channels]."""
        for name, initial, trainable in (
            ("gamma", "ones", True),
            ("beta", "zeros", True),
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
        images: x, [N, H, W, channels].
        gamma: γ, [channels].
        beta: β, [channels].
        epsilon: ε.

    Returns:
        The shape and the type of `images`.
    """
    if images.dtype in _FUSED:
        return _fused(images, gamma, beta, epsilon)
    mean, variance = moments(images)
    return (images - mean) * (gamma * tf.math.rsqrt(variance + epsilon)) + beta


def _fused(images: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float) -> tf.Tensor:
    """`normalise` by TensorFlow's kernels for the value and its first derivative.

    The derivative of that derivative is found by differentiating `_gradients`. TensorFlow's own
    is as right, but stops a gradient that a third derivative needs.
    """

    @tf.custom_gradient
    def forward(images: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tuple[tf.Tensor, object]:
        outputs, _, _, *reserved = tf.raw_ops.FusedBatchNormV3(
            x=images, scale=gamma, offset=beta, mean=[], variance=[], epsilon=epsilon
        )

        @tf.custom_gradient
        def backward(
            upstream: tf.Tensor, images: tf.Tensor, gamma: tf.Tensor
        ) -> tuple[tuple[tf.Tensor, ...], object]:
            first = tf.raw_ops.FusedBatchNormGradV3(
                y_backprop=upstream,
                x=images,
                scale=gamma,
                reserve_space_1=reserved[0],
                reserve_space_2=reserved[1],
                reserve_space_3=reserved[2],
                epsilon=epsilon,
            )[:3]

            def second(*upstreams: tf.Tensor) -> list[tf.Tensor]:
                sources = [upstream, images, gamma]
                with tf.GradientTape() as tape:
                    tape.watch(sources)
                    exact = _gradients(*sources, epsilon)
                return tape.gradient(exact, sources, output_gradients=upstreams)

            return tuple(first), second

        return outputs, lambda upstream: backward(upstream, images, gamma)

    return forward(images, gamma, beta)


def _gradients(
    upstream: tf.Tensor, images: tf.Tensor, gamma: tf.Tensor, epsilon: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """∂/∂x, ∂/∂γ and ∂/∂β of `normalise`, by plain operations.

    With x̂ = (x − μ)/√(σ² + ε), n values per channel and the upstream gradient g:
    ∂β = Σ g,  ∂γ = Σ g·x̂,  ∂x = γ/√(σ² + ε)·(g − ∂β/n − x̂·∂γ/n).
    """
    given, upstream = images.dtype, tf.cast(upstream, gamma.dtype)
    mean, variance = moments(tf.cast(images, gamma.dtype))
    deviation = tf.math.rsqrt(variance + epsilon)
    normal = (tf.cast(images, gamma.dtype) - mean) * deviation
    axes = list(range(images.shape.rank - 1))
    for_beta = tf.reduce_sum(upstream, axes)
    for_gamma = tf.reduce_sum(upstream * normal, axes)
    n = tf.cast(tf.size(images) // images.shape[-1], gamma.dtype)
    for_images = gamma * deviation * (upstream - for_beta / n - normal * (for_gamma / n))
    return tf.cast(for_images, given), for_gamma, for_beta
