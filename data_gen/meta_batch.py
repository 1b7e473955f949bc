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
        classes: [T, C] int32, the numbers of the classes in the pool: label c of task t stands for
            class `classes[t, c]`. None where the pictures are of no pool.
    """

    support_images: tf.Tensor
    support_labels: tf.Tensor
    query_images: tf.Tensor
    query_labels: tf.Tensor
    ways: tf.Tensor
    classes: tf.Tensor | None = None

    @property
    def arrays(self) -> list[tf.Tensor]:
        """All but the ways: images and labels, and the classes if they are told."""
        return [*self[:4], *([] if self.classes is None else [self.classes])]

    @classmethod
    def of(cls, ways: tf.Tensor, arrays: Sequence[tf.Tensor]) -> Episodes:
        """The inverse of `arrays`; or episodes of some of the tasks, or of one without its axis."""
        return cls(*arrays[:4], ways, *arrays[4:])
