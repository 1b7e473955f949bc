"""What the studies of HyperMAML's tables share: rows of 1 and 5 shots, and what their ± is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from experiments.lab.findings import Cell, Line, accuracy, only_published
from experiments.lab.lab import Lab

PLUS_MINUS = (
    "The paper's ± are not explained in it. Its program prints the mean and the standard deviation "
    "of five tests of one trained network, 600 tasks each: they are no 95 % intervals. Rows that "
    "the paper takes from others have the ± of those."
)
SHOTS = ("1", "5")
# A published mean with its ±, either of which may be missing.
Number = tuple[float | None, float | None]
UNKNOWN: Number = (None, None)
_NONE: Mapping = {}


class Row(NamedTuple):
    """A row of a published table.

    Attributes:
        label: the method.
        one: the published 1-shot accuracy in %, and its ±.
        five: the same for 5 shots.
        preset: the presets' name without the shots; None for a method that is not in this project.
        with_shots: the shots for which there is a preset.
    """

    label: str
    one: Number
    five: Number
    preset: str | None = None
    with_shots: tuple[str, ...] = SHOTS


def lines(
    lab: Lab,
    rows: Sequence[Row],
    names: Mapping[tuple[str, str], str] = _NONE,
    flags: Mapping[str, Sequence[str]] = _NONE,
) -> tuple[Line, ...]:
    """The lines of a table with columns of 1 and 5 shots.

    Args:
        lab: where the study works.
        rows: the rows.
        names: presets that are called otherwise: label and shots → name.
        flags: label → flags beside its preset's.
    """

    def cell(row: Row, shots: str, number: Number) -> Cell:
        if row.preset is None or shots not in row.with_shots:
            return only_published(shots, *number)
        usual = f"{row.preset}_{shots}shot"
        preset = names.get((row.label, shots), usual)
        test = lab.test(preset, flags.get(row.label, ()))
        return Cell(shots, test, accuracy(), *number)

    return tuple(
        Line(row.label, (cell(row, SHOTS[0], row.one), cell(row, SHOTS[1], row.five)))
        for row in rows
    )
