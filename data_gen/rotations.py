"""Classes turned by quarter turns as classes of their own (Santoro et al., 2016; MAML's program).

A character turned by 90° is another character. The pictures stay as they are in memory: a rotated
pool has four rows for each, and turns those that are drawn.
"""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from data_gen.class_pool import ClassPool
from data_gen.errors import UserError

TURNS = 4


class RotatedPool:
    """A pool as 4 pools, one after the other, turned by 0°, 90°, 180° and 270° anticlockwise.

    Row r of the pictures is row r mod N of the N upright ones, turned r div N times.

    Args:
        upright: the pool as it is; its pictures are square.

    Raises:
        UserError: if the pictures are not square.
    """

    def __init__(self, upright: ClassPool) -> None:
        *sides, _ = upright.image_shape
        if len(sides) != 2 or sides[0] != sides[1]:
            received = " × ".join(map(str, sides)) or "vectors"
            raise UserError(f"rotations: expected square pictures, received {received}")
        self.upright = upright
        self.counts = upright.counts * TURNS
        self.names = tuple(f"{name}@{90 * turn}" for turn in range(TURNS) for name in upright.names)
        self.num_classes = TURNS * upright.num_classes
        self.image_shape = upright.image_shape

    @functools.cached_property
    def starts(self) -> np.ndarray:
        """The first row of each class, int64 [4·classes]."""
        return np.cumsum((0, *self.counts), dtype=np.int64)[:-1]


def turned(images: tf.Tensor, turns: tf.Tensor) -> tf.Tensor:
    """Images [..., H, H, channels], each turned anticlockwise by `turns` [...] quarter turns."""
    turns = turns[..., tf.newaxis, tf.newaxis, tf.newaxis]
    half = tf.where(turns >= 2, images[..., ::-1, ::-1, :], images)
    rank = len(images.shape)
    order = [*range(rank - 3), rank - 2, rank - 3, rank - 1]
    quarter = tf.transpose(half, order)[..., ::-1, :, :]
    return tf.where(turns % 2 == 1, quarter, half)
