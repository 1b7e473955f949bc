"""Fonts for names in any script: the first that has all their characters."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from data_gen.errors import printable


class Lettering(NamedTuple):
    """How a text is drawn.

    Attributes:
        font: a font file.
        text: the text; characters that no font has are spelled as escapes.
    """

    font: Path
    text: str


@functools.cache
def lettering(text: str) -> Lettering:
    """The font for a text: the one that comes with Matplotlib, or else one of the system's."""
    shown = printable(text)
    needed = {ord(c) for c in shown}
    for font in _fonts():
        if needed <= _characters(font):
            return Lettering(font, shown)
    own = _own_font()
    spelled = (
        c if ord(c) in _characters(own) else c.encode("unicode_escape").decode("ascii")
        for c in shown
    )
    return Lettering(own, "".join(spelled))


def _fonts() -> Iterator[Path]:
    yield _own_font()
    # Slow to import, and to look for fonts on its first use.
    from matplotlib.font_manager import fontManager

    for name in sorted({entry.fname for entry in fontManager.ttflist}):
        # The others that come with Matplotlib are for formulas.
        if _own_font().parent not in Path(name).parents:
            yield Path(name)


@functools.cache
def _own_font() -> Path:
    import matplotlib as mpl

    return Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")


@functools.cache
def _characters(font: Path) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(str(font)).get_charmap())
    except (OSError, RuntimeError):  # a font that is listed and gone, or damaged
        return frozenset()
