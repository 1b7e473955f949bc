"""What the heads of Figure 3 reach, and how much of a spread sampling of tasks explains."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hidra_tf.evaluation.intervals import Estimate
from hidra_tf.evaluation.rows import mean_and_ci95

REGULAR, MEAN = "regular", "mean of tied"
SAME, OWN = "the same tasks", "tasks of their own"


@dataclass(frozen=True)
class Heads:
    """What is known of the heads of one network.

    Attributes:
        known: the label of a head that was measured → `figure3.correct_answers`.
        steps: the numbers of inner steps, ascending.
    """

    known: Mapping[str, Mapping[str, Any]]
    steps: tuple[int, ...]

    @property
    def tied_labels(self) -> list[str]:
        """The tied heads that were measured."""
        return [label for label in self.known if label != REGULAR]

    def scores(self, label: str, where: str, step: int) -> np.ndarray | None:
        """A head's accuracies in % on T tasks, [T]; None if it was not measured.

        The regular head has no tasks of its own; it is what others are compared with.
        """
        if label not in self.known:
            return None
        found = self.known[label]
        counts = found["own" if where == OWN and label != REGULAR else "same"]
        return 100 * np.array(counts)[:, self.steps.index(step)] / found["queries"]

    def tied(self, where: str, step: int) -> np.ndarray:
        """The accuracies [heads, T] of the tied heads that were measured."""
        return np.array([self.scores(label, where, step) for label in self.tied_labels])

    def estimate(self, column: str, where: str, step: int) -> Estimate | None:
        """A head's mean accuracy in %, or that of all tied heads (`MEAN`), with its interval."""
        if column != MEAN:
            scores = self.scores(column, where, step)
            return None if scores is None else Estimate(*mean_and_ci95(scores))
        tied = self.tied(where, step)
        if not len(tied):
            return None
        # Heads that met the same tasks are no independent draws of tasks.
        return Estimate(*mean_and_ci95(tied.mean(axis=0) if where == SAME else tied.ravel()))


def spread(heads: Heads, paper_tasks: int) -> dict[str, float]:
    """How much the heads differ on the same tasks, and on tasks of their own, in points of %.

    Args:
        heads: all heads of a network.
        paper_tasks: the paper's number of tasks in a bar.

    Returns:
        `same_range`: the largest difference of two tied heads' accuracies on the same tasks, after
        any number of steps; `same_counts` of `all_counts`: the answers that differ at most between
        two of them, at least so many; `probabilities`: the largest difference of a probability;
        `regular`, `regular_ci95`: the regular head minus the tied ones' mean, on the same tasks.
        `own_deviation`, `own_range`: of the tied heads' accuracies on tasks of their own;
        `task_deviation`: of single tasks, within heads; `expected`: the deviation of means that
        follows from it; `ratio`: the former over the latter, which lies between `ratio_low` and
        `ratio_high` with a probability of 95 % if nothing but sampling is at work.
        `expected_of_paper`: the deviation of a bar of `paper_tasks` tasks; `expected_difference`:
        that of the regular head's mean minus the mean of all bars.
    """
    last = heads.steps[-1]
    own = heads.tied(OWN, last)
    bars, tasks = own.shape
    deviation = float(np.sqrt(np.mean(np.var(own, axis=1, ddof=1))))
    means, expected = own.mean(axis=1), deviation / math.sqrt(tasks)
    low, high = _chance(bars)
    return {
        **_on_the_same(heads),
        "own_deviation": float(np.std(means, ddof=1)),
        "own_range": float(np.ptp(means)),
        "task_deviation": deviation,
        "expected": expected,
        "ratio": float(np.std(means, ddof=1)) / expected if expected else math.nan,
        "ratio_low": low,
        "ratio_high": high,
        "expected_of_paper": deviation / math.sqrt(paper_tasks),
        "expected_difference": deviation * math.sqrt((1 + 1 / bars) / paper_tasks),
    }


def _on_the_same(heads: Heads) -> dict[str, float]:
    """How much heads differ on the same tasks."""
    counts = {label: np.array(heads.known[label]["same"]) for label in heads.tied_labels}
    pairs = list(itertools.combinations(heads.tied_labels, 2))
    shown = {label: np.array(heads.known[label]["probabilities"]) for label in heads.tied_labels}
    queries = heads.known[REGULAR]["queries"]
    accuracies = np.array([100 * one.mean(axis=0) / queries for one in counts.values()])
    last = heads.steps[-1]
    paired = heads.scores(REGULAR, SAME, last) - heads.tied(SAME, last).mean(axis=0)
    regular, ci95 = mean_and_ci95(paired)
    return {
        "same_range": float(np.max(np.ptp(accuracies, axis=0))),
        "same_counts": max(float(np.sum(np.abs(counts[a] - counts[b]))) for a, b in pairs),
        "all_counts": float(counts[heads.tied_labels[0]].size * queries),
        "probabilities": max(float(np.max(np.abs(shown[a] - shown[b]))) for a, b in pairs),
        "regular": regular,
        "regular_ci95": math.nan if ci95 is None else ci95,
    }


def _chance(bars: int) -> tuple[float, float]:
    """Where a standard deviation of normal draws lies 19 times out of 20, over the true one."""
    draws = np.random.default_rng(0).chisquare(bars - 1, 200_000) / (bars - 1)
    low, high = np.sqrt(np.quantile(draws, [0.025, 0.975]))
    return float(low), float(high)
