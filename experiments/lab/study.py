"""A study: which tables and figures it makes, and how it is run and collected."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from experiments.lab.findings import Findings, Found, Line, Listing, Measured, Table
from experiments.lab.lab import Lab
from experiments.lab.store import Test, with_seeds


class Job(NamedTuple):
    """A piece of a study's work, which may take hours and goes on where it was stopped.

    Attributes:
        label: the line of a table, the place in a line, or the name of a part, that it is for.
        is_done: whether nothing of it is left.
        do: does what is left.
        lines: the lines of tables that need it, where it is of tables.
    """

    label: str
    is_done: Callable[[], bool]
    do: Callable[[], None]
    lines: tuple[str, ...] = ()


class Study(Protocol):
    """A study: the work that it asks for, and what was found.

    Attributes:
        name: what the command calls it.
        title: what it reproduces or asks.
    """

    name: str
    title: str

    def jobs(self, lab: Lab) -> list[Job]:
        """All its work."""

    def collect(self, lab: Lab) -> Findings:
        """What was found so far; nothing is trained or tested."""


def _no_listings(found: Sequence[Found], lab: Lab) -> tuple[Listing, ...]:
    del found, lab
    return ()


def _no_figures(found: Sequence[Found], lab: Lab) -> dict[str, bytes]:
    del found, lab
    return {}


@dataclass(frozen=True)
class TableStudy:
    """A study of tables whose cells come from trainings and tests, and of figures drawn of them.

    Attributes:
        name: what the command calls it.
        title: what it reproduces or asks.
        tables: the tables, for a lab.
        figures: from the tables with their numbers to name → PNG.
        words: paragraphs that are the same whatever is found.
        listings: from the tables with their numbers to other numbers.
    """

    name: str
    title: str
    tables: Callable[[Lab], Sequence[Table]]
    figures: Callable[[Sequence[Found], Lab], dict[str, bytes]] = _no_figures
    words: tuple[str, ...] = ()
    listings: Callable[[Sequence[Found], Lab], tuple[Listing, ...]] = _no_listings

    def jobs(self, lab: Lab) -> list[Job]:
        """One job for each test of each seed; lines that need the same one share it."""
        labels: dict[Test, str] = {}
        lines: dict[Test, list[str]] = {}
        for table in self.tables(lab):
            for line in table.lines:
                for label, test in _needed(line, table.columns):
                    for seeded in with_seeds(test, lab.seeds):
                        labels.setdefault(seeded, label)
                        lines.setdefault(seeded, []).append(line.label)
        return [test_job(label, test, lab, lines[test]) for test, label in labels.items()]

    def collect(self, lab: Lab) -> Findings:
        """What was found so far; nothing is trained or tested."""
        found = tuple(
            Found(table, tuple(_measured(line, lab) for line in table.lines))
            for table in self.tables(lab)
        )
        return Findings(found, self.listings(found, lab), self.figures(found, lab), self.words)


def test_job(label: str, test: Test, lab: Lab, lines: Sequence[str] = ()) -> Job:
    """The job that trains and tests."""
    return Job(
        label,
        is_done=lambda: lab.store.known(test) is not None,
        do=functools.partial(lab.store.measure, test),
        lines=tuple(lines),
    )


def _needed(line: Line, columns: str) -> list[tuple[str, Test]]:
    """The tests of a line, with the line's label, or with their own where there are several."""
    tests: dict[Test, str] = {}
    for cell in line.cells:
        for test in filter(None, (cell.test, cell.beside)):
            tests.setdefault(test, f"{line.label} at {cell.column} {columns}")
    if len(tests) == 1:
        return [(line.label, test) for test in tests]
    return [(label, test) for test, label in tests.items()]


def _measured(line: Line, lab: Lab) -> tuple[Measured, ...]:
    """The cells of a line with their numbers, of the seeds that are there."""

    @functools.cache
    def known(test: Test) -> tuple[dict, ...]:
        made = map(lab.store.known, with_seeds(test, lab.seeds))
        return tuple(one for one in made if one is not None)

    cells = []
    for cell in line.cells:
        given = [known(test) for test in (cell.test, cell.beside) if test is not None]
        number = cell.measure(*given) if given and all(given) else None
        cells.append(Measured(cell, number, given[0] if number else ()))
    return tuple(cells)
