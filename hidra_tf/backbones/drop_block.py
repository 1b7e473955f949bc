"""DropBlock: dropout of whole regions, for meta-training only."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator

import keras
import tensorflow as tf

_META_TRAINING = contextvars.ContextVar("meta_training", default=False)


@contextlib.contextmanager
def meta_training() -> Iterator[None]:
    """Within it, `DropBlock` drops; what is compiled within it goes on to do so.

    Keras's `training` cannot say it: a task's tests are normalised by batch statistics too.
    """
    token = _META_TRAINING.set(True)
    try:
        yield
    finally:
        _META_TRAINING.reset(token)


class Digest(keras.layers.Layer):
    """A number that differs wherever pictures do: floats of any shape → an int32 scalar."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(autocast=False, **kwargs)

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """The sum of the bits, which depends on no order."""
        return tf.reduce_sum(tf.bitcast(tf.cast(images, tf.float32), tf.int32))


class DropBlock(keras.layers.Layer):
    """Sets squares of an activation to 0 and scales the rest up (Ghiasi, Lin and Le, 2018).

    What is dropped is a function of the seed and of the pictures: nothing to save, the same again
    where a step is recomputed or a run resumed, and the same at every inner step of a task.

    Inputs: activations [N, H, W, channels], and the `Digest` of the pictures that they come from.
    Output: [N, H, W, channels].

    Args:
        rate: the share of activations to be dropped, about.
        size: side of the squares, at most that of the activations; 1 is dropout.
        seed: an integer.
        **kwargs: name, dtype and what else a Keras layer takes.
    """

    def __init__(self, rate: float, size: int, seed: int, **kwargs: object) -> None:
        if not 0 <= rate < 1:
            raise ValueError(f"rate: expected 0 or more and less than 1, received {rate}")
        super().__init__(autocast=False, **kwargs)
        self.rate, self.size, self.seed = rate, size, seed

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """The activations; some of them dropped within `meta_training`."""
        activations, digest = inputs
        if not (_META_TRAINING.get() and self.rate):
            return activations
        kept = self._kept(activations, digest)
        scale = tf.cast(tf.size(kept), kept.dtype) / tf.maximum(tf.reduce_sum(kept), 1)
        return activations * tf.cast(kept * scale, activations.dtype)

    def compute_output_shape(
        self, input_shape: list[tuple[int | None, ...]]
    ) -> tuple[int | None, ...]:
        """That of the activations."""
        return input_shape[0]

    def _kept(self, activations: tf.Tensor, digest: tf.Tensor) -> tf.Tensor:
        """1 where an activation is kept, 0 where a square covers it."""
        count, height, width, channels = tf.unstack(tf.shape(activations))
        size = min(self.size, *activations.shape[1:3])
        corners = [height - size + 1, width - size + 1]
        # As many squares as would drop `rate` of the activations if none overlapped.
        places = tf.cast(height * width, tf.float32) / tf.cast(corners[0] * corners[1], tf.float32)
        noise = tf.random.stateless_uniform(
            tf.stack([count, *corners, channels]), tf.stack([self.seed, digest]), alg="philox"
        )
        starts = tf.cast(noise < self.rate * places / size**2, tf.float32)
        border = [size - 1, size - 1]
        padded = tf.pad(starts, [[0, 0], border, border, [0, 0]])
        return 1 - tf.nn.max_pool2d(padded, size, 1, "VALID")
