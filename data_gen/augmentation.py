"""Random crops, flips and colours of training pictures, for a whole meta-batch at once.

The operations are those that the program of Chen et al. (2019, https://arxiv.org/abs/1904.04232)
has for training pictures: a random resized crop, brightness, contrast and saturation in this order,
and a flip. Keras has layers of the same names, but other definitions: its
brightness is a summand, its contrast is about the mean of each channel, and its saturation is that
of the HSV colours. So is its randomness: a layer draws from a state, which a run would have to
save. Here all is computed from numbers that a caller draws, one row for each picture.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

# A random crop has this share of the picture's area, and this ratio of width to height.
AREA = (0.08, 1.0)
RATIO = (3 / 4, 4 / 3)
# So often a crop that would not fit into the picture is drawn anew.
ATTEMPTS = 10
# The weights of red, green and blue in a grey value (ITU-R 601-2), as in Pillow.
GREY = (0.299, 0.587, 0.114)


class Draws(NamedTuple):
    """Independent random numbers in [0, 1) for N pictures, whichever of them are used.

    Attributes:
        areas: [N, ATTEMPTS], which decide the area of a crop.
        ratios: [N, ATTEMPTS], which decide its ratio of width to height.
        places: [N, 2], which decide where its upper left corner is.
        flip: [N], below ½ for pictures that are flipped.
        colors: [N, 3], which decide the factors of brightness, contrast and saturation.
    """

    areas: tf.Tensor
    ratios: tf.Tensor
    places: tf.Tensor
    flip: tf.Tensor
    colors: tf.Tensor


class Boxes(NamedTuple):
    """Rectangles of whole pixels within N pictures.

    Attributes:
        top: [N] int32, the first row.
        left: [N] int32, the first column.
        height: [N] int32, at least 1.
        width: [N] int32, at least 1.
    """

    top: tf.Tensor
    left: tf.Tensor
    height: tf.Tensor
    width: tf.Tensor


def draw(seed: tf.Tensor, count: tf.Tensor | int) -> Draws:
    """Draws for `count` pictures; each picture's depend on the seed [2] and its number alone."""
    sizes = [ATTEMPTS, ATTEMPTS, 2, 1, 3]
    numbers = tf.random.stateless_uniform((count, sum(sizes)), seed, alg="philox")
    areas, ratios, places, flip, colors = tf.split(numbers, sizes, axis=1)
    return Draws(areas, ratios, places, flip[:, 0], colors)


def random_boxes(draws: Draws, height: int, width: int) -> Boxes:
    """Random crops of pictures of height × width, as torchvision's RandomResizedCrop draws them.

    The area is uniform in `AREA`, the logarithm of the ratio is uniform in that of `RATIO`, and the
    place is uniform. The first of `ATTEMPTS` crops that fits is taken; if none does, it is the
    largest one in the middle whose ratio is in `RATIO`.
    """
    area = height * width * (AREA[0] + (AREA[1] - AREA[0]) * draws.areas)
    least, most = np.log(RATIO)
    ratio = tf.exp(least + (most - least) * draws.ratios)
    heights, widths = tf.round(tf.sqrt(area / ratio)), tf.round(tf.sqrt(area * ratio))
    fits = (heights >= 1) & (heights <= height) & (widths >= 1) & (widths <= width)
    first = tf.argmax(tf.cast(fits, tf.int32), axis=1)
    fallback = _largest_in_ratio(height, width)
    any_fits = tf.reduce_any(fits, axis=1)
    sides = [
        tf.where(any_fits, tf.cast(tf.gather(drawn, first, batch_dims=1), tf.int32), side)
        for drawn, side in zip((heights, widths), fallback, strict=True)
    ]
    corners = [
        tf.where(
            any_fits,
            tf.cast(draws.places[:, i] * tf.cast(whole - side + 1, tf.float32), tf.int32),
            (whole - side) // 2,
        )
        for i, (whole, side) in enumerate(zip((height, width), sides, strict=True))
    ]
    return Boxes(*corners, *sides)


def middle_boxes(count: tf.Tensor | int, stored: tuple[int, int], size: tuple[int, int]) -> Boxes:
    """The middle of each of `count` pictures; of two middles the one that begins evenly."""
    corner = [round((whole - side) / 2) for whole, side in zip(stored, size, strict=True)]
    return Boxes(*(tf.fill((count,), number) for number in (*corner, *size)))


