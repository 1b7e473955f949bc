"""Initializations that come with the package, each with a card that says what it is good for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from data_gen import typed_json
from data_gen.errors import UserError
from hidra_tf.evaluation.temperature import Temperature

CARD = "card.json"
_FOLDER = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """What was measured on tasks of the test classes, inductively.

    Attributes:
        ways: the number of classes.
        shots: the pictures of each class.
        tasks: the number of tasks.
        accuracy: the mean accuracy, in [0, 1].
        ci95: half the width of its 95 % interval over tasks.
        before: the expected calibration error without the temperature, in [0, 1].
        after: the same with it.
    """

    ways: int
    shots: int
    tasks: int
    accuracy: float
    ci95: float
    before: float
    after: float


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """What a threshold of `unknown_below` does in tasks of 5 ways.

    Attributes:
        shots: the pictures of each class.
        below: the threshold.
        answered: how many pictures of learned classes get an answer, in [0, 1].
        accuracy: how many of these answers are right, in [0, 1].
        strangers: how many pictures of classes that were not learned get an answer, in [0, 1].
    """

    shots: int = 5
    below: float
    answered: float
    accuracy: float
    strangers: float


@dataclass(frozen=True, kw_only=True)
class Card:
    """What is to be known of an initialization.

    Attributes:
        title: what it is, in a line.
        pictures: which pictures it takes, in words.
        data: what it was trained on.
        licence: the licence of the data.
        command: how it was trained.
        seconds: how long that took, and on what.
        limits: what it is not good for.
        temperature: what logits are divided by, fitted on tasks of the validation classes; a
            number, as in older cards, is a constant.
        accuracies: what was measured.
        thresholds: what thresholds do.
    """

    title: str
    pictures: str
    data: str
    licence: str
    command: str
    seconds: str
    limits: str
    temperature: float | Temperature
    accuracies: list[Accuracy]
    thresholds: list[Threshold]

    def __post_init__(self) -> None:
        object.__setattr__(self, "temperature", Temperature.of(self.temperature))


def initializations() -> dict[str, Card]:
    """The cards of all initializations, by their names.

    Example:
        >>> import hidra_tf
        >>> sorted(hidra_tf.initializations())
        ['mini_imagenet', 'omniglot']
    """
    return {name: typed_json.read(Card, _FOLDER / name / CARD) for name in names()}


def names() -> list[str]:
    """The names of all initializations."""
    return sorted(path.parent.name for path in _FOLDER.glob(f"*/{CARD}"))


def folder_of(name: str) -> Path:
    """The folder of an initialization.

    Raises:
        UserError: if there is no such initialization.
    """
    if name not in names():
        raise UserError(f"initialization: expected one of {', '.join(names())}; received {name!r}")
    return _FOLDER / name
