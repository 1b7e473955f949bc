"""What an evaluation finds: scores of tasks, and their means with confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf


class Row(NamedTuple):
    """What was measured at one number of ways, after one number of inner steps.

    Attributes:
        ways: C.
        steps: inner steps.
        accuracy: mean over the tasks, in [0, 1].
        ci95: half the width of its 95 % confidence interval, 1.96·s/√tasks with s the sample
            standard deviation over tasks; None for a single task.
        loss: mean query loss.
        metrics: what else the method measures (`Method.metrics`), each as its `mean` and
            `ci95`.
        queries: the number of query pictures of each task; None in a row that does not say it.
        correct: the number of them that were classified correctly, for each task in the order
            of the tasks. With it, evaluations of the same tasks are compared task by task
            (`hidra_tf.evaluation.trainings`). None in a row that does not say it.
    """

    ways: int
    steps: int
    accuracy: float
    ci95: float | None
    loss: float
    metrics: dict[str, dict[str, float | None]] = {}  # noqa: RUF012 — nobody writes into it
    queries: int | None = None
    correct: tuple[int, ...] | None = None


class Scores(NamedTuple):
    """What T tasks had after each of S numbers of steps: arrays [T, S].

    Attributes:
        accuracy: the share of queries whose class was found.
        loss: the mean query loss.
        metrics: what else the method measures, by its name.
        predicted: the labels [T, S, C·Q] that the queries were taken for, whole numbers.
    """

    accuracy: tf.Tensor | np.ndarray
    loss: tf.Tensor | np.ndarray
    metrics: dict[str, tf.Tensor | np.ndarray]
    predicted: tf.Tensor | np.ndarray
    correct: tf.Tensor | np.ndarray


def row_of(ways: int, steps: int, scores: Scores, queries: int) -> Row:
    """A row from the scores [T] of all tasks at one number of ways, after one number of steps.

    Args:
        ways: C.
        steps: inner steps.
        scores: those of all tasks.
        queries: the number of query pictures of each task.
    """
    metrics = {
        name: dict(zip(("mean", "ci95"), mean_and_ci95(values), strict=True))
        for name, values in scores.metrics.items()
    }
    mean_loss = float(np.mean(scores.loss))
    correct = tuple(int(count) for count in scores.correct)
    accuracy = mean_and_ci95(scores.accuracy)
    return Row(ways, steps, *accuracy, mean_loss, metrics, queries, correct)


def mean_scores(rows: Sequence[Row]) -> tuple[float, float]:
    """The mean accuracy and the mean loss of some rows."""
    return float(np.mean([row.accuracy for row in rows])), float(np.mean([r.loss for r in rows]))


def mean_and_ci95(values: np.ndarray) -> tuple[float, float | None]:
    """The mean of independent values [n], and half the width of its 95 % interval.

    Either may be infinite or no number where a value is: a head that diverged moves that far.
    """
    if len(values) < 2:
        return float(np.mean(values)), None
    with np.errstate(invalid="ignore"):
        deviation = np.std(values, ddof=1)
    return float(np.mean(values)), float(1.96 * deviation / math.sqrt(len(values)))
