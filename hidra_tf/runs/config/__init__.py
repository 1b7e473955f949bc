"""Everything that decides how a training and an evaluation go, in frozen dataclasses.

`Config` has the fields of four parts, each in a module of its own, which checks what concerns it
alone. A function that needs one part only takes that part.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from data_gen import typed_json
from data_gen.errors import UserError
from hidra_tf.methods import METHODS
from hidra_tf.runs.config.data import DataSettings
from hidra_tf.runs.config.method import MethodSettings, check_use
from hidra_tf.runs.config.request import EvalRequest
from hidra_tf.runs.config.settings import LARGEST, Bounds, Settings, bookkeeping_of, bounds_of
from hidra_tf.runs.config.tasks import TaskSettings
from hidra_tf.runs.config.text import format_ways, show
from hidra_tf.runs.config.training import TrainingSettings

__all__ = [
    "BOOKKEEPING",
    "LARGEST",
    "Bounds",
    "Config",
    "DataSettings",
    "EvalRequest",
    "MethodSettings",
    "Settings",
    "TaskSettings",
    "TrainingSettings",
    "bounds_of",
    "check_use",
    "format_ways",
    "show",
]


@dataclass(frozen=True, kw_only=True)
class Config(DataSettings, TaskSettings, MethodSettings, TrainingSettings):
    """A training, to be repeated from this alone: the fields of all four parts."""

    def check(self) -> None:
        """Raises `UserError` where a value cannot be meant, or two parts contradict each other."""
        super().check()
        if self.is_fixed_way and len(self.train_ways) > 1:
            raise UserError(
                f"train_ways: {self.method} trains a head for one number of ways, received "
                f"{format_ways(self.train_ways)}; "
                f"`method={METHODS[self.method].any_way}` takes several"
            )
        if self.most_ways is not None and self.train_ways[-1] > self.most_ways:
            raise UserError(
                f"outputs: expected at least {self.train_ways[-1]}, the largest of `train_ways`; "
                f"received {self.most_ways}"
            )
        if self.class_loss:
            check_use(self.method, "class_loss", self.class_loss)
            if self.recompute:
                raise UserError("class_loss: expected without `recompute`, received both")
        if self.momentum and self.optimizer != "sgd":
            raise UserError(
                f"momentum: expected with `meta_optimizer=sgd`, received {self.momentum} with "
                f"{self.optimizer}"
            )

    @property
    def optimizer(self) -> str:
        """The meta-optimizer: the one that is asked for, or the method's own."""
        return self.meta_optimizer or METHODS[self.method].optimizer

    def to_json(self) -> str:
        """The fields as JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Config:
        """The inverse of `to_json`; fields that an earlier version did not know may be missing.

        Raises:
            UserError: if `text` is no JSON, or a field is missing, unknown, of another type, or
                cannot be meant.
        """
        return typed_json.parse(cls, text)

    def differences(self, other: Config) -> dict[str, tuple[Any, Any]]:
        """Field → (here, there) for all fields that change what is learned."""
        mine, theirs = dataclasses.asdict(self), dataclasses.asdict(other)
        return {
            name: (mine[name], theirs[name])
            for name in mine
            if name not in BOOKKEEPING and mine[name] != theirs[name]
        }


# Where the pictures lie and how often a run is saved do not change what is learned.
# (Which pictures they are is compared by what they hold: `hidra_tf.runs.place.identity`.)
BOOKKEEPING = bookkeeping_of(Config)
