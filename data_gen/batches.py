"""Minibatches of pictures with the classes of a whole pool: (seed, step) → the same one, always."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from data_gen.class_pool import ClassPool
from data_gen.episodes import EpisodeSampler, stream_seed
from data_gen.rotations import RotatedPool

_STREAM = "meta_train"
# A branch of its seed that no meta-batch uses.
_BRANCH = -1


class Batch(NamedTuple):
    """N pictures.

    Attributes:
        images: [N, H, W, channels], values in [0, 1].
        labels: [N] int32, the classes' places in the pool.
    """

    images: tf.Tensor
    labels: tf.Tensor


class BatchSampler:
    """Draws pictures of a pool, each as likely as any other, with replacement.

    As with episodes there is no state, and the pool is on the device once for all samplers.

    Args:
        pool: the classes.
        size: N ≥ 1, pictures of a minibatch.
        seed: any integer; the same seed and step give the same minibatch.
        dtype: of the images.
        where: one of `data_gen.PICTURES`.
    """

    def __init__(
        self,
        pool: ClassPool | RotatedPool,
        size: int,
        seed: int,
        dtype: str = "float32",
        where: str = "auto",
    ) -> None:
        # Pictures come from where those of episodes come from; of its tasks none is drawn.
        self._episodes = EpisodeSampler(pool, (2,), 1, 1, 1, seed, _STREAM, dtype, where)
        self.size, self.dtype = size, dtype
        self._starts = tf.constant(pool.starts, tf.int32)
        self._total = sum(pool.counts)
        self._seed = tf.random.fold_in(stream_seed(seed, _STREAM), _BRANCH, alg="philox")

    def __call__(self, step: tf.Tensor | int) -> Batch:
        """The minibatch of a step ≥ 0."""
        seed = tf.random.fold_in(self._seed, tf.cast(step, tf.int32), alg="philox")
        rows = tf.random.stateless_uniform(
            (self.size,), seed, 0, self._total, tf.int32, alg="philox"
        )
        labels = tf.searchsorted(self._starts, rows, side="right") - 1
        return Batch(self._episodes.pictures(rows), labels)
