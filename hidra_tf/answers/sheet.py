"""Contact sheets: every picture with its answer, below what was learned from."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw

from hidra_tf.answers.answering import MOST_SHOWN, Answer
from hidra_tf.answers.drawing import BLACK, DARK_GREY, GREY, fitted, paste, write
from hidra_tf.answers.learning import Learned
from hidra_tf.answers.reading import THUMBNAIL

WIDTH, MARGIN = 1040, 20
COLUMNS, PER_PAGE = 10, 100
_CELL = (WIDTH - 2 * MARGIN) // COLUMNS, THUMBNAIL + 48
# A class among those that were learned: its name above a few small pictures.
_BLOCKS, _SMALL = 5, 36
_BLOCK = (WIDTH - 2 * MARGIN) // _BLOCKS, _SMALL + 26
MOST_BLOCKS = 40
_RIGHT, _WRONG = (0, 110, 60), (190, 30, 30)


def pages(
    learned: Learned, answers: Sequence[Answer], counts: Mapping[str, int]
) -> dict[str, bytes]:
    """PNGs by the names of their files: one for every hundred pictures, at most ten.

    Args:
        learned: what was learned just now.
        answers: the answers.
        counts: the number of pictures of each class that is known.
    """
    shown = answers[:MOST_SHOWN]
    parts = [shown[first : first + PER_PAGE] for first in range(0, len(shown), PER_PAGE)]
    made = {}
    for number, part in enumerate(parts, 1):
        of = f", page {number} of {len(parts)}" if len(parts) > 1 else ""
        if len(answers) > MOST_SHOWN:
            of += f" (the first {MOST_SHOWN} of {len(answers)} pictures)"
        name = f"sheet-{number:02d}.png" if len(parts) > 1 else "sheet.png"
        made[name] = _page(learned, part, counts, of)
    return made


def _page(learned: Learned, answers: Sequence[Answer], counts: Mapping[str, int], of: str) -> bytes:
    blocks = list(counts)[:MOST_BLOCKS]
    block_rows, rows = -(-len(blocks) // _BLOCKS), -(-len(answers) // COLUMNS)
    # Without pictures, a block is a name.
    block_height = _BLOCK[1] if learned.thumbnails else 20
    top = MARGIN + 30 + block_rows * block_height + 16
    height = top + 30 + rows * _CELL[1] + MARGIN
    image = Image.new("RGB", (WIDTH, height), "white")
    draw = ImageDraw.Draw(image)
    _title(draw, MARGIN, _learned_title(counts))
    for place, name in enumerate(blocks):
        row, column = divmod(place, _BLOCKS)
        corner = MARGIN + column * _BLOCK[0], MARGIN + 30 + row * block_height
        write(draw, corner, fitted(f"{name} ({counts[name]})", 13, _BLOCK[0] - 8), 13, BLACK)
        for i, thumbnail in enumerate(learned.thumbnails.get(name, [])):
            paste(image, thumbnail, (corner[0] + i * (_SMALL + 2), corner[1] + 18), _SMALL)
    draw.line([(MARGIN, top), (WIDTH - MARGIN, top)], GREY)
    _title(draw, top + 8, f"Predicted{of}: class and probability")
    for place, one in enumerate(answers):
        row, column = divmod(place, COLUMNS)
        _cell(image, draw, one, (MARGIN + column * _CELL[0], top + 38 + row * _CELL[1]))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _learned_title(counts: Mapping[str, int]) -> str:
    more = f", of which {MOST_BLOCKS} are shown" if len(counts) > MOST_BLOCKS else ""
    return f"Learned from {sum(counts.values())} pictures of {len(counts)} classes{more}"


def _title(draw: ImageDraw.ImageDraw, top: int, text: str) -> None:
    write(draw, (MARGIN, top), fitted(text, 16, WIDTH - 2 * MARGIN), 16, BLACK)


def _cell(
    image: Image.Image, draw: ImageDraw.ImageDraw, one: Answer, corner: tuple[int, int]
) -> None:
    """A picture, its answer, and its name, or the true class where the answer is wrong."""
    left, top = corner
    width = _CELL[0] - 6
    paste(image, one.thumbnail, corner, THUMBNAIL)
    color = BLACK if one.right is None else _RIGHT if one.right else _WRONG
    mark = "" if one.right is None else "✓ " if one.right else "✗ "
    if one.probability is not None:
        # Beside the picture: below it, the class needs all the room.
        write(draw, (left + THUMBNAIL + 3, top), f"{one.probability:.2f}", 10, BLACK)
    write(draw, (left, top + THUMBNAIL + 3), fitted(one.answer, 13, width, mark), 13, color)
    below = left, top + THUMBNAIL + 21
    if one.right is False:
        write(draw, below, fitted(one.true, 12, width, "is "), 12, color)
    else:
        write(draw, below, fitted(one.file.rpartition("/")[2], 10, width), 10, DARK_GREY)
