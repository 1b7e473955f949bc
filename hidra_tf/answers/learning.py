"""Learns the classes of a folder."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from data_gen import STROKES
from data_gen.errors import UserError, printable
from data_gen.own_pictures import OwnPictures
from data_gen.picture_tree import shortened
from hidra_tf.answers.reading import Picture, read
from hidra_tf.classifier.estimator import FewShotClassifier
from hidra_tf.classifier.pictures import PictureFormat, Prepared

_LOG = logging.getLogger(__name__)
# Thumbnails of a class that a contact sheet shows.
MOST_SHOWN = 5
# The share of pictures with the other ground that is more than a matter of a few.
_MOST = 0.8


class Learned(NamedTuple):
    """What was learned from a folder.

    Attributes:
        counts: the number of pictures by class.
        thumbnails: a few of them by class.
        digests: the digests of all pictures.
        left_out: file → why it was not used.
        seconds: the time that reading and learning took.
    """

    counts: dict[str, int]
    thumbnails: dict[str, list[np.ndarray]]
    digests: frozenset[bytes]
    left_out: dict[str, str]
    seconds: float


NOTHING = Learned({}, {}, frozenset(), {}, 0.0)


def learn(classifier: FewShotClassifier, support: OwnPictures) -> Learned:
    """Learns the pictures of a folder, besides what the classifier has learned before.

    Args:
        classifier: what learns.
        support: the pictures by class.

    Raises:
        UserError: if all pictures of a class are damaged, or the classifier takes no pictures.
    """
    start = time.monotonic()
    left_out = dict(support.left_out)
    shown = {
        name: _of_class(support, name, format_of(classifier), left_out) for name in support.classes
    }
    _warn_of_contradictions(shown)
    names = labels_of(classifier)
    pictures = [Prepared(picture.array) for files in shown.values() for picture in files]
    labels = [names.get(name, name) for name, files in shown.items() for _ in files]
    further = hasattr(classifier, "memory_")
    (classifier.partial_fit if further else classifier.fit)(pictures, labels)
    grounds = [one.bright for files in shown.values() for one in files]
    warn_of_ground(classifier, support.tree.root, grounds)
    return Learned(
        {name: len(files) for name, files in shown.items()},
        {name: [one.thumbnail for one in files[:MOST_SHOWN]] for name, files in shown.items()},
        frozenset(one.digest for files in shown.values() for one in files),
        left_out,
        time.monotonic() - start,
    )


def labels_of(classifier: FewShotClassifier) -> dict[str, object]:
    """The classes that a classifier has learned, by their names as text."""
    return {str(label): label for label in getattr(classifier, "classes_", np.array([])).tolist()}


def format_of(classifier: FewShotClassifier) -> PictureFormat:
    """How a classifier looks at pictures.

    Raises:
        UserError: if it takes features instead.
    """
    start = classifier.backbone and classifier.starting_point()
    if start is None or start.pictures is None:
        raise UserError(
            "classifier: expected one of pictures; received one that takes features, and that only "
            "the library can give them"
        )
    return start.pictures


def warn_of_ground(
    classifier: FewShotClassifier, where: object, grounds: Sequence[bool | None]
) -> None:
    """Warns where drawings look like the negatives of those that the network was trained on.

    Nothing else would tell: the answers about negatives are merely bad.

    Args:
        classifier: what looks at the pictures.
        where: the folder.
        grounds: of each picture, whether most of it is bright; None where that is open.
    """
    start = classifier.initialization_
    if start.origin is None or start.origin.dataset not in STROKES:
        return
    # What reaches the network has a dark ground if it was trained on inverted drawings.
    wanted = start.pictures.invert == start.origin.invert
    if np.mean([ground == (not wanted) for ground in grounds]) >= _MOST:
        kinds = ("bright strokes on a dark ground", "dark strokes on a bright ground")
        _LOG.warning(
            "%s: most pictures look like %s, and %s are expected; `invert=%s` turns them",
            printable(where),
            kinds[not wanted],
            kinds[wanted],
            str(not start.pictures.invert).lower(),
        )


def _of_class(
    support: OwnPictures, name: str, wanted: PictureFormat, left_out: dict[str, str]
) -> list[Picture]:
    files = support.classes[name]
    found = list(read(support.tree, files, wanted, left_out))
    if not found:
        raise UserError(
            f"{support.tree.root}: expected whole pictures of {name}; received "
            f"{len(files)} that cannot be read: {left_out[files[0]]}"
        )
    return found


def _warn_of_contradictions(shown: dict[str, Sequence[Picture]]) -> None:
    """Names the files that are, byte for byte, in several classes."""
    classes: dict[bytes, dict[str, str]] = {}
    for name, files in shown.items():
        for one in files:
            classes.setdefault(one.digest, {})[name] = one.name
    double = [files for files in classes.values() if len(files) > 1]
    if double:
        named = shortened(printable(" = ".join(files.values())) for files in double)
        _LOG.warning("the same picture is in several classes (%d): %s", len(double), named)
