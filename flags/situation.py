"""What a flag is given for, and when it then has an effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from hidra_tf.methods import trains
from hidra_tf.runs.config import Config


class Situation(NamedTuple):
    """What a flag is given for.

    Attributes:
        config: what all flags together mean, or the settings of the run that they evaluate; None
            where nothing is trained or evaluated.
        given: flag → value of those that the user gave, preset files included.
    """

    config: Config | None
    given: Mapping[str, Any]

    @property
    def eval_only(self) -> bool:
        """Whether a run is evaluated and nothing is trained."""
        return bool(self.given.get("eval_only"))

    @property
    def eval_dataset(self) -> str | None:
        """The data set that another than the training classes come from."""
        return self.given.get("eval_dataset") or self.config.eval_dataset

    @property
    def tests_elsewhere(self) -> bool:
        """Whether classes of `eval_dataset` are looked at."""
        on_training_classes = self.eval_only and self.given.get("eval_split") == "train"
        return self.eval_dataset is not None and not on_training_classes


class Rule(NamedTuple):
    """When a flag has an effect, apart from what the method has no use for.

    Attributes:
        applies: whether it has, in a situation.
        expected: the same in words.
        beside: the setting or flag whose value stands in the way.
    """

    applies: Callable[[Situation], object]
    expected: str
    beside: str


def beside(*names: str) -> Rule:
    """The rule that one of some flags is given too."""
    return Rule(
        lambda at: not at.given.keys().isdisjoint(names),
        " or ".join(f"--{name}" for name in names),
        names[0],
    )


# The rules of a flag that has an effect always, and that of one which has it in training only.
ALWAYS: tuple[Rule, ...] = ()
TRAINED = Rule(
    lambda at: trains(at.config.method), "a method that is trained (any but random)", "method"
)
