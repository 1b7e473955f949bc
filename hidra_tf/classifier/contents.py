"""What the JSON file of a classifier holds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_gen.errors import UserError
from hidra_tf.classifier.initialization import Initialization
from hidra_tf.classifier.memory import Memory
from hidra_tf.evaluation.ensemble import Ensemble
from hidra_tf.evaluation.temperature import Temperature
from hidra_tf.options import TRANSDUCTIVE
from hidra_tf.runs.config import Config

VERSION = 1
Label = bool | int | float | str
# The settings of `FewShotClassifier` that choose nothing of the initialization.
SETTINGS = ("balanced", "temperature", "unknown_below", "unknown_label")


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What `classifier.json` holds.

    Attributes:
        version: the number of this format.
        settings: those of `FewShotClassifier` that choose nothing of the initialization.
        origin: the configuration of the run that the weights are from; None for a Keras model or
            for features.
        steps: the number of inner steps.
        learning_rate: the rate of a step; None where the method takes none.
        temperature: what logits are divided by; a number, as in older files, is a constant.
        invert: whether pictures are inverted.
        frame: whether drawings are framed. Classifiers of earlier versions do not say so, and frame
            none.
        features: the number of features where they take the place of pictures.
        labels: the labels of all classes, in the order of what was learned.
        counts: the number of pictures of each.
    """

    version: int
    settings: dict[str, Label | None]
    origin: Config | None
    steps: int
    learning_rate: float | None
    temperature: float | Temperature
    invert: bool
    features: int | None
    labels: list[Label]
    counts: list[int]
    frame: bool = False

    def __post_init__(self) -> None:
        """Raises `UserError` where a value cannot be meant."""
        object.__setattr__(self, "temperature", Temperature.of(self.temperature))
        _require(self.version == VERSION, f"version {VERSION}", self.version)
        unknown = self.settings.keys() - SETTINGS
        _require(not unknown, f"settings out of {', '.join(SETTINGS)}", sorted(unknown))
        stepping = self.learning_rate is not None
        _require(self.steps >= stepping, "steps of at least 1", self.steps)
        _require(
            not stepping or _positive(self.learning_rate),
            "a learning_rate above 0",
            self.learning_rate,
        )
        _require(len(set(self.labels)) == len(self.labels), "different labels", self.labels)
        each = len(self.counts) == len(self.labels) and all(n > 0 for n in self.counts)
        _require(each, "a count above 0 for each label", self.counts)
        norm = "none" if self.origin is None else self.origin.norm
        _require(norm not in TRANSDUCTIVE, "a norm without the statistics of queries", norm)


def contents_of(
    settings: Mapping[str, Any], start: Initialization, memory: Memory | None
) -> Contents:
    """What is to be written of a classifier.

    Raises:
        UserError: if it has something that cannot be written, such as code.
    """
    if start.origin is not None and start.origin.names_code:
        raise UserError(
            f"expected a backbone of this project or a Keras model to save; received "
            f"{start.origin.backbone}, which is code"
        )
    start.check_no_code("save")
    if isinstance(start.method, Ensemble):
        raise UserError("checkpoint: expected a single one to save; received an ensemble")
    labels = [] if memory is None else list(memory.classes)
    for label in labels:
        _check_label("labels", label)
    plain = {n: v.item() if isinstance(v, np.generic) else v for n, v in settings.items()}
    for name, value in plain.items():
        if value is not None:
            _check_label(name, value)
    counts = [] if memory is None else [memory.counts[label] for label in labels]
    inner = getattr(start.method, "inner", None)
    vectors = start.pictures is None
    return Contents(
        version=VERSION,
        settings=plain,
        # Where the pictures of the training lay is nobody's business.
        origin=start.origin
        and dataclasses.replace(start.origin, data_dir=None, eval_data_dir=None),
        steps=int(start.steps),
        learning_rate=None if inner is None else float(inner.learning_rate),
        temperature=start.temperature,
        invert=not vectors and bool(start.pictures.invert),
        features=start.backbone.feature_size if vectors else None,
        labels=labels,
        counts=counts,
        frame=not vectors and bool(start.pictures.frame),
    )


def _check_label(name: str, label: Hashable) -> None:
    if type(label) not in (bool, int, float, str):
        raise UserError(f"{name}: expected text or numbers to save; received {label!r}")


def _positive(value: float) -> bool:
    return 0 < value < math.inf


def _require(fits: bool, expected: str, received: object) -> None:
    if not fits:
        raise UserError(f"expected {expected}, received {received}")
