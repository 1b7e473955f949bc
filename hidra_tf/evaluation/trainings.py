"""Means over trainings of different seeds, and differences of methods on the same tasks.

A score is the accuracy of one training on one task. Two things make a mean of scores vary: other
trainings would be other draws of initial weights and training tasks, and other test tasks would be
easier or harder. An interval over tasks alone, as a single training has, leaves out the first.
"""

from __future__ import annotations

import numpy as np

from hidra_tf.evaluation.intervals import Estimate, Part, interval
from hidra_tf.evaluation.rows import mean_and_ci95


def mean_over_trainings(scores: np.ndarray, shared: bool) -> Estimate:
    """The mean of S trainings on T tasks each, with an interval that counts both variations.

    **Shared tasks** (all trainings met the same ones): the layout is crossed,
    y_st = μ + a_s + b_t + e_st, with random effects of the training, of the task, and of how the
    two go together. Var(ȳ) = σ_a²/S + σ_b²/T + σ_e²/(S·T) is estimated by the mean squares of a
    two-way analysis of variance, (MS_training + MS_task − MS_rest) / (S·T), in two parts: MS_task
    with T − 1 degrees of freedom, MS_training − MS_rest with S − 1. An effect whose estimated
    variance is negative counts as zero. Each part has the Student's t of its own degrees
    (`intervals.interval`).

    **Tasks of their own**: tasks are nested in trainings, and the S means of trainings are
    independent values that hold both variations: Var(ȳ) = s²/S, with S − 1 degrees of freedom.

    A single training shows nothing of the first variation: its interval is that of a row, over
    tasks alone (`mean_and_ci95`).

    Args:
        scores: [S, T]; a row for each training.
        shared: whether a column holds the same task for all trainings.

    Raises:
        ValueError: if the scores have another shape, or there are none.
    """
    _check(scores)
    trainings = len(scores)
    if trainings == 1:
        return Estimate(*mean_and_ci95(scores[0]))
    if shared:
        return _contrast([(scores, 1.0)])
    means = scores.mean(axis=1)
    variance = float(np.var(means, ddof=1)) / trainings
    return interval(float(means.mean()), [Part(variance, trainings - 1)])


def difference(first: np.ndarray, second: np.ndarray, same_seeds: bool) -> Estimate:
    """The mean of `second` minus that of `first`, paired over the tasks that both met.

    Pairing takes out what makes a task hard for both, mostly the greater part of the variation.

    Where both have trainings of the same seeds, these are paired too: the differences y′_st − y_st
    are scores as in `mean_over_trainings`. Otherwise the trainings g of the two are independent,
    and with d_t the difference of the two means on task t

        Var = s²(d)/T + Σ_g max(0, MS_training,g − MS_rest,g) / (S_g·T),

    which for one group is the estimate of `mean_over_trainings`; s²(d)/T counts as no less than
    the sum of MS_rest,g / (S_g·T), which it contains. A single training adds nothing to the sum,
    because nothing tells how others would vary: such an interval is about this training. Again,
    each part has the Student's t of its own degrees, T − 1 or S_g − 1.

    Args:
        first: [S, T], the scores that are compared with.
        second: [S′, T], on the same tasks in the same order.
        same_seeds: whether S′ = S and training s of both had the same seed.

    Raises:
        ValueError: if the scores have another shape, or there are none.
    """
    for scores in (first, second):
        _check(scores)
    if first.shape[1] != second.shape[1] or (same_seeds and first.shape != second.shape):
        raise ValueError(
            f"expected scores on the same tasks; received the shapes {first.shape} and "
            f"{second.shape}"
        )
    if same_seeds:
        return _contrast([(second - first, 1.0)])
    return _contrast([(second, 1.0), (first, -1.0)])


def _contrast(groups: list[tuple[np.ndarray, float]]) -> Estimate:
    """The weighted sum of the means of groups [S_g, T] on the same T tasks, trainings crossed."""
    by_task = np.sum([weight * scores.mean(axis=0) for scores, weight in groups], axis=0)
    mean, tasks = float(by_task.mean()), len(by_task)
    if tasks < 2:
        return Estimate(mean, None)
    pairs = [_mean_squares(weight * scores) for scores, weight in groups if len(scores) > 1]
    over_tasks = max(float(np.var(by_task, ddof=1)) / tasks, sum(rest for _, rest in pairs))
    sizes = [len(scores) for scores, _ in groups if len(scores) > 1]
    parts = [
        Part(max(0.0, between - rest), size - 1)
        for (between, rest), size in zip(pairs, sizes, strict=True)
    ]
    return interval(mean, [Part(over_tasks, tasks - 1), *parts])


def _mean_squares(scores: np.ndarray) -> tuple[float, float]:
    """MS_training and MS_rest of scores [S, T], each divided by S·T."""
    trainings, tasks = scores.shape
    of_trainings, of_tasks = scores.mean(axis=1, keepdims=True), scores.mean(axis=0)
    rest = scores - of_trainings - of_tasks + scores.mean()
    between = float(np.var(of_trainings, ddof=1)) / trainings
    return between, float(np.sum(rest**2)) / ((trainings - 1) * (tasks - 1)) / scores.size


def _check(scores: np.ndarray) -> None:
    if scores.ndim != 2 or not scores.size:
        raise ValueError(f"expected scores [trainings, tasks]; received the shape {scores.shape}")
