"""Framing: a drawing on any sheet becomes a picture like Omniglot's.

The strokes are found, cut out, and laid onto a white square: in the middle, as large as Omniglot's
characters are, dark, and never thinner than a pixel. Where on the sheet and how large they were
drawn, how bright the sheet is, and whether it is brighter or darker than they are do not show.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage

# Omniglot's drawings, measured on 1500 of its evaluation characters: 105 pixels wide and high,
# strokes of 5 pixels, and 65 pixels from one end of a character to the other, in the middle.
FRAME, PEN, SIDE = 105, 5, 65
# What is smaller than this share of the sheet, such as a dot, is not drawn larger than so much.
SMALLEST = 0.12
# Strokes differ from the ground by at least so many of 255 grey levels, and by so many of the
# ground's standard deviations.
_CONTRAST, _DEVIATIONS = 24, 4
# The ground's standard deviation, and the part of the sheet that strokes cover, are at most these
# shares of the contrast and of the whole. Photographs have more.
_UNEVEN, _COVERED = 0.15, 0.5
# Pixels of the longer side of a sheet, from twice of which on it is made smaller first.
_FINE = 1024
# What is smaller than this share of the largest connected stroke is dust.
_DUST = 0.02


class Strokes(NamedTuple):
    """The strokes on a sheet.

    Attributes:
        ink: how much of each pixel they cover, float32 [h, w] in [0, 1].
        low: their first row and column.
        high: the row and column after their last.
    """

    ink: np.ndarray
    low: np.ndarray
    high: np.ndarray


def framed(sheet: np.ndarray, size: tuple[int, int]) -> np.ndarray | None:
    """A drawing as a picture: dark strokes on white, as large as Omniglot's.

    It is a function of this sheet alone. The longer side of the strokes' box becomes 65/105 of
    the picture's, and its middle that of the picture. Edges are averaged over areas; strokes that
    are then paler than they were drawn, since they are thinner than a pixel, are darkened.

    Args:
        sheet: grey levels uint8 [h, w].
        size: the height and width of the picture in pixels.

    Returns:
        uint8 [H, W]; None where no strokes are told from a ground, as on a blank sheet or in a
        photograph.
    """
    if (times := max(sheet.shape) // _FINE) > 1:
        sheet = np.asarray(Image.fromarray(sheet).reduce(times))
    strokes = found(sheet)
    if strokes is None:
        return None
    least = SMALLEST * max(sheet.shape)
    half = window(strokes.low, strokes.high, least) / 2
    middle = (strokes.low + strokes.high) / 2
    return _printed(_cut(strokes.ink, middle, half, size))


def window(low: np.ndarray, high: np.ndarray, least: float, side: int = SIDE) -> float:
    """The side of the square that a frame shows, in the unit of the strokes' corners.

    Args:
        low: the upper left corner [2] of the strokes' box.
        high: its lower right corner [2].
        least: the length as which a shorter side counts.
        side: how many of `FRAME` pixels the longer side of the box shall have.
    """
    return max(float(np.max(high - low)), least) * FRAME / side


def found(sheet: np.ndarray) -> Strokes | None:
    """The strokes on a sheet of grey levels uint8 [h, w]; None where there are none.

    The ground is as bright as the middle one of the pixels at the sheet's edge. Strokes are darker,
    or brighter where more pixels are.
    """
    edge = np.concatenate([sheet[0], sheet[-1], sheet[:, 0], sheet[:, -1]])
    darker = np.median(edge) - sheet.astype(np.float32)
    # Of normally distributed numbers, half are nearer to the middle than 0.6745 deviations.
    noise = float(np.median(np.abs(darker)) / 0.6745)
    least = max(_CONTRAST, _DEVIATIONS * noise)
    dark, bright = np.count_nonzero(darker > least), np.count_nonzero(darker < -least)
    ink = darker if dark >= bright else -darker
    if not max(dark, bright):
        return None
    contrast = float(np.median(ink[ink > least]))
    mask = ink > max(least, contrast / 2)
    if noise > _UNEVEN * contrast or not 0 < mask.mean() <= _COVERED:
        return None
    mask = _without_dust(mask)
    # Noise of the ground is no ink, and the soft edge of a stroke is.
    near = ndimage.binary_dilation(mask, np.ones((3, 3), bool))
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return Strokes(
        np.where(near, np.clip(ink / contrast, 0, 1), 0),
        np.array([rows[0], columns[0]]),
        np.array([rows[-1], columns[-1]]) + 1,
    )


def _without_dust(mask: np.ndarray) -> np.ndarray:
    """Without the connected parts that are tiny beside the largest one."""
    parts, number = ndimage.label(mask, np.ones((3, 3)))
    areas = np.bincount(parts.reshape(-1), minlength=number + 1)
    kept = areas >= _DUST * areas[1:].max()
    kept[0] = False
    return kept[parts]


def _cut(ink: np.ndarray, middle: np.ndarray, half: float, size: tuple[int, int]) -> np.ndarray:
    """The ink of a square around a point, [H, W]; there is none beyond the sheet."""
    (top, left), (bottom, right) = middle - half, middle + half
    first = np.floor([top, left]).astype(int)
    last = np.ceil([bottom, right]).astype(int)
    before, after = np.maximum(-first, 0), np.maximum(last - ink.shape, 0)
    part = ink[max(first[0], 0) : last[0], max(first[1], 0) : last[1]]
    part = np.pad(part, list(zip(before, after, strict=True)))
    box = (left - first[1], top - first[0], right - first[1], bottom - first[0])
    height, width = size
    image = Image.fromarray(part)
    cut = image.resize((width, height), Image.Resampling.LANCZOS, box=box)
    return np.clip(np.asarray(cut), 0, 1)


def _printed(ink: np.ndarray) -> np.ndarray:
    """Ink as grey levels uint8, where the darkest strokes are black."""
    darkest = np.quantile(ink[ink > ink.max() / 2], 0.5)
    return 255 - np.rint(255 * np.minimum(ink / darkest, 1)).astype(np.uint8)
