"""How many answers are right, with an interval, and which class is taken for which."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hidra_tf.answers.answering import Answer
from hidra_tf.evaluation.confusion import MOST_CLASSES, Confusion

_LOG = logging.getLogger(__name__)
# The normal distribution leaves 5 % beyond ± this many deviations.
_Z = 1.959963984540054


class Share(NamedTuple):
    """A share of right answers.

    Attributes:
        right: the number of right answers.
        total: the number of all answers, ≥ 1.
    """

    right: int
    total: int

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of Wilson (1927): (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n).

        It holds for further pictures of the same kind, given what was learned.
        """
        n, p = self.total, self.right / self.total
        middle = p + _Z**2 / (2 * n)
        width = _Z * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n * n))
        scale = 1 + _Z**2 / n
        return max(0.0, (middle - width) / scale), min(1.0, (middle + width) / scale)


class Score(NamedTuple):
    """What is known of some answers where the folders name the classes.

    Attributes:
        all: the share of right answers among all pictures in folders of classes.
        known: the same among those whose class was learned.
        strange: the number of pictures by class, for the classes that were never learned.
        rejected: the number of them that were answered with `unknown`.
        classless: the number of pictures that lie in no folder of a class; they count nowhere.
    """

    all: Share
    known: Share
    strange: dict[str, int]
    rejected: int
    classless: int


def score(answers: Sequence[Answer], classes: Sequence[str]) -> Score | None:
    """The score of some answers; None where no folder names a class.

    Args:
        answers: the answers.
        classes: the classes that were learned.
    """
    told = [one for one in answers if one.true is not None]
    if not told:
        return None
    known = [one for one in told if one.true in classes]
    strange = [one for one in told if one.true not in classes]
    return Score(
        _share(told),
        _share(known),
        dict(sorted(Counter(one.true for one in strange).items())),
        sum(one.probability is None for one in strange),
        len(answers) - len(told),
    )


def _share(answers: Sequence[Answer]) -> Share:
    return Share(sum(bool(one.right) for one in answers), len(answers))


def confusion(
    answers: Sequence[Answer], classes: Sequence[str]
) -> tuple[Confusion, list[str]] | None:
    """Counts of true classes and answers, with the N names of rows and columns.

    Every picture could be taken for every class that was learned, and for `unknown` where that was
    answered at all. It is None where no folder names a class, or there are too many classes.
    """
    told = [one for one in answers if one.true is not None]
    if not told:
        return None
    columns = [*classes, *{one.answer for one in told if one.probability is None}]
    names = list(dict.fromkeys([*columns, *sorted(one.true for one in told)]))
    if len(names) > MOST_CLASSES:
        _LOG.warning("no confusion matrix of more than %d classes: %d", MOST_CLASSES, len(names))
        return None
    place = {name: i for i, name in enumerate(names)}
    counts, chances = (np.zeros((len(names),) * 2, np.int64) for _ in range(2))
    for one in told:
        counts[place[one.true], place[one.answer]] += 1
        chances[place[one.true], : len(set(columns))] += 1
    return Confusion(counts, chances), names
