"""The settings of a configuration that shape the tasks."""

from __future__ import annotations

from dataclasses import dataclass

from data_gen.errors import UserError
from hidra_tf.runs.config.settings import Settings, whole
from hidra_tf.runs.config.text import show


@dataclass(frozen=True, kw_only=True)
class TaskSettings(Settings):
    """What a few-shot task looks like.

    Attributes:
        train_ways: the possible numbers of classes C of a training meta-batch, ascending, each at
            least 2.
        shots: K, the number of support pictures of each class.
        query_shots: Q, the number of query pictures of each class.
    """

    train_ways: tuple[int, ...] = whole(least=2)
    shots: int = whole(least=1)
    query_shots: int = whole(least=1)

    def check(self) -> None:
        """Raises `UserError` where a value cannot be meant."""
        super().check()
        if not self.train_ways or list(self.train_ways) != sorted(set(self.train_ways)):
            raise UserError(
                "train_ways: expected one number of classes, or several that ascend; received "
                f"{show(self.train_ways) or 'none'}"
            )
