"""Says of every picture of a folder which class it is of."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from data_gen.errors import UserError
from data_gen.own_pictures import OwnPictures
from hidra_tf.answers.learning import format_of, labels_of, warn_of_ground
from hidra_tf.answers.reading import Picture, read
from hidra_tf.classifier.estimator import FewShotClassifier
from hidra_tf.classifier.pictures import Prepared
from hidra_tf.runs.terminal.progress import Progress

# Pictures in memory at a time.
PORTION = 256
# Pictures whose thumbnails are kept; more would not be looked at.
MOST_SHOWN = 1000
_Row = tuple[str, float | None, str, float]


class Answer(NamedTuple):
    """What is said of a picture.

    Attributes:
        file: its path in the folder or zip.
        answer: the most probable class, or `unknown`.
        probability: its probability; None for `unknown`.
        runner_up: the second most probable class; with `unknown`, the most probable one.
        runner_up_probability: its probability.
        true: the class that its folder names; None where folders name none.
        thumbnail: a person's view of it, uint8 [h, w, 3]; None beyond `MOST_SHOWN` pictures.
        seen: whether the same file was among those that were learned.
        right: whether the answer is the true class, or `unknown` for a class that was never
            learned; None where no folder says which class is true.
    """

    file: str
    answer: str
    probability: float | None
    runner_up: str
    runner_up_probability: float
    true: str | None
    thumbnail: np.ndarray | None
    seen: bool
    right: bool | None


def answers(
    classifier: FewShotClassifier,
    queries: OwnPictures,
    scored: bool,
    learned: Collection[bytes],
    left_out: dict[str, str],
) -> list[Answer]:
    """The answers about all pictures that can be read, in the order of their names.

    Args:
        classifier: what answers.
        queries: the pictures by folder.
        scored: whether the folders name classes.
        learned: the digests of the pictures that were learned.
        left_out: to this is added what is wrong with each of the others.

    Raises:
        UserError: if no picture can be read.
    """
    true = {n: c for c, files in queries.classes.items() for n in files} if scored else {}
    names = queries.names
    found: list[Answer] = []
    grounds: list[bool | None] = []
    progress = Progress(len(names), 0, "picture", "predicting")
    pictures = read(queries.tree, names, format_of(classifier), left_out)
    try:
        for portion in _portions(pictures):
            for one, row in zip(portion, _rows(classifier, portion), strict=True):
                shown = one.thumbnail if len(found) < MOST_SHOWN else None
                label = true.get(one.name)
                right = None if label is None else _is_right(classifier, row, label)
                found.append(Answer(one.name, *row, label, shown, one.digest in learned, right))
            grounds += [one.bright for one in portion]
            progress.advance(len(portion))
    finally:
        progress.close()
    if not found:
        raise UserError(
            f"{queries.tree.root}: expected whole pictures, received {len(names)} that cannot be "
            f"read: {left_out[names[0]]}"
        )
    warn_of_ground(classifier, queries.tree.root, grounds)
    return found


def _is_right(classifier: FewShotClassifier, row: _Row, true: str) -> bool:
    answer, probability, *_ = row
    if probability is None:
        return true not in labels_of(classifier)
    return answer == true


def _portions(pictures: Iterator[Picture]) -> Iterator[list[Picture]]:
    portion: list[Picture] = []
    for one in pictures:
        portion.append(one)
        if len(portion) == PORTION:
            yield portion
            portion = []
    if portion:
        yield portion


def _rows(classifier: FewShotClassifier, portion: Sequence[Picture]) -> Iterator[_Row]:
    """Answer, probability, runner-up and its probability of each picture."""
    names = [str(label) for label in classifier.classes_.tolist()]
    probabilities = classifier.predict_proba([Prepared(one.array) for one in portion])
    order = np.argsort(-probabilities, axis=1, kind="stable")
    for row, (first, second, *_) in zip(probabilities.tolist(), order.tolist(), strict=True):
        if classifier.unknown_below is not None and row[first] < classifier.unknown_below:
            yield str(classifier.unknown_label), None, names[first], row[first]
        else:
            yield names[first], row[first], names[second], row[second]
