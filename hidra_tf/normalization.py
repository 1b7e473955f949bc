"""Normalisation whose derivatives of every order are right."""

from __future__ import annotations

import keras
import tensorflow as tf

EPSILON = 1e-3


class TaskNormalization(keras.layers.Layer):
    """Normalises by the statistics of one batch of images, and can keep them for the next.

    With `training=True`:  y = γ·(x − μ)/√(σ² + ε) + β, where μ and σ² are the mean and the
    (biased) variance of this batch per channel; they are stored in the non-trainable variables.
    With `training=False`: the same with the stored μ and σ², which are 0 and 1 until a batch has
    been seen: y = γ·x/√(1 + ε) + β, the published HIDRA and MAML programs at all times.

    Why not `keras.layers.BatchNormalization`: it computes the variance by `tf.nn.moments`, which
    stops the gradient at the mean. That is right once but wrong twice, and a second-order
    meta-gradient differentiates it twice. TensorFlow's fused kernel has a wrong second derivative
    as well. Plain operations have neither flaw (tests/hidra_tf/test_normalization.py).

    Input and output: [N, H, W, channels].

    Args:
        epsilon: ε.
        **kwargs: name, dtype and what else a Keras layer takes.
    """

    def __init__(self, epsilon: float = EPSILON, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates γ, β (trainable) and μ, σ² (not), each [channels]."""
        shape = (input_shape[-1],)
        self.gamma = self.add_weight(shape=shape, initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=shape, initializer="zeros", name="beta")
        self.mean = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="mean")
        self.variance = self.add_weight(
            shape=shape, initializer="ones", trainable=False, name="variance"
        )

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Normalises `inputs` by their own statistics (training) or by the stored ones."""
        if not training:
            scale = self.gamma * tf.math.rsqrt(tf.convert_to_tensor(self.variance) + self.epsilon)
            return inputs * scale + (self.beta - self.mean * scale)
        axes = list(range(inputs.shape.rank - 1))
        mean = tf.reduce_mean(inputs, axes)
        centred = inputs - mean
        variance = tf.reduce_mean(tf.square(centred), axes)
        self.mean.assign(mean)
        self.variance.assign(variance)
        return centred * (self.gamma * tf.math.rsqrt(variance + self.epsilon)) + self.beta
