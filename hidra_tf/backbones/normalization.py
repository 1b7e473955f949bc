"""Normalisation whose derivatives of every order are right."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator

import keras
import tensorflow as tf

from hidra_tf.backbones.fused_normalization import fused_normalise

EPSILON = 1e-3
# TensorFlow has its fused kernel for these types.
_FUSED = (tf.float32, tf.bfloat16, tf.float16)
_PLAIN = contextvars.ContextVar("plain", default=False)


@contextlib.contextmanager
def plain() -> Iterator[None]:
    """Normalises by plain operations that are right where TensorFlow Lite runs them.

    Kernels stay the numbers of the weights, so that they are constants, and can be quantised, where
    the statistics are inputs. Statistics are means over pictures of means over places, because
    TensorFlow Lite adds up one number after the other, which loses digits. What is traced within it
    stays so.
    """
    token = _PLAIN.set(True)
    try:
        yield
    finally:
        _PLAIN.reset(token)


def is_plain() -> bool:
    """Whether this is within `plain`."""
    return _PLAIN.get()


@keras.saving.register_keras_serializable(package="hidra_tf")
class TaskNormalization(keras.layers.Layer):
    """Normalises by the statistics of one batch of images, and can keep them for the next.

    With `training=True`, y = γ·(x − μ)/√(σ² + ε) + β, where μ and σ² are the mean and the
    (biased) variance of this batch per channel. They are stored in the non-trainable variables.
    With `training=False`, the formula uses the stored μ and σ². These are 0 and 1 until a batch has
    been seen, so that y = γ·x/√(1 + ε) + β, as in the published HIDRA and MAML programs at all
    times.

    Statistics are computed in the precision of the variables, whatever that of the images is.

    Why not `keras.layers.BatchNormalization`
    (Ioffe and Szegedy, 2015, https://arxiv.org/abs/1502.03167): it computes the variance by
    `tf.nn.moments`, which stops the gradient at the mean. The first derivative is right all the
    same, but the second one is wrong, and a second-order meta-gradient needs it. TensorFlow's fused
    kernel has a right second derivative, but a slow one, and no third; `fused_normalise` brings its
    own (tests/hidra_tf/backbones/test_normalization.py).

    Input and output: [N, H, W, channels], or [..., channels].

    Args:
        epsilon: ε > 0.
        scale: whether γ is learned; otherwise γ is 1.
        center: whether β is learned; otherwise β is 0.
        **kwargs: name, dtype and the other arguments of a Keras layer.
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
        """Creates γ and β, which are learned, and μ and σ², which are not; each [channels]."""
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
        if training and is_plain():
            self.store(*moments_of_pictures(inputs))
            training = False
        if not training:
            scale, shift = self.as_affine(*self.stored())
            return tf.cast(tf.cast(inputs, scale.dtype) * scale + shift, inputs.dtype)
        gamma, beta = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        self.store(*moments(tf.cast(inputs, gamma.dtype)))
        return normalise(inputs, gamma, beta, self.epsilon)

    def get_config(self) -> dict[str, object]:
        """The arguments, as Keras saves them."""
        own = {"epsilon": self.epsilon, "scale": self.scale, "center": self.center}
        return {**super().get_config(), **own}

    def as_affine(self, mean: tf.Tensor, variance: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The scale and the shift, each [channels], of y = scale·x + shift."""
        scale = self.gamma * tf.math.rsqrt(variance + self.epsilon)
        return scale, self.beta - mean * scale

    def stored(self) -> tuple[tf.Tensor, tf.Tensor]:
        """The stored μ and σ², each [channels]."""
        return tf.convert_to_tensor(self.mean), tf.convert_to_tensor(self.variance)

    def store(self, mean: tf.Tensor, variance: tf.Tensor) -> None:
        """Keeps μ and σ² for the calls with `training=False`."""
        self.mean.assign(mean)
        self.variance.assign(variance)


def moments(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Computes mean and biased variance [channels] of images [N, H, W, channels]."""
    axes = list(range(images.shape.rank - 1))
    mean = tf.reduce_mean(images, axes)
    return mean, tf.reduce_mean(tf.square(images - mean), axes)


def moments_of_pictures(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The same of images [N, ..., channels], as means over images of means within each."""

    def mean(values: tf.Tensor) -> tf.Tensor:
        within = list(range(1, values.shape.rank - 1))
        return tf.reduce_mean(tf.reduce_mean(values, within), 0)

    center = mean(images)
    return center, mean(tf.square(images - center))


def normalise(images: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float) -> tf.Tensor:
    """Computes γ·(x − μ)/√(σ² + ε) + β with the μ and σ² of these images.

    Args:
        images: x, [N, H, W, channels] or [..., channels].
        gamma: γ, [channels].
        beta: β, [channels].
        epsilon: ε > 0.

    Returns:
        y, of the shape and the type of `images`.
    """
    if images.shape.rank != 4:
        flat = tf.reshape(images, (-1, 1, 1, images.shape[-1]))
        return tf.reshape(normalise(flat, gamma, beta, epsilon), tf.shape(images))
    if images.dtype in _FUSED:
        return fused_normalise(images, gamma, beta, epsilon)
    mean, variance = moments(images)
    return (images - mean) * (gamma * tf.math.rsqrt(variance + epsilon)) + beta
