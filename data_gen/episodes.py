"""Episodes: (seed, step) → the same meta-batch, always.

Sampling has no state: nothing to save for a resume, the same on every device, and cheap enough to
run inside the compiled training step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from data_gen import sources, task_shape
from data_gen.class_pool import ClassPool
from data_gen.meta_batch import ClassedEpisodes, Episodes
from data_gen.rotations import RotatedPool
from data_gen.views import AS_STORED, View, step_seed

# One stream of random numbers for each purpose, so that no two ever share a draw.
STREAMS = ("meta_train", "monitor", "evaluation")


class _Rows(NamedTuple):
    """The rows of the pool that a meta-batch consists of.

    Attributes:
        support: [T, C·K] int32.
        query: [T, C·Q] int32.
        shots: K, the support images of each class; or K_c int32 [C] where they are unequal.
        ways: C, an int32 scalar.
        classes: [T, C] int32.
    """

    support: tf.Tensor
    query: tf.Tensor
    shots: int | tf.Tensor
    ways: tf.Tensor
    classes: tf.Tensor


class EpisodeSampler:
    """Draws meta-batches from a class pool.

    Its pictures are kept on the device, once for all samplers, or gathered on the host, some
    meta-batches ahead; the meta-batches are the same, bit for bit.

    The classes of a task are distinct, its images are drawn without replacement, and support and
    query are disjoint. Every class, and every image of a class, is equally likely.

    Example:
        >>> from hidra_tf import EpisodeSampler, load
        >>> sampler = EpisodeSampler(
        ...     load("glyphs").train, ways=(5,), shots=1, query_shots=2, meta_batch=4, seed=0,
        ...     stream="meta_train",
        ... )
        >>> sampler(step=0).query_images.shape
        TensorShape([4, 10, 28, 28, 1])

    Args:
        pool: the classes of one split, upright or rotated.
        ways: the possible numbers of classes; one is drawn for every meta-batch.
        shots: K ≥ 1, support images per class; or several such numbers, of which one is drawn for
            every class of every task. Tasks then differ in size, and `meta_batch` must be 1.
        query_shots: Q ≥ 1, query images per class.
        meta_batch: T ≥ 1, tasks per meta-batch.
        seed: any integer; the same seed, stream and step give the same meta-batch.
        stream: one of `STREAMS`.
        dtype: the type of the images' numbers.
        where: the place that holds the pictures, one of `data_gen.PICTURES`; see
            `data_gen.sources.open_source`.
        view: what is seen of each picture. If it is random, so are all pictures of meta-batches,
            as a function of the seed, the stream, the step and the place in the meta-batch.
        tell_classes: whether the meta-batches are `ClassedEpisodes`.

    Raises:
        UserError: if the pool has too few classes or too few images in a class, or pictures that
            are not for the view.
        TypeError: if `ways` is no sequence of integers, or `shots` neither an integer nor one.
        ValueError: if there is no such stream, no task in a meta-batch, or more than one task with
            several numbers of shots.
    """

    def __init__(
        self,
        pool: ClassPool | RotatedPool,
        ways: Sequence[int],
        shots: int | Sequence[int],
        query_shots: int,
        meta_batch: int,
        seed: int,
        stream: str,
        dtype: str = "float32",
        where: str = "auto",
        view: View = AS_STORED,
        tell_classes: bool = False,
    ) -> None:
        choices = task_shape.check(pool, ways, shots, query_shots, meta_batch)
        self.meta_batch = meta_batch
        self.shots, self.query_shots = max(choices), query_shots
        self._choices, self._tell_classes = choices, tell_classes
        self.dtype, self.view = dtype, view.of(pool.image_shape)
        self._ways = tf.constant(ways, tf.int32)
        self._source = sources.open_source(pool, where)
        self._starts = tf.constant(pool.starts, tf.int32)
        self._counts = tf.constant(pool.counts, tf.int32)
        self._most = max(pool.counts)
        self._seed = stream_seed(seed, stream)

    def __call__(
        self, step: tf.Tensor | int, ways: tf.Tensor | int | None = None
    ) -> Episodes | ClassedEpisodes:
        """The meta-batch of a step.

        Args:
            step: the number of the meta-batch, ≥ 0.
            ways: C, where the caller chooses it; otherwise it is drawn.
        """
        rows, later = self._rows(step, ways), None
        if self._source.looks_ahead:
            later = self._rows(step + sources.AHEAD, ways)[:2]
        images = self._source.gather(rows[:2], later)
        seeds = tf.unstack(tf.random.split(step_seed(self._seed, step), 2, alg="philox"))
        seen = (self.view(i, self.dtype, s) for i, s in zip(images, seeds, strict=True))
        return self._episodes(rows, *seen)

    def of_features(
        self, features: tf.Tensor, step: tf.Tensor | int, ways: tf.Tensor | int | None = None
    ) -> Episodes | ClassedEpisodes:
        """The same meta-batch, with [T, C·K, D] and [T, C·Q, D] features in place of images.

        Args:
            features: [N, D], the features of all N pictures of the pool, in its order.
            step: the number of the meta-batch, ≥ 0.
            ways: C, where the caller chooses it; otherwise it is drawn.
        """
        rows = self._rows(step, ways)
        return self._episodes(rows, *(tf.gather(features, part) for part in rows[:2]))

    def classes(self, step: tf.Tensor | int, ways: tf.Tensor | int | None = None) -> tf.Tensor:
        """The numbers [T, C] int32 that the classes of a meta-batch have in the pool.

        Label c of task t stands for the class `pool.names[classes[t, c]]`.

        Args:
            step: the number of the meta-batch, ≥ 0.
            ways: C, where the caller chooses it; otherwise it is drawn.
        """
        with self._source.drawing():
            seeds = self._seeds(step)
            return self._draw_classes(seeds[1], self._ways_of(seeds[0], ways))

    def pictures(self, rows: tf.Tensor) -> tf.Tensor:
        """Rows of the pool [...] → images [..., H, W, channels], with nothing random."""
        (images,) = self._source.gather([rows])
        return self.view.plain(images, self.dtype)

    def _episodes(
        self, rows: _Rows, support: tf.Tensor, query: tf.Tensor
    ) -> Episodes | ClassedEpisodes:
        labels = [self._labels(rows.ways, repeats) for repeats in (rows.shots, self.query_shots)]
        arrays = (support, labels[0], query, labels[1])
        if self._tell_classes:
            return ClassedEpisodes(*arrays, rows.ways, rows.classes)
        return Episodes(*arrays, rows.ways)

    def _seeds(self, step: tf.Tensor | int) -> list[tf.Tensor]:
        """The seeds of a meta-batch: of its ways, its classes and its images."""
        seed = tf.random.fold_in(self._seed, tf.cast(step, tf.int32), alg="philox")
        return tf.unstack(tf.random.split(seed, 3, alg="philox"))

    def _rows(self, step: tf.Tensor | int, ways: tf.Tensor | int | None) -> _Rows:
        with self._source.drawing():
            seeds = self._seeds(step)
            ways = self._ways_of(seeds[0], ways)
            classes = self._draw_classes(seeds[1], ways)
            rows = self._draw_rows(seeds[2], classes)
            support, query = tf.split(rows, [self.shots, self.query_shots], axis=-1)
            shots: int | tf.Tensor = self.shots
            if len(self._choices) > 1:
                shots = self._draw_shots(seeds[0], ways)
                support = tf.boolean_mask(support[0], tf.sequence_mask(shots, self.shots))
            support, query = (tf.reshape(part, (self.meta_batch, -1)) for part in (support, query))
        return _Rows(support, query, shots, ways, classes)

    def _ways_of(self, seed: tf.Tensor, ways: tf.Tensor | int | None) -> tf.Tensor:
        """C, drawn where nobody chose it."""
        return tf.convert_to_tensor(self._draw_ways(seed) if ways is None else ways, tf.int32)

    def _draw_shots(self, seed: tf.Tensor, ways: tf.Tensor) -> tf.Tensor:
        """K_c [C] of one task, each one of the possible numbers with equal probability."""
        # A seed of its own, derived so that the other draws stay what they were.
        seed = tf.random.fold_in(seed, 1, alg="philox")
        choice = tf.random.stateless_uniform(
            tf.reshape(ways, (1,)), seed, 0, len(self._choices), tf.int32, alg="philox"
        )
        return tf.gather(tf.constant(self._choices, tf.int32), choice)

    def _draw_ways(self, seed: tf.Tensor) -> tf.Tensor:
        choice = tf.random.stateless_uniform(
            (), seed, 0, tf.size(self._ways), tf.int32, alg="philox"
        )
        return self._ways[choice]

    def _draw_classes(self, seed: tf.Tensor, ways: tf.Tensor) -> tf.Tensor:
        """Distinct classes [T, C]: those with the C largest of independent random numbers."""
        noise = tf.random.stateless_uniform(
            (self.meta_batch, self._counts.shape[0]), seed, alg="philox"
        )
        return tf.math.top_k(noise, ways).indices

    def _draw_rows(self, seed: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
        """Rows [T, C, K+Q] of distinct images of each class, by the same trick."""
        shape = tf.concat([tf.shape(classes), [self._most]], 0)
        noise = tf.random.stateless_uniform(shape, seed, alg="philox")
        exists = tf.range(self._most) < tf.gather(self._counts, classes)[..., tf.newaxis]
        noise = tf.where(exists, noise, -1.0)
        chosen = tf.math.top_k(noise, self.shots + self.query_shots).indices
        return chosen + tf.gather(self._starts, classes)[..., tf.newaxis]

    def _labels(self, ways: tf.Tensor, repeats: int | tf.Tensor) -> tf.Tensor:
        labels = tf.repeat(tf.range(ways), repeats)
        return tf.tile(labels[tf.newaxis], (self.meta_batch, 1))


def stream_seed(seed: int, stream: str) -> tf.Tensor:
    """A seed [2] from any integer and one of `STREAMS`.

    Raises:
        ValueError: if there is no such stream.
    """
    if stream not in STREAMS:
        raise ValueError(f"stream: expected one of {', '.join(STREAMS)}; received {stream!r}")
    parts = np.array([seed & 0x7FFFFFFF, (seed >> 31) & 0x7FFFFFFF], np.int32)
    return tf.random.fold_in(parts, STREAMS.index(stream), alg="philox")
