"""A study: which tables and figures it makes, and how it is run and collected."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from experiments.lab.findings import Findings, Found, Line, Measured, Table
from experiments.lab.lab import Lab
from experiments.lab.store import Test, with_seeds


class Job(NamedTuple):
    """A piece of a study's work, which may take hours and goes on where it was stopped.

    Attributes:
        label: the line of a table, or the name of a part, that it is for.
        is_done: whether nothing of it is left.
        do: does what is left.
    """

    label: str
    is_done: Callable[[], bool]
    do: Callable[[], None]


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
    """

    name: str
    title: str
    tables: Callable[[Lab], Sequence[Table]]
    figures: Callable[[Sequence[Found], Lab], dict[str, bytes]] = _no_figures
    words: tuple[str, ...] = ()

    def jobs(self, lab: Lab) -> list[Job]:
        """One job for each test of each seed; lines that need the same one share it."""
        labels: dict[Test, str] = {}
        for table in self.tables(lab):
            for line in table.lines:
                for cell in line.cells:
                    for test in with_seeds(cell.test, lab.seeds):
                        labels.setdefault(test, line.label)
        return [test_job(label, test, lab) for test, label in labels.items()]

    def collect(self, lab: Lab) -> Findings:
        """What was found so far; nothing is trained or tested."""
        found = tuple(
            Found(table, tuple(_measured(line, lab) for line in table.lines))
            for table in self.tables(lab)
        )
        return Findings(found, self.figures(found, lab), self.words)


def test_job(label: str, test: Test, lab: Lab) -> Job:
    """The job that trains and tests."""
    return Job(
        label,
        is_done=lambda: lab.store.known(test) is not None,
        do=functools.partial(lab.store.measure, test),
    )


def _measured(line: Line, lab: Lab) -> tuple[Measured, ...]:
    """The cells of a line with their numbers, of the seeds that are there."""
    known: dict[Test, tuple[dict, ...]] = {}
    cells = []
    for cell in line.cells:
        if cell.test not in known:
            made = map(lab.store.known, with_seeds(cell.test, lab.seeds))
            known[cell.test] = tuple(one for one in made if one is not None)
        made = known[cell.test]
        cells.append(Measured(cell, cell.measure(made) if made else None, made))
    return tuple(cells)