def _largest_in_ratio(height: int, width: int) -> tuple[int, int]:
    """Height and width of the largest crop whose ratio is in `RATIO`."""
    least, most = RATIO
    return min(height, round(width / least)), min(width, round(height * most))


def resampling(
    first: tf.Tensor, length: tf.Tensor, stored: int, size: int, mirrored: tf.Tensor | None = None
) -> tf.Tensor:
    """Matrices [N, size, stored] float32 that resample some pixels of a line to `size` pixels.

    Bilinear interpolation between the centres of pixels; where pixels are merged, the triangle is
    as wide as the new pixels, which avoids aliasing (Pillow's BILINEAR). Pixels outside count
    nothing, so that a crop ends where it ends. Every row of a matrix sums to 1.

    Args:
        first: [N], the first of the line's pixels that counts.
        length: [N], the number of them, at least 1.
        stored: the number of pixels of the line.
        size: the number of pixels of the result.
        mirrored: [N], whether the result is in the opposite order; None is never.
    """
    numbers = tf.range(size, dtype=tf.float32)[tf.newaxis]
    if mirrored is not None:
        numbers = tf.where(mirrored[:, tf.newaxis], size - 1 - numbers, numbers)
    first, length = (
        tf.cast(part, tf.float32)[:, tf.newaxis, tf.newaxis] for part in (first, length)
    )
    scale = length / size
    centres = (numbers[..., tf.newaxis] + 0.5) * scale
    pixels = tf.range(stored, dtype=tf.float32) + 0.5 - first
    weights = tf.nn.relu(1 - tf.abs(pixels - centres) / tf.maximum(scale, 1.0))
    weights *= tf.cast((pixels > 0) & (pixels < length), tf.float32)
    return weights / tf.reduce_sum(weights, axis=-1, keepdims=True)


def cropped(
    planes: tf.Tensor,
    boxes: Boxes,
    size: tuple[int, int],
    mirrored: tf.Tensor | None = None,
) -> tf.Tensor:
    """Crops of pictures, each resampled to the same size.

    A box of just this size is copied, number by number.

    Args:
        planes: [N, channels, H, W], numbers of any floating type.
        boxes: the part of each picture that is shown.
        size: height and width of the results.
        mirrored: [N], whether left and right change places; None is never.

    Returns:
        [N, channels, *size].
    """
    height, width = planes.shape[-2:]
    rows = resampling(boxes.top, boxes.height, height, size[0])
    columns = resampling(boxes.left, boxes.width, width, size[1], mirrored)
    rows, columns = (tf.cast(m, planes.dtype)[:, tf.newaxis] for m in (rows, columns))
    return tf.matmul(tf.matmul(rows, planes), columns, transpose_b=True)


def factors(draws: Draws, strength: float) -> tf.Tensor:
    """Factors [N, 3] of brightness, contrast and saturation, uniform in 1 ± `strength`."""
    return 1 + strength * (2 * draws.colors - 1)


def recolored(planes: tf.Tensor, factors: tf.Tensor) -> tf.Tensor:
    """Pictures whose brightness, contrast and saturation are multiplied, one after the other.

    Each is a mixture f·x + (1 − f)·y, cut off at 0 and 1, of the picture x and of what has none of
    it: black, the picture's mean grey value, or the picture in grey (Pillow's ImageEnhance, here
    without rounding to 8 bits). Grey pictures have no saturation.

    Args:
        planes: [N, channels, H, W] in [0, 1], of 1 or 3 channels.
        factors: [N, 3], all at least 0.
    """
    brightness, contrast, saturation = (
        part[:, tf.newaxis] for part in tf.split(tf.cast(factors, planes.dtype), 3, axis=1)
    )
    channels, height, width = planes.shape[1:]
    grey = tf.constant(GREY if channels == 3 else (1.0,), planes.dtype)
    x = tf.reshape(planes, (-1, channels, height * width))
    x = tf.minimum(brightness * x, 1)
    mean = tf.reduce_sum(tf.reduce_mean(x, axis=2) * grey, axis=1)[:, tf.newaxis, tf.newaxis]
    x = tf.clip_by_value(contrast * x + (1 - contrast) * mean, 0, 1)
    if channels == 3:
        # A product with a matrix for each picture, which is faster than a grey picture of each.
        mixed = saturation * tf.eye(3, dtype=x.dtype) + (1 - saturation) * grey
        x = tf.clip_by_value(tf.matmul(mixed, x), 0, 1)
    return tf.reshape(x, tf.shape(planes))
