"""Initializations that come with the package, each with a card that says what it is good for."""

from __future__ import annotations

from pathlib import Path

from data_gen.errors import UserError

_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """The names of all initializations."""
    return sorted(path.parent.name for path in _FOLDER.glob("*/classifier.json"))


def folder_of(name: str) -> Path:
    """The folder of an initialization.

    Raises:
        UserError: if there is no such initialization.
    """
    if name not in names():
        raise UserError(f"expected one of {', '.join(names())}; received {name!r}")
    return _FOLDER / name
