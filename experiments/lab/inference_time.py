"""Seconds that adaptation and prediction take, for one number of inner steps by itself."""

from __future__ import annotations

import dataclasses
import os
from typing import NamedTuple

from experiments.lab import machine
from experiments.lab.lab import Lab
from experiments.lab.store import Test
from hidra_tf.evaluation.evaluator import TASKS_PER_CALL
from hidra_tf.runs.assembly import build_method
from hidra_tf.runs.measuring import make_evaluator

TASKS, REPEATS = 600, 3


class Time(NamedTuple):
    """How long an evaluation took.

    Attributes:
        seconds: for all tasks, once for each repeat.
        tasks: the number of tasks.
        machine: what computed.
        load: the programs that wanted a processor on average in the minute before.
    """

    seconds: tuple[float, ...]
    tasks: int
    machine: str
    load: float


def known(test: Test, steps: int, lab: Lab) -> Time | None:
    """What `measure` kept, or None."""
    kept = lab.store.kept(_name(test, steps, lab))
    return None if kept is None else Time(**{**kept, "seconds": tuple(kept["seconds"])})


def measure(test: Test, steps: int, lab: Lab) -> None:
    """Times the tests of a network after so many steps and no others, and keeps the times.

    The weights are untrained, on which the time does not depend. The graph is built and run once
    before, and reading the pictures is not counted: what is timed is to draw 600 tasks, to adapt
    to each, and to predict its queries.

    Args:
        test: the network, and its tasks.
        steps: the number of inner steps.
        lab: where the study works; a tiny budget times few tasks.
    """
    splits = lab.store.load(test.config, test.request.split)
    method = build_method(test.config, splits)
    request = dataclasses.replace(test.request, steps=(steps,))
    evaluator = make_evaluator(test.config, method, splits, request)
    tasks, load = TASKS_PER_CALL if lab.budget.tiny else TASKS, os.getloadavg()[0]
    list(evaluator.rows(TASKS_PER_CALL))
    seconds = []
    for _ in range(REPEATS):
        list(evaluator.rows(tasks))
        seconds.append(sum(evaluator.seconds.values()))
    made = Time(tuple(seconds), tasks, machine.in_words(), load)
    lab.store.keep(_name(test, steps, lab), made._asdict())


def _name(test: Test, steps: int, lab: Lab) -> str:
    return f"times/{lab.store.run(test.config).name}_{steps}_steps"
