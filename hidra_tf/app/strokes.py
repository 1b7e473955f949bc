"""Strokes of a pen → a picture like those that networks for drawings were trained on.

A drawing comes as the ways of the pen rather than as pixels, so that it can be drawn anew at any
size with a pen of the right width.
"""

from __future__ import annotations

import json

import numpy as np
from PIL import Image, ImageDraw

from data_gen import framing, pictures
from data_gen.errors import UserError
from hidra_tf.app.bounds import MOST_POINTS, MOST_STROKES, MOST_TEXT

_FINENESS = 4  # pixels per pixel, before the edges are smoothed

Strokes = list[np.ndarray]


def read(text: str | None) -> Strokes:
    """The strokes [n, 2] of a drawing, in shares of the pad's width and height.

    Args:
        text: JSON, a list of strokes, each a list x, y, x, y …; nothing is no stroke.

    Raises:
        UserError: if it is something else, or too much.
    """
    if not text:
        return []
    if len(text) > MOST_TEXT:
        raise UserError("This drawing has too many strokes; please clear the pad and start again.")
    try:
        strokes = [np.asarray(stroke, np.float64).reshape(-1, 2) for stroke in json.loads(text)]
    except (ValueError, TypeError, RecursionError) as error:
        raise UserError("expected the strokes of a drawing, received something else") from error
    if not all(np.isfinite(stroke).all() for stroke in strokes):
        raise UserError("expected the strokes of a drawing, received numbers that are none")
    if len(strokes) > MOST_STROKES or sum(map(len, strokes)) > MOST_POINTS:
        raise UserError("This drawing has too many strokes; please clear the pad and start again.")
    return [np.clip(stroke, 0, 1) for stroke in strokes if len(stroke)]


def picture(strokes: Strokes, size: tuple[int, int], channels: int) -> np.ndarray:
    """A drawing as a picture: dark strokes on white, as large and as wide as Omniglot's.

    Where and how large it was drawn does not show: its frame is that of `data_gen.framing`, which
    pictures from files have too.

    Args:
        strokes: at least one; see `read`.
        size: the height and width of the picture in pixels.
        channels: 1 or 3.

    Returns:
        uint8 [H, W] or [H, W, 3].
    """
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    # From the middle of the pen on one side to its middle on the other.
    window = framing.window(low, high, framing.SMALLEST, framing.SIDE - framing.PEN)
    canvas = Image.new("L", (framing.FRAME * _FINENESS,) * 2, 255)
    pen = ImageDraw.Draw(canvas)
    for stroke in strokes:
        places = (stroke - (low + high) / 2) / window + 0.5
        _draw(pen, _FINENESS * framing.FRAME * places)
    return pictures.resize(canvas, size, pictures.MODES[channels])


def _draw(pen: ImageDraw.ImageDraw, points: np.ndarray) -> None:
    """One stroke with round ends."""
    places = [tuple(point) for point in points.tolist()]
    if len(places) > 1:
        pen.line(places, fill=0, width=framing.PEN * _FINENESS, joint="curve")
    for place in (places[0], places[-1]):
        pen.circle(place, framing.PEN * _FINENESS / 2, fill=0)
