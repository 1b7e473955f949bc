"""Minibatches of pictures with the classes of a whole pool: (seed, step) → the same one, always."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from data_gen import sources
from data_gen.class_pool import ClassPool
from data_gen.episodes import stream_seed
from data_gen.rotations import RotatedPool
from data_gen.views import AS_STORED, View, step_seed

_STREAM = "meta_train"
# A branch of the stream's seed that no meta-batch uses.
_BRANCH = -1


class Batch(NamedTuple):
    """A minibatch of N pictures.

    Attributes:
        images: [N, H, W, channels], values in [0, 1] unless the view is standardised.
        labels: [N] int32, the numbers of their classes in the pool.
    """

    images: tf.Tensor
    labels: tf.Tensor


class BatchSampler:
    """Draws pictures of a pool, each as likely as any other, with or without replacement.

    Without replacement, every picture is drawn once before any is drawn again: the pictures of an
    epoch come in an order of their own, and a minibatch may hold the end of one epoch and the
    beginning of the next. As with episodes there is no state. The pictures are on the device once
    for all samplers, or the host gathers them some minibatches ahead; the minibatches are the same,
    bit for bit.

    Args:
        pool: the classes, upright or rotated.
        size: N ≥ 1, the number of pictures in a minibatch.
        seed: any integer; the same seed and step give the same minibatch.
        dtype: the type of the images' numbers.
        where: the place that holds the pictures, one of `data_gen.PICTURES`; see
            `data_gen.sources.open_source`.
        view: what is seen of each picture. If it is random, it is a function of the seed, the step
            and the place in the minibatch.
        replacement: whether a picture may be drawn again before all others were.

    Raises:
        ValueError: if there is no picture in a minibatch.
        UserError: if the pool's pictures are not for the view.
    """

    def __init__(
        self,
        pool: ClassPool | RotatedPool,
        size: int,
        seed: int,
        dtype: str = "float32",
        where: str = "auto",
        view: View = AS_STORED,
        replacement: bool = True,
    ) -> None:
        if not isinstance(size, int | np.integer) or size < 1:
            raise ValueError(f"size: expected 1 picture or more; received {size!r}")
        self.size, self.dtype, self.view = size, dtype, view.of(pool.image_shape)
        self.replacement = replacement
        self._source = sources.open_source(pool, where)
        self._starts = tf.constant(pool.starts, tf.int32)
        self._total = sum(pool.counts)
        self._stream = stream_seed(seed, _STREAM)
        self._seed = tf.random.fold_in(self._stream, _BRANCH, alg="philox")

    def __call__(self, step: tf.Tensor | int) -> Batch:
        """The minibatch of a step ≥ 0."""
        rows, later = self._rows(step), None
        if self._source.looks_ahead:
            later = [self._rows(step + sources.AHEAD)]
        (images,) = self._source.gather([rows], later)
        labels = tf.searchsorted(self._starts, rows, side="right") - 1
        return Batch(self.view(images, self.dtype, step_seed(self._stream, step)), labels)

    def _rows(self, step: tf.Tensor | int) -> tf.Tensor:
        """The rows [N] of the pool that the minibatch of a step consists of."""
        with self._source.drawing():
            if not self.replacement:
                return self._rows_of_epochs(step)
            seed = tf.random.fold_in(self._seed, tf.cast(step, tf.int32), alg="philox")
            return tf.random.stateless_uniform(
                (self.size,), seed, 0, self._total, tf.int32, alg="philox"
            )

    def _rows_of_epochs(self, step: tf.Tensor | int) -> tf.Tensor:
        """The same without replacement: places in the orders of one epoch after another."""
        drawn = tf.cast(step, tf.int64) * self.size + tf.range(self.size, dtype=tf.int64)
        epoch, place = (tf.cast(n, tf.int32) for n in (drawn // self._total, drawn % self._total))
        # `tf.random.experimental.index_shuffle`, which takes one seed only, calls this too.
        seeds = tf.stack([*(tf.fill([self.size], n) for n in tf.unstack(self._seed)), epoch], 1)
        last = tf.fill([self.size], self._total - 1)
        return tf.raw_ops.RandomIndexShuffle(index=place, seed=seeds, max_index=last)
