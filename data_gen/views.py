"""What the network sees of stored pictures: their middle, or random parts of them in training."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from data_gen import STANDARDS, augmentation, sources
from data_gen.errors import UserError

# A branch of a stream's seed that no meta-batch uses.
_BRANCH = -2


@dataclass(frozen=True)
class View:
    """Turns stored pictures in 0 … 255 into what the network sees.

    Without a random crop, this is the middle of a picture. The crop is flipped, then recoloured,
    and standardised at last.

    Attributes:
        size: height and width of what is seen, at most those of the stored pictures; None is the
            stored size.
        random_crop: whether pictures are random parts, resized to `size`; see
            `augmentation.random_boxes`.
        random_flip: whether every second picture is a mirror image.
        color_jitter: the factors of brightness, contrast and saturation are uniform in 1 ± this
            number, which is in [0, 1].
        standardize: the data set whose mean and deviation of each colour are the new 0 and 1, a key
            of `data_gen.STANDARDS`; `none` leaves the numbers in [0, 1].
        vectors: whether what is stored are no pictures but vectors [..., D] of floats, which are
            seen as they are; see `of`.

    Raises:
        ValueError: if a value is none of these.
    """

    size: tuple[int, int] | None = None
    random_crop: bool = False
    random_flip: bool = False
    color_jitter: float = 0.0
    standardize: str = "none"
    vectors: bool = False

    def __post_init__(self) -> None:
        if self.standardize not in STANDARDS:
            known = ", ".join(STANDARDS)
            raise ValueError(f"standardize: expected one of {known}; received {self.standardize!r}")
        if not 0 <= self.color_jitter <= 1:
            raise ValueError(f"color_jitter: expected 0 to 1; received {self.color_jitter}")

    @property
    def is_random(self) -> bool:
        """Whether two views of a picture may differ."""
        return self.random_crop or self.random_flip or self.color_jitter > 0

    @property
    def plain(self) -> View:
        """The same without anything random, as in tests."""
        return dataclasses.replace(self, random_crop=False, random_flip=False, color_jitter=0.0)

    def shape(self, stored: tuple[int, int, int]) -> tuple[int, int, int]:
        """Height, width and channels of what is seen of pictures of some shape.

        Raises:
            UserError: if these are too small, or have no colours to be standardised.
        """
        if self.vectors:
            return stored
        height, width = self.size or stored[:2]
        if height > stored[0] or width > stored[1]:
            raise UserError(
                f"expected pictures of at least {height} × {width} to look at, received "
                f"{stored[0]} × {stored[1]}"
            )
        if STANDARDS[self.standardize] is not None and stored[2] != 3:
            raise UserError(
                f"standardize: expected pictures of 3 channels, received {stored[2]} with "
                f"{self.standardize}"
            )
        return height, width, stored[2]

    def of(self, stored: tuple[int, ...]) -> View:
        """The view of a pool whose pictures have some shape: this one, or that of vectors.

        Raises:
            UserError: if the pictures are not for this view, or if they are vectors and this is
                another view than that of what is stored.
        """
        if len(stored) > 1:
            self.shape(stored)
            return self
        if self != AS_STORED:
            raise UserError(f"expected pictures to look at as {self}, received vectors")
        return dataclasses.replace(self, vectors=True)

    def __call__(self, images: tf.Tensor, dtype: str, seed: tf.Tensor | None = None) -> tf.Tensor:
        """Stored pictures [..., h, w, channels] uint8 → what is seen [..., H, W, channels].

        Args:
            images: the pictures, also floats in 0 … 255; or vectors.
            dtype: the type of the result's numbers.
            seed: the seed [2] of everything random, which then is a function of the seed and of
                the picture's place in the array alone. It is needed if the view is random.
        """
        if self.vectors:
            return tf.cast(images, dtype)
        shape = self.shape(tuple(images.shape[-3:]))
        if not self.is_random:
            return self._standardized(sources.scaled(_middle(images, shape), dtype))
        before = tf.shape(images)[:-3]
        flat = tf.reshape(images, (-1, *images.shape[-3:]))
        seen = self._standardized(self._augmented(flat, shape, dtype, seed))
        return tf.ensure_shape(
            tf.reshape(seen, tf.concat([before, shape], 0)), (*images.shape[:-3], *shape)
        )

    def _augmented(
        self, images: tf.Tensor, shape: tuple[int, int, int], dtype: str, seed: tf.Tensor
    ) -> tf.Tensor:
        """Random views [N, H, W, channels] in [0, 1] of pictures [N, h, w, channels] uint8."""
        count, stored = tf.shape(images)[0], tuple(images.shape[1:3])
        draws = augmentation.draw(seed, count)
        # One colour after the other: so matrices can be multiplied.
        planes = sources.scaled(tf.transpose(images, (0, 3, 1, 2)), dtype)
        boxes = augmentation.middle_boxes(count, stored, shape[:2])
        if self.random_crop:
            boxes = augmentation.random_boxes(draws, *stored)
        # A mirror image costs nothing where it is made by the same product as the crop.
        mirrored = draws.flip < 0.5 if self.random_flip else None
        planes = augmentation.cropped(planes, boxes, shape[:2], mirrored)
        if self.color_jitter:
            factors = augmentation.factors(draws, self.color_jitter)
            planes = augmentation.recolored(planes, factors)
        return tf.transpose(planes, (0, 2, 3, 1))

    def _standardized(self, images: tf.Tensor) -> tf.Tensor:
        standard = STANDARDS[self.standardize]
        if standard is None:
            return images
        # Whole rows, for which the operations are many times as fast as for single pixels.
        width = images.shape[-2]
        rows = tf.reshape(images, (-1, 3 * width))
        mean, deviation = (np.tile(part, width).astype(images.dtype.name) for part in standard)
        standardized = tf.reshape((rows - mean) * (1 / deviation), tf.shape(images))
        return tf.ensure_shape(standardized, images.shape)


AS_STORED = View()


def step_seed(seed: tf.Tensor, step: tf.Tensor | int) -> tf.Tensor:
    """The seed [2] of the views of a step, given a stream's seed [2]."""
    branch = tf.random.fold_in(seed, _BRANCH, alg="philox")
    return tf.random.fold_in(branch, tf.cast(step, tf.int32), alg="philox")


def _middle(images: tf.Tensor, shape: tuple[int, int, int]) -> tf.Tensor:
    """The middle [..., H, W, channels] of pictures; of two middles the one that begins evenly."""
    if images.shape[-3:] == shape:
        return images
    top, left = (
        round((stored - side) / 2) for stored, side in zip(images.shape[-3:-1], shape, strict=False)
    )
    return images[..., top : top + shape[0], left : left + shape[1], :]
