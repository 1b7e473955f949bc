"""Text and pictures on a contact sheet."""

from __future__ import annotations

import functools

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hidra_tf.runs.records.lettering import lettering

BLACK, DARK_GREY, GREY = (20, 20, 20), (110, 110, 110), (200, 200, 200)


def fitted(text: str, size: int, width: int, before: str = "") -> str:
    """A text that is at most so wide: a long one loses its middle.

    Args:
        text: the text that may lose its middle.
        size: the size of the letters in pixels.
        width: the width in pixels.
        before: what stands before it and stays whole.
    """
    shown = lettering(text).text
    left, right = len(shown), 0
    whole = f"{before}{shown}"
    font = _font(f"{whole}…", size)
    while font.getlength(whole) > width and left + right > 2:
        if left + right == len(shown):
            left, right = (len(shown) + 1) // 2, len(shown) // 2
        left, right = (left - 1, right) if left > right else (left, right - 1)
        whole = f"{before}{shown[:left]}…{shown[len(shown) - right :]}"
    return whole


def write(
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    text: str,
    size: int,
    color: tuple[int, int, int],
) -> None:
    """Draws a text, in a font that has its letters, from its left upper corner."""
    draw.text(corner, lettering(text).text, color, _font(text, size))


def paste(image: Image.Image, thumbnail: np.ndarray, corner: tuple[int, int], side: int) -> None:
    """Draws a thumbnail in the middle of a square with a grey frame.

    Args:
        image: what is drawn on.
        thumbnail: uint8 [h, w, 3].
        corner: the left upper corner of the square.
        side: its side in pixels; a larger thumbnail is made smaller.
    """
    left, top = corner
    picture = Image.fromarray(thumbnail)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    offset = left + (side - picture.width) // 2, top + (side - picture.height) // 2
    image.paste(picture, offset)
    frame = (left - 1, top - 1, left + side, top + side)
    ImageDraw.Draw(image).rectangle(frame, outline=GREY)


def _font(text: str, size: int) -> ImageFont.FreeTypeFont:
    return _sized(str(lettering(text).font), size)


@functools.cache
def _sized(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)
