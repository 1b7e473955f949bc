"""How much a visitor of the page may send, and what is said where it is too much."""

from __future__ import annotations

from data_gen.errors import UserError

MOST_CLASSES = 50
MOST_PICTURES = 100  # of a class
MOST_FILES = 50  # at a time
MOST_BYTES = 10 * 2**20  # of a file
MOST_PIXELS = 40_000_000  # of a file
MOST_STROKES = 500  # of a drawing
MOST_POINTS = 20_000  # of all strokes of a drawing
MOST_TEXT = 1_000_000  # characters in which a drawing comes
LONGEST_NAME = 40  # of a class, in characters


def checked_name(name: str, known: list[str]) -> str:
    """The name of a new class, without blanks around it.

    Args:
        name: what a visitor wrote.
        known: the names of the classes that are there already.

    Raises:
        UserError: if it is empty, too long, known, or has characters that cannot be shown, or if
            there are too many classes already.
    """
    name = " ".join(str(name or "").split())
    if not name:
        raise UserError("Please give the class a name.")
    if len(name) > LONGEST_NAME:
        raise UserError(
            f"Please choose a name of at most {LONGEST_NAME} characters; this one has {len(name)}."
        )
    if not name.isprintable():
        raise UserError("Please choose a name of letters, digits and signs that can be shown.")
    if name in known:
        raise UserError(f"There is a class “{name}” already; add your pictures to it.")
    if len(known) >= MOST_CLASSES:
        raise UserError(f"This page takes at most {MOST_CLASSES} classes; remove one first.")
    return name


def check_pictures(name: str, there: int, further: int) -> None:
    """Raises `UserError` if a class would have too many pictures, or if there is none to add.

    Args:
        name: the class.
        there: the number of its pictures.
        further: the number of those that are to be added.
    """
    if not further:
        raise UserError("There is no picture to add: draw one, or choose a file.")
    if there + further > MOST_PICTURES:
        raise UserError(
            f"A class takes at most {MOST_PICTURES} pictures; “{name}” would have "
            f"{there + further}."
        )
