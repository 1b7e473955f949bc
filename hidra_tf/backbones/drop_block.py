"""DropBlock: dropout of whole regions, for meta-training only."""

from __future__ import annotations

import keras
import tensorflow as tf

from hidra_tf.backbones.meta_training import meta_update

# The seed of the hash of pictures: any pair of integers would do.
_HASH_SEED = (2018, 12890)


@keras.saving.register_keras_serializable(package="hidra_tf")
class Digest(keras.layers.Layer):
    """A number for each picture, which depends on nothing but that picture.

    Images [N, H, W, channels] → int64 [N] of 32 significant bits. Two different pictures have the
    same number with a probability of about 2⁻³².

    The hash is `Σ wᵢ·bᵢ mod 2⁶⁴` without its lower half, for the bits bᵢ of the i-th value and
    fixed random wᵢ (https://en.wikipedia.org/wiki/Universal_hashing#Hashing_vectors). Sums of
    integers do not depend on the order of the terms, so all devices compute the same number.
    """

    def __init__(self, **kwargs: object) -> None:
        super().__init__(autocast=False, **kwargs)

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """The number [N] of each of the images [N, ...]."""
        bits = tf.bitcast(tf.cast(images, tf.float32), tf.int32)
        values = tf.cast(tf.reshape(bits, (tf.shape(images)[0], -1)), tf.int64)
        weights = _random_integers(tf.shape(values)[1:], tf.constant(_HASH_SEED, tf.int64))
        return tf.bitwise.right_shift(tf.reduce_sum(values * weights, axis=1), 32)


@keras.saving.register_keras_serializable(package="hidra_tf")
class DropBlock(keras.layers.Layer):
    """Sets squares of an activation to 0 and scales the rest up.

    Source: Ghiasi, Lin and Le (2018), https://arxiv.org/abs/1810.12890.

    What a picture loses is a function of the seed, of the number of the meta-update and of that
    picture's `Digest`. It is the same at every inner step of a task, where a step is computed again
    for its gradient, and where a run is resumed, and it depends on no other picture: neither on
    which pictures share the call nor on how many. Equal pictures lose the same regions.

    Inputs: activations [N, H, W, channels], and the `Digest` [N] of the pictures that they come
    from. Output: [N, H, W, channels].

    Args:
        rate: the share of activations that is dropped, about; 0 ≤ rate < 1.
        size: the side of the squares in activations, ≥ 1. Squares are no larger than the
            activations' own sides; a size of 1 is dropout.
        seed: an integer ≥ 0.
        **kwargs: name, dtype and the other arguments of a Keras layer.

    Raises:
        ValueError: if the rate is out of its range.
    """

    def __init__(self, rate: float, size: int, seed: int, **kwargs: object) -> None:
        if not 0 <= rate < 1:
            raise ValueError(f"rate: expected 0 or more and less than 1, received {rate}")
        super().__init__(autocast=False, **kwargs)
        self.rate, self.size, self.seed = rate, size, seed

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """The activations; some of them are dropped within `meta_training`."""
        activations, digests = inputs
        step = meta_update()
        if step is None or not self.rate:
            return activations
        kept = self._kept(activations.shape[1:], digests, step)
        share = tf.reduce_mean(kept, axis=(1, 2, 3), keepdims=True)
        # Nothing is left to be scaled of a picture that was dropped altogether.
        return activations * tf.cast(tf.math.divide_no_nan(kept, share), activations.dtype)

    def compute_output_shape(
        self, input_shape: list[tuple[int | None, ...]]
    ) -> tuple[int | None, ...]:
        """The shape of the activations."""
        return input_shape[0]

    def get_config(self) -> dict[str, object]:
        """The arguments, as Keras saves them."""
        own = {"rate": self.rate, "size": self.size, "seed": self.seed}
        return {**super().get_config(), **own}

    def _kept(self, shape: tf.TensorShape, digests: tf.Tensor, step: tf.Tensor | int) -> tf.Tensor:
        """[N, *shape]: 1 where an activation is kept, 0 where a square covers it.

        A square begins at place i of a picture with digest d if `aᵢ·d + bᵢ mod 2⁶⁴` is among the
        smallest, for aᵢ and bᵢ that are random in every meta-update. So squares of one picture are
        independent of one another, and those of two pictures are too (multiply-shift hashing,
        Dietzfelbinger, 1996, https://doi.org/10.1007/3-540-60922-9_46).
        """
        height, width, channels = shape
        size = min(self.size, height, width)
        corners = (height - size + 1, width - size + 1, channels)
        # As many squares as would drop `rate` of the activations if none overlapped.
        share = self.rate * height * width / (corners[0] * corners[1] * size**2)
        seeds = tf.stack([tf.constant(self.seed, tf.int64), tf.cast(step, tf.int64)])
        factors, terms = tf.unstack(_random_integers((2, *corners), seeds))
        noise = digests[:, tf.newaxis, tf.newaxis, tf.newaxis] * factors + terms
        # The share of all integers from -2⁶³ to 2⁶³ - 1.
        starts = tf.cast(noise < int((share - 0.5) * 2**64), tf.float32)
        border = [size - 1, size - 1]
        padded = tf.pad(starts, [[0, 0], border, border, [0, 0]])
        return 1 - tf.nn.max_pool2d(padded, size, 1, "VALID")


def _random_integers(shape: tf.Tensor | tuple[int, ...], seeds: tf.Tensor) -> tf.Tensor:
    """Integers of all 64 bits; the same ones for the same two seeds on every device."""
    return tf.random.stateless_uniform(shape, seeds, None, None, tf.int64, alg="philox")
