"""What may be exported: initializations and classifiers, checked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_gen.errors import UserError
from hidra_tf.classifier.estimator import FewShotClassifier
from hidra_tf.classifier.initialization import Initialization
from hidra_tf.evaluation.temperature import Temperature
from hidra_tf.options import TRANSDUCTIVE


@dataclass(frozen=True)
class Exported:
    """What is written of an initialization or a classifier.

    Attributes:
        start: the initialization.
        temperature: what logits are divided by before the softmax, for any number of pictures.
        balanced: whether all classes weigh the same, or all pictures.
        support: what a classifier has learned from: pictures as the network sees them, or features
            [M, D], and their labels int32 [M]; None where there is none.
        labels: the names of its classes, in the order of the probabilities.
        pictures: the number of its pictures of each class, which its temperature depends on.
    """

    start: Initialization
    temperature: Temperature
    balanced: bool = True
    support: tuple[np.ndarray, np.ndarray] | None = None
    labels: tuple[str, ...] = ()
    pictures: float | None = None


def exported(source: Initialization | FewShotClassifier) -> Exported:
    """What is to be written of an initialization or a classifier.

    Raises:
        UserError: if it is neither, if its answers cannot be given by a file of this kind, or if a
            setting of the classifier was changed since it learned.
    """
    if isinstance(source, FewShotClassifier):
        found = _of_classifier(source)
    elif isinstance(source, Initialization):
        found = Exported(source, source.temperature)
    else:
        raise UserError(
            f"expected a FewShotClassifier or an Initialization to export; received "
            f"{type(source).__name__}"
        )
    _check(found.start)
    return found


def _of_classifier(classifier: FewShotClassifier) -> Exported:
    start = classifier.starting_point()
    temperature = classifier.temperature_of_tasks()
    balanced = bool(classifier.balanced)
    memory = getattr(classifier, "memory_", None)
    if memory is None or len(memory.classes) < 2:
        return Exported(start, temperature, balanced)
    names = tuple(str(label) for label in memory.classes)
    support = tuple(memory.support())
    return Exported(start, temperature, balanced, support, names, memory.pictures)


def _check(start: Initialization) -> None:
    norm, ways = start.backbone.norm, getattr(start.method, "head", None)
    ways = getattr(ways, "fixed_ways", None)
    if norm in TRANSDUCTIVE:
        raise UserError(
            f"norm: a prediction under {norm} statistics would depend on which other pictures are "
            f"asked about; expected support, running, affine or none to export; received {norm}"
        )
    if ways is not None:
        raise UserError(
            f"expected a head for any number of classes to export, such as `head=master`; received "
            f"one for {ways} classes"
        )
    if start.pictures is None:
        raise UserError("expected a classifier of pictures to export; received one of features")
    start.check_no_code("export")
