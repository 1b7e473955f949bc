"""What a meta-batch consists of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf


class Episodes(NamedTuple):
    """A meta-batch of T tasks with C classes, K support and Q query images per class.

    Where the classes of a task have unequal numbers of support images K_c, T is 1, and Σ K_c takes
    the place of C·K.

    Attributes:
        support_images: [T, C·K, H, W, channels], values in [0, 1] unless the view is standardised.
        support_labels: [T, C·K] int32 in 0 … C−1.
        query_images: [T, C·Q, H, W, channels].
        query_labels: [T, C·Q] int32.
        ways: C, an int32 scalar.
    """

    support_images: tf.Tensor
    support_labels: tf.Tensor
    query_images: tf.Tensor
    query_labels: tf.Tensor
    ways: tf.Tensor

    @property
    def arrays(self) -> list[tf.Tensor]:
        """All but the ways: images and labels."""
        return list(self[:4])

    @staticmethod
    def of(ways: tf.Tensor, arrays: Sequence[tf.Tensor]) -> Episodes | ClassedEpisodes:
        """The inverse of `arrays`; or episodes of some of the tasks, or of one without its axis."""
        kind = Episodes if len(arrays) == len(Episodes._fields) - 1 else ClassedEpisodes
        return kind(*arrays[:4], ways, *arrays[4:])


class ClassedEpisodes(NamedTuple):
    """`Episodes` that tell which classes of the pool their tasks consist of.

    Attributes:
        support_images: as of `Episodes`, and so the other attributes but the last.
        support_labels: integers.
        query_images: images.
        query_labels: integers.
        ways: C.
        classes: [T, C] int32, the numbers of the classes in the pool: label c of task t stands for
            class `classes[t, c]`.
    """

    support_images: tf.Tensor
    support_labels: tf.Tensor
    query_images: tf.Tensor
    query_labels: tf.Tensor
    ways: tf.Tensor
    classes: tf.Tensor

    @property
    def arrays(self) -> list[tf.Tensor]:
        """All but the ways: images, labels and classes."""
        return [*self[:4], self.classes]
