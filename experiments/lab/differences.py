"""Measures of two tests: what one reaches more than the other, in percentage points."""

from __future__ import annotations

import math

from experiments.lab.findings import Made, Measure, accuracy, scores
from hidra_tf.evaluation.intervals import Estimate
from hidra_tf.evaluation.trainings import difference


def paired(ways: int, steps: int, beside_steps: int) -> Measure:
    """A cell's test minus the one beside it, where both met the same tasks.

    Args:
        ways: the number of ways of the tasks.
        steps: the number of inner steps of the cell's test.
        beside_steps: that of the test beside it.
    """

    def measure(made: Made, beside: Made) -> Estimate:
        pair = scores(beside, ways, beside_steps), scores(made, ways, steps)
        return difference(*pair, same_seeds=_seeds(made) == _seeds(beside))

    return measure


def unpaired(ways: int, steps: int) -> Measure:
    """A cell's test minus the one beside it, where both met tasks of their own.

    Of several trainings, the intervals of both tests count those too. Where the tests are of the
    same trainings, what makes one of them better lifts both, so that the interval is rather wide.

    Args:
        ways: the number of ways of the tasks.
        steps: the number of inner steps of both.
    """

    def measure(made: Made, beside: Made) -> Estimate:
        ours, theirs = (accuracy(ways, steps)(one) for one in (made, beside))
        known = ours.ci95 is not None and theirs.ci95 is not None
        ci95 = math.hypot(ours.ci95, theirs.ci95) if known else None
        return Estimate(ours.mean - theirs.mean, ci95)

    return measure


def _seeds(made: Made) -> list[int]:
    return [one["seed"] for one in made]
