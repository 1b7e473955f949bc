"""Evaluations of several runs on the same tasks: what they say beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from data_gen.errors import UserError
from hidra_tf.evaluation.intervals import Estimate
from hidra_tf.evaluation.trainings import difference, mean_over_trainings
from hidra_tf.runs.place.groups import Group
from hidra_tf.runs.records.results import task_seed

# What has to be the same for tasks to be the same; `data` by its digest of all pictures.
_SAME = ("split", "shots", "query_shots", "tasks")


class Entry(NamedTuple):
    """A run, or the trainings of a group, with an evaluation of each.

    Attributes:
        letter: its short name in tables and charts.
        group: the runs.
        made: the evaluations in the order of the runs, as `reading.read` returns them.
    """

    letter: str
    group: Group
    made: tuple[Mapping[str, Any], ...]

    @property
    def shares_tasks(self) -> bool:
        """Whether all trainings of the group met the same tasks."""
        return len({task_seed(made) for made in self.made}) == 1

    @property
    def ways(self) -> tuple[int, ...]:
        """The numbers of ways at which it was evaluated."""
        return tuple(sorted({row["ways"] for row in self.made[0]["rows"]}))

    @property
    def steps(self) -> int:
        """The inner steps after which it was evaluated."""
        return self.made[0]["request"]["steps"][0]

    def scores(self, ways: int) -> np.ndarray | None:
        """Accuracies [S, T] of the trainings on the tasks; None where they have none."""
        rows = [row for made in self.made for row in made["rows"] if row["ways"] == ways]
        if not rows:
            return None
        return np.array([row["correct"] for row in rows], np.float64) / rows[0]["queries"]


class Cell(NamedTuple):
    """What one entry has at one number of ways.

    Attributes:
        accuracy: the mean accuracy; None where it has none, as a head for other ways.
        difference: the same minus the first entry's, paired; None for the first, or without one.
    """

    accuracy: Estimate | None
    difference: Estimate | None


class Comparison(NamedTuple):
    """Entries with their accuracies.

    Attributes:
        entries: the first is the one that others are compared with.
        ways: the numbers of ways, ascending.
        cells: for each number of ways a cell of each entry.
    """

    entries: tuple[Entry, ...]
    ways: tuple[int, ...]
    cells: dict[int, tuple[Cell, ...]]


def compare_entries(entries: Sequence[Entry]) -> Comparison:
    """What the evaluations of some entries say.

    Raises:
        UserError: if they are of different pictures or of tasks of different sizes.
    """
    _check_comparable(entries)
    ways = tuple(sorted({c for entry in entries for c in entry.ways}))
    cells = {c: tuple(_cell(entries[0], entry, c) for entry in entries) for c in ways}
    return Comparison(tuple(entries), ways, cells)


def _cell(first: Entry, entry: Entry, ways: int) -> Cell:
    here, there = entry.scores(ways), first.scores(ways)
    if here is None:
        return Cell(None, None)
    accuracy = mean_over_trainings(here, entry.shares_tasks)
    if entry is first or there is None:
        return Cell(accuracy, None)
    same_seeds = entry.group.seeds == first.group.seeds
    return Cell(accuracy, difference(there, here, same_seeds))


def _check_comparable(entries: Sequence[Entry]) -> None:
    """Raises `UserError` unless all evaluations are of the same tasks.

    The seeds of the tasks may differ within the one group that is not compared with another.
    """
    pairs = [
        (path, made)
        for entry in entries
        for path, made in zip(entry.group.paths, entry.made, strict=True)
    ]
    (first, reference), *others = pairs
    for path, made in others:
        values = [[m["data"]["fingerprint"], *(m[k] for k in _SAME)] for m in (reference, made)]
        for name, ours, theirs in zip(("pictures", *_SAME), *values, strict=True):
            if ours != theirs:
                raise UserError(
                    f"compare: expected runs with the same {name}; {first} has {_shown(ours)}, "
                    f"{path} has {_shown(theirs)}"
                )
    if len(entries) > 1 and len({task_seed(made) for _, made in pairs}) > 1:
        raise UserError("compare: expected evaluations with one `eval_seed`")


def _shown(value: object) -> str:
    """A value in a message; of a long digest the beginning."""
    return str(value)[:12]
