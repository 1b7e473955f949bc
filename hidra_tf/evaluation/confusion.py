"""Which class of a split is taken for which, over all tasks of one row."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from data_gen.errors import UserError
from hidra_tf.evaluation.rows import Scores

# The counts of more classes would fill some hundred megabytes for each row.
MOST_CLASSES = 2000


class Confusion(NamedTuple):
    """How often the queries of each class were taken for each class, of N classes of a split.

    A query can be taken only for a class of its own task. Therefore a count means little by itself,
    and stands beside the number of times that it could have been one higher.

    Attributes:
        counts: int64 [N, N]: queries of class i (row) that were taken for class j (column).
        chances: int64 [N, N]: queries of class i in tasks that had class j too.
    """

    counts: np.ndarray
    chances: np.ndarray

    @property
    def queries(self) -> np.ndarray:
        """The number [N] of queries of each class."""
        return self.counts.sum(axis=1)

    @property
    def rates(self) -> np.ndarray:
        """Counts / chances [N, N], on the diagonal the accuracies; NaN without any chance."""
        chances = np.where(self.chances > 0, self.chances, 1)
        return np.where(self.chances > 0, self.counts / chances, np.nan)


def check_size(classes: int) -> None:
    """Raises `UserError` if there are too many classes to be compared with one another."""
    if classes > MOST_CLASSES:
        raise UserError(
            f"eval_confusion: expected at most {MOST_CLASSES} classes, received {classes}"
        )


def count(classes_in_pool: int, classes: np.ndarray, scores: Scores) -> Confusion:
    """Counts every query of some tasks once.

    Args:
        classes_in_pool: the number N of the split's classes.
        classes: the numbers [T, C] in 0 … N−1 of the classes of T tasks.
        scores: the scores of these tasks after one number of steps. Their `predicted` [T, C·Q] has
            Q queries of class 0 of the task first, then Q of class 1, and so on.
    """
    tasks, ways = classes.shape
    query_shots = scores.predicted.shape[1] // ways
    true = np.repeat(classes, query_shots, axis=1)
    predicted = np.take_along_axis(classes, scores.predicted, axis=1)
    counts, together = (np.zeros((classes_in_pool,) * 2, np.int64) for _ in range(2))
    np.add.at(counts, (true, predicted), 1)
    for task in range(tasks):
        together[np.ix_(classes[task], classes[task])] += 1
    return Confusion(counts, query_shots * together)
