"""What a setting may be: bounds that stand once, at its field, for the checks and for the flags."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from data_gen.errors import UserError

# TensorFlow counts meta-updates, tasks and pictures in 32 bits.
LARGEST = 2**31 - 1

_BOUNDS, _BOOKKEEPING = "bounds", "bookkeeping"


class Bounds(NamedTuple):
    """The values that a setting may have; of a list, the values of its members.

    Attributes:
        least: the smallest value, or None.
        most: the largest value, or None.
        above: a number below all values, or None.
        below: a number above all values, or None.
        choices: the only values, or none where the numbers above decide.
    """

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    choices: tuple[Any, ...] = ()

    def allow(self, value: Any) -> bool:  # noqa: ANN401 — whatever a setting may hold
        """Whether a setting may have this value."""
        if self.choices:
            return value in self.choices
        return (
            (isinstance(value, int) or math.isfinite(value))
            and (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        if self.choices:
            return f"one of {', '.join(map(str, self.choices))}"
        # The largest number of 32 bits is told only to those who went beyond it.
        words = {"at least": self.least, "above": self.above, "below": self.below}
        words["at most"] = self.most
        return " and ".join(f"{word} {n}" for word, n in words.items() if n is not None)


def whole(
    default: Any = dataclasses.MISSING,  # noqa: ANN401 — of the field's type
    *,
    least: int,
    most: int = LARGEST,
    bookkeeping: bool = False,
) -> Any:  # noqa: ANN401 — as of `dataclasses.field`
    """A field for a whole number, or for a list of them, from `least` to `most`."""
    return _field(default, Bounds(least=least, most=most), bookkeeping)


def number(
    default: Any = dataclasses.MISSING,  # noqa: ANN401 — of the field's type
    *,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
    below: float | None = None,
    bookkeeping: bool = False,
) -> Any:  # noqa: ANN401 — as of `dataclasses.field`
    """A field for a finite number within some bounds."""
    return _field(default, Bounds(least, most, above, below), bookkeeping)


def one_of(
    choices: Sequence[Any],
    default: Any = dataclasses.MISSING,  # noqa: ANN401 — of the field's type
    *,
    bookkeeping: bool = False,
) -> Any:  # noqa: ANN401 — as of `dataclasses.field`
    """A field for one of some values."""
    return _field(default, Bounds(choices=tuple(choices)), bookkeeping)


def anything(default: Any, *, bookkeeping: bool = False) -> Any:  # noqa: ANN401 — of any type
    """A field without bounds."""
    return _field(default, None, bookkeeping)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A part of a configuration, which checks itself when it is made."""

    def __post_init__(self) -> None:
        """Raises `UserError` where a value cannot be meant."""
        self.check()

    def check(self) -> None:
        """Raises `UserError` where a value is out of its bounds; parts add their own checks."""
        for field in dataclasses.fields(self):
            _check(field.name, getattr(self, field.name), field.metadata.get(_BOUNDS))


def bounds_of(part: type[Settings], name: str) -> Bounds:
    """What the setting called `name` may be, of a part or of the whole configuration."""
    fields = {field.name: field for field in dataclasses.fields(part)}
    return fields[name].metadata.get(_BOUNDS) or Bounds()


def bookkeeping_of(part: type[Settings]) -> tuple[str, ...]:
    """The settings that do not change what is learned: where pictures lie, what is saved when."""
    return tuple(f.name for f in dataclasses.fields(part) if f.metadata.get(_BOOKKEEPING))


def _field(default: object, bounds: Bounds | None, bookkeeping: bool = False) -> Any:  # noqa: ANN401
    metadata = {_BOUNDS: bounds, _BOOKKEEPING: bookkeeping}
    return dataclasses.field(default=default, metadata=metadata)


def _check(name: str, value: object, bounds: Bounds | None) -> None:
    if bounds is None or value is None:
        return
    for member in value if isinstance(value, tuple) else (value,):
        if not bounds.allow(member):
            shown = repr(member) if isinstance(member, str) else member
            raise UserError(f"{name}: expected {bounds}; received {shown}")
