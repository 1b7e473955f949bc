"""HIDRA's Figure 8: accuracy on training and validation classes in the course of a training."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from experiments.lab.curve_drawing import Curve, Panel, draw
from experiments.lab.curves import Point, curve
from experiments.lab.differences import unpaired
from experiments.lab.findings import Cell, Found, Line, Listing, Table, accuracy
from experiments.lab.lab import Lab
from experiments.lab.store import Test, with_seeds
from experiments.lab.study import TableStudy

WAYS = (2, 5, 8, 10)
SPLITS = {"train": "training classes", "val": "validation classes"}
# Validation classes that nobody trains on, and so many tasks that small gaps can be seen.
FLAGS = ("--notrain_on_validation", "--val_tasks=400")
# The paper measures after every so many updates; short trainings are measured more often.
EVERY, LEAST_POINTS = 1000, 24


def tables(lab: Lab) -> list[Table]:
    """Accuracies after the last update on both kinds of classes, and what lies between them."""
    lines = [
        Line(title, tuple(_cell(lab, ways, split) for ways in WAYS))
        for split, title in SPLITS.items()
    ]
    gap = Line("training minus validation", tuple(_gap(lab, ways) for ways in WAYS))
    return [Table("After the last update, α = 0.4, 1 step", (*lines, gap))]


def _cell(lab: Lab, ways: int, split: str) -> Cell:
    test = _test(lab, ways, split)
    return Cell(str(ways), test, accuracy(*_where(test)))


def _gap(lab: Lab, ways: int) -> Cell:
    train, val = (_test(lab, ways, split) for split in SPLITS)
    return Cell(str(ways), train, unpaired(*_where(train)), beside=val)


def _test(lab: Lab, ways: int, split: str) -> Test:
    """The training with tasks of so many ways, and its test on a split at the same ways."""
    flags = (*FLAGS, f"--eval_ways={ways}", "--eval_steps=1", "--checkpoint=last")
    test = lab.test(f"omniglot_hidra_{ways}", flags, split=split)
    every = max(1, min(EVERY, test.config.steps // LEAST_POINTS))
    return Test(
        dataclasses.replace(test.config, log_every=every),
        dataclasses.replace(test.request, ways=test.config.train_ways),
    )


def _where(test: Test) -> tuple[int, int]:
    """The number of ways and of steps of a test."""
    return test.request.ways[0], test.request.steps[0]


def _curves(lab: Lab) -> Iterator[tuple[int, int, str, list[Point]]]:
    """Ways, seed, split and points of each curve."""
    for ways in WAYS:
        for test in with_seeds(_test(lab, ways, "val"), lab.seeds):
            for split in SPLITS:
                yield ways, test.config.seed, split, curve(lab.store.run(test.config), split)


def figures(found: Sequence[Found], lab: Lab) -> dict[str, bytes]:
    """Figure 8, and beside it what lies between the two curves of each training."""
    del found
    known = {(ways, seed, split): points for ways, seed, split, points in _curves(lab)}
    accuracies = [
        _line(f"{ways} ways, {SPLITS[split]}", points, ways, "--" if split == "train" else "-")
        for (ways, _, split), points in known.items()
    ]
    gaps = [
        _line(f"{ways} ways", between(known[ways, seed, "train"], points), ways)
        for (ways, seed, split), points in known.items()
        if split == "val"
    ]
    updates, gap = "meta-updates", "training minus validation, %"
    return {"figure8": draw([Panel("", accuracies, updates), Panel("", gaps, updates, gap)])}


def between(train: Sequence[Point], val: Sequence[Point]) -> list[Point]:
    """What training classes reach more than validation classes, where both were measured."""
    known = {point.step: point.value for point in val}
    return [p._replace(value=p.value - known[p.step]) for p in train if p.step in known]


def _line(label: str, points: Sequence[Point], ways: int, style: str = "-") -> Curve:
    steps, values = [p.step for p in points], [100 * p.value for p in points]
    return Curve(label, steps, values, f"C{WAYS.index(ways)}", style)


def listings(found: Sequence[Found], lab: Lab) -> tuple[Listing, ...]:
    """All points of all curves."""
    del found
    records = tuple(
        {"ways": ways, "seed": seed, "split": split, "step": p.step, "accuracy": 100 * p.value}
        for ways, seed, split, points in _curves(lab)
        for p in points
    )
    return (Listing("curves", "Accuracy in the course of the trainings, %", records, shown=False),)


STUDY = TableStudy(
    "figure8",
    "HIDRA, Figure 8: training and validation accuracy on Omniglot",
    tables,
    figures,
    (
        "In the figure, dashed curves are of training classes and solid ones of validation "
        f"classes, measured after every {EVERY} updates as in the paper, or more often in shorter "
        f"trainings, so that a curve has {LEAST_POINTS} points; at the right is the difference of "
        "the two. The paper gives no numbers. The curves are those that TensorBoard shows of the "
        "runs, read from its files.",
        "Other than in Table 2, validation classes are not trained on, since the curves would say "
        "nothing about unseen characters then. The table is of the weights after the last update, "
        "on tasks that the curves were not measured on. Features are scaled and shifted but not "
        "normalised by any statistics (`norm=affine`), as in the published program.",
    ),
    listings,
)
