"""What a study found: numbers beside the published ones, with everything that decides them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from experiments.lab.store import Test
from hidra_tf.evaluation.intervals import Estimate
from hidra_tf.evaluation.trainings import mean_over_trainings
from hidra_tf.runs.records.reading import rows_of

# What was measured in a test, for each seed of its training.
Made = Sequence[Mapping[str, Any]]
# From what was measured in a cell's tests to one number.
Measure = Callable[..., Estimate]


class Cell(NamedTuple):
    """A place of a table.

    Attributes:
        column: the heading of its column.
        test: what is trained and tested for it, with the first seed; None where this project has
            nothing to measure, and only the published number is shown.
        measure: from what was measured to the number.
        paper: the published number, or None.
        paper_interval: the published ±, or None.
        beside: another test, whose results are the second argument of `measure`, or None.
    """

    column: str
    test: Test | None
    measure: Measure
    paper: float | None = None
    paper_interval: float | None = None
    beside: Test | None = None


class Line(NamedTuple):
    """A row of a table."""

    label: str
    cells: tuple[Cell, ...]


class Table(NamedTuple):
    """A table to be measured.

    Attributes:
        title: above the table.
        lines: its rows.
        unit: what the numbers are, such as "accuracy, %".
        columns: what the columns' headings are, such as "ways".
        digits: decimal places.
    """

    title: str
    lines: tuple[Line, ...]
    unit: str = "accuracy, %"
    columns: str = "ways"
    digits: int = 2


class Measured(NamedTuple):
    """A cell with its number, and how that came about.

    Attributes:
        cell: the cell.
        ours: the number, or None where it was not measured.
        made: what was measured, for each seed.
    """

    cell: Cell
    ours: Estimate | None
    made: tuple[Mapping[str, Any], ...]

    @property
    def difference(self) -> float | None:
        """Ours minus the paper's."""
        known = self.ours is not None and self.cell.paper is not None
        return self.ours.mean - self.cell.paper if known else None


class Found(NamedTuple):
    """A table with its numbers: one list of cells for each of its lines."""

    table: Table
    lines: tuple[tuple[Measured, ...], ...]

    def by_label(self) -> list[tuple[str, tuple[Measured, ...]]]:
        """The label and the cells of each line."""
        return [
            (line.label, cells) for line, cells in zip(self.table.lines, self.lines, strict=True)
        ]

    def missing(self) -> list[str]:
        """The lines, with columns where only some are missing, that were not measured."""
        texts = [_missing(label, cells) for label, cells in self.by_label()]
        return [text for text in texts if text]


class Listing(NamedTuple):
    """Records that are no table of tests, such as times or the points of a curve.

    Attributes:
        name: of its file, as in `short_NAME.csv`.
        title: above the table.
        records: with the same keys, which are the headings; values are texts, numbers, or None for
            what was not measured.
        digits: decimal places of numbers with a point.
        shown: whether people see it as a table, beside the file.
    """

    name: str
    title: str
    records: tuple[Mapping[str, Any], ...]
    digits: int = 2
    shown: bool = True


@dataclass(frozen=True)
class Findings:
    """All that a study found.

    Attributes:
        tables: numbers beside the published ones.
        listings: other numbers.
        figures: the name of a figure → a PNG.
        words: what there is to say, in paragraphs of Markdown.
        numbers: what else is kept as JSON.
        absent: what was not measured, beside the lines of the tables.
    """

    tables: tuple[Found, ...] = ()
    listings: tuple[Listing, ...] = ()
    figures: Mapping[str, bytes] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)
    absent: tuple[str, ...] = ()


def given(
    column: str,
    test: Test,
    ours: Estimate | None,
    made: Mapping[str, Any] | None,
    paper: float | None = None,
) -> Measured:
    """A cell whose number came about otherwise than from the record `made` of its test alone."""
    known = () if ours is None or made is None else (made,)
    return Measured(Cell(column, test, lambda _: ours, paper), ours if known else None, known)


def only_published(column: str, paper: float | None, interval: float | None = None) -> Cell:
    """A cell of a row that nothing here measures."""
    return Cell(column, None, _nothing, paper, interval)


def accuracy(ways: int | None = None, steps: int | None = None) -> Measure:
    """The accuracy in % at a number of ways after a number of steps, with its 95 % interval.

    Args:
        ways: the number of ways; None where there is only one.
        steps: the number of steps; None where there is only one.
    """

    def measure(made: Made) -> Estimate:
        return mean_over_trainings(scores(made, ways, steps), shared=True)

    return measure


def scores(made: Made, ways: int | None = None, steps: int | None = None) -> np.ndarray:
    """Accuracies in %, [S, T]: a row for each seed, a column for each task."""
    rows = [_row(one, ways, steps) for one in made]
    return 100 * np.array([[count / row.queries for count in row.correct] for row in rows])


def metric(name: str, ways: int | None = None, steps: int | None = None) -> Measure:
    """The mean of another metric of the tasks; of several seeds, the mean over them."""

    def measure(made: Made) -> Estimate:
        found = [_row(one, ways, steps).metrics[name] for one in made]
        if len(found) == 1:
            return Estimate(found[0]["mean"], found[0]["ci95"])
        return Estimate(float(np.mean([one["mean"] for one in found])), None)

    return measure


def _nothing(made: Sequence[Mapping[str, Any]]) -> Estimate:
    raise ValueError(f"expected nothing to be measured, received {len(made)} tests")


def _row(made: Mapping[str, Any], ways: int | None, steps: int | None) -> Any:  # noqa: ANN401
    (found,) = (
        row for row in rows_of(made) if ways in (None, row.ways) and steps in (None, row.steps)
    )
    return found


def _missing(label: str, cells: Sequence[Measured]) -> str:
    wanted = [one for one in cells if one.cell.test is not None]
    absent = [one.cell.column for one in wanted if one.ours is None]
    if absent and len(absent) == len(wanted):
        return label
    return f"{label} ({', '.join(absent)})" if absent else ""
