"""Accuracy against seconds of training, for every method that trains."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

from experiments.lab import timing
from experiments.lab.curve_drawing import Curve, Panel, draw
from experiments.lab.curves import Point, curve, pieces
from experiments.lab.findings import Findings, Listing, accuracy
from experiments.lab.lab import Lab
from experiments.lab.store import Test, with_seeds
from experiments.lab.study import Job
from experiments.omniglot_settings import TRAININGS, training
from hidra_tf.runs.config import EvalRequest

# Meta-updates of 4 tasks of 5 ways; transfer methods see as many pictures.
UPDATES = 3000
MEASUREMENTS = 30
TASKS = 600
# The accuracies in % to which seconds are counted.
LEVELS = (90, 95, 98, 99)
NOT_REACHED = "not reached"
# TensorBoard's numbers have the precision of float32.
_ROUNDING = 1e-4


class Taken(NamedTuple):
    """How long a training took.

    Attributes:
        method: its name.
        test: the training and its test.
        points: validation accuracies with their seconds.
        starts: the number of its starts, of which all but the first went on.
        timed: whether the seconds count from its start, and not from its first measurement.
        load: programs that ran on average in the minute before its start; None if not known.
    """

    method: str
    test: Test
    points: Sequence[Point]
    starts: int
    timed: bool
    load: float | None


@dataclasses.dataclass(frozen=True)
class Seconds:
    """The study; see `experiments.lab.study.Study`."""

    name: str = "seconds"
    title: str = "Accuracy against seconds of training, every method, Omniglot, 5-way 5-shot"

    def jobs(self, lab: Lab) -> list[Job]:
        """One training with its test for each method and seed."""
        return [
            Job(
                method,
                is_done=functools.partial(_is_done, test, lab),
                do=functools.partial(timing.measure, test, lab),
            )
            for method, first in tests_of(lab).items()
            for test in with_seeds(first, lab.seeds)
        ]

    def collect(self, lab: Lab) -> Findings:
        """What the trainings that are finished took."""
        tests = tests_of(lab)
        found = [
            _taken(method, test, lab)
            for method, first in tests.items()
            for test in with_seeds(first, lab.seeds)
            if _is_done(test, lab)
        ]
        absent = set(tests) - {taken.method for taken in found}
        return Findings(
            listings=_listings(found, lab),
            figures={"seconds": _figure(found)},
            words=_words(lab),
            absent=tuple(method for method in tests if method in absent),
        )


def tests_of(lab: Lab) -> dict[str, Test]:
    """The training of each method, and its test after the last update."""
    tests = {}
    for method, own in TRAININGS.items():
        config = training(method, (5,), own, UPDATES, norm="support")
        test = lab.own_test(config, EvalRequest(tasks=TASKS, checkpoint="last"))
        every = max(1, test.config.steps // MEASUREMENTS)
        tests[method] = Test(
            dataclasses.replace(test.config, log_every=every),
            dataclasses.replace(test.request, ways=test.config.train_ways),
        )
    return tests


def _is_done(test: Test, lab: Lab) -> bool:
    return lab.store.known(test) is not None


def _taken(method: str, test: Test, lab: Lab) -> Taken:
    path, starts = lab.store.run(test.config), timing.starts(test.config, lab)
    points = curve(path, "val", starts=[start.time for start in starts])
    # A curve whose start is not known begins at 0.
    timed = points[0].seconds > 0
    load = starts[0].load if timed else None
    return Taken(method, test, points, pieces(path, "val"), timed, load)


def seconds_to(points: Sequence[Point], level: float) -> float | str:
    """The seconds until a curve was first measured at an accuracy in % or above it."""
    reached = (p.seconds for p in points if 100 * p.value >= level - _ROUNDING)
    return next(reached, NOT_REACHED)


def _listings(found: Sequence[Taken], lab: Lab) -> tuple[Listing, ...]:
    title = "Seconds until validation classes were first measured at an accuracy, or above it"
    records = tuple(_record(taken, lab) for taken in found)
    points = tuple(
        {
            "method": taken.method,
            "seed": taken.test.config.seed,
            "update": point.step,
            "seconds": point.seconds,
            "accuracy": 100 * point.value,
        }
        for taken in found
        for point in taken.points
    )
    return (
        Listing("to_accuracy", title, records),
        Listing("curves", "Validation accuracy, %", points, shown=False),
    )


def _record(taken: Taken, lab: Lab) -> dict[str, Any]:
    config, made = taken.test.config, lab.store.known(taken.test)
    steps = made["rows"][0]["steps"]
    test = accuracy(config.train_ways[0], steps)([made])
    begin = "start" if taken.timed else "first measurement"
    return {
        "method": taken.method,
        "seed": config.seed,
        **{f"s to {level} %": seconds_to(taken.points, level) for level in LEVELS},
        "s in all": taken.points[-1].seconds,
        "updates": config.steps,
        "ms per update": _milliseconds(taken, lab),
        "validation, %": 100 * taken.points[-1].value,
        "test, %": test.mean,
        "±": test.ci95,
        "counted from": begin if taken.starts == 1 else f"{begin}; {taken.starts} starts",
        "load before": taken.load,
    }


def _milliseconds(taken: Taken, lab: Lab) -> float:
    """The mean time of a meta-update, measurements and checkpoints not counted."""
    rates = curve(lab.store.run(taken.test.config), "train", "meta_updates_per_second")
    before = [0, *(rate.step for rate in rates[:-1])]
    parts = [(r.step - first) / r.value for first, r in zip(before, rates, strict=True)]
    return 1000 * sum(parts) / rates[-1].step


def _figure(found: Sequence[Taken]) -> bytes:
    """A line for each training, over all of it and near the top."""
    numbers = {method: number for number, method in enumerate(TRAININGS)}
    curves = []
    for taken in found:
        number = numbers[taken.method]
        x = [point.seconds for point in taken.points]
        y = [100 * point.value for point in taken.points]
        style = "--" if number >= 10 else "-"
        curves.append(Curve(taken.method, x, y, f"C{number % 10}", style))
    seconds, accuracies = "seconds from the start of the training", "validation accuracy, %"
    panels = [
        Panel("", curves, seconds, accuracies, logarithmic=True, limits=limits)
        for limits in (None, (LEVELS[0], 100))
    ]
    return draw(panels, legend_outside=True)


def _words(lab: Lab) -> tuple[str, ...]:
    tests = tests_of(lab)
    config = tests["hidra"].config
    return (
        f"All methods see as many pictures: {config.steps:,} updates × {config.meta_batch} tasks "
        f"of {config.train_ways[0]} ways, 5 shots and {config.query_shots} queries, Conv-4 of "
        f"{config.filters} filters; `finetune` and `baseline_pp`, which learn all classes at once, "
        f"{tests['finetune'].config.steps:,} minibatches of {config.batch_size}, and their curves "
        "are those of nearest class means on the same features. Each has the settings of "
        "`python -m experiments.omniglot_methods`. All are normalised by the statistics of the "
        "support set, in training and in tests (`norm=support`, inductive), because running "
        "statistics fail where inner steps move the features.",
        f"Accuracies are measured on {config.val_tasks} tasks of validation classes, "
        f"{MEASUREMENTS} times in a training, and on {tests['hidra'].request.tasks} tasks of test "
        "classes after its last update. Zero is the moment at which the study asked for the "
        "training. Reading decoded pictures, building and compiling, and the measurements count; "
        "starting Python and TensorFlow, and decoding pictures for the first time, do not. A "
        "training that was stopped and went on has several starts, and its seconds are an "
        "estimate. `ms per update` is the time of updates alone, the first compilation included. "
        "`load before` is the number of programs that wanted a processor on average in the minute "
        "before the start; seconds compare only where it is alike.",
    )


STUDY = Seconds()
