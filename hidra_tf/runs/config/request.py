"""What an evaluation is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from data_gen.errors import UserError
from hidra_tf.runs.config.tasks import TaskSettings


@dataclass(frozen=True)
class EvalRequest:
    """What is to be evaluated.

    Attributes:
        ways: the numbers of classes per task, or None for 2–10, and for the trained number where
            the head is made for one.
        steps: the numbers of inner steps, or None for as many as in training.
        tasks: the number of tasks at each number of ways, at least 1.
        shots: the numbers of support pictures, of which one is drawn for every class of every
            task, or None for as many as in training.
        query_shots: the number of query pictures of each class, or None for as many as in training.
        split: the classes' split, an attribute of `data_gen.class_pool.Splits`: a pool, or `all`
            of them joined.
        dataset: the data set whose classes are taken, or None for the one that the run names.
        data_dir: the folder with the pictures of `dataset`.
        skip_damaged: whether damaged pictures are left out, as they are if the run says so.
        norm: the statistics that normalise the features, one of `options.NORMS`, or None for those
            of the run.
        checkpoint: the checkpoint, `best`, `last` or a step as text; `ensemble` for the best ones
            together; or None for the choice of `hidra_tf.runs.checkpoints.weights`.
        confusion: whether accuracies of single classes and a confusion matrix are kept too.
        seed: the seed of the tasks, or None for the seed of the run.
    """

    ways: tuple[int, ...] | None = None
    steps: tuple[int, ...] | None = None
    tasks: int = 600
    split: str = "test"
    dataset: str | None = None
    data_dir: str | None = None
    skip_damaged: bool = False
    norm: str | None = None
    checkpoint: str | None = None
    shots: tuple[int, ...] | None = None
    query_shots: int | None = None
    confusion: bool = False
    seed: int | None = None

    def __post_init__(self) -> None:
        """Raises `UserError` where a value cannot be meant."""
        kind = "best" if self.checkpoint is None else self.checkpoint
        if not re.fullmatch(r"best|last|ensemble|\d{1,18}", kind, re.ASCII):
            raise UserError(
                f"checkpoint: expected best, last, ensemble or a step, received {self.checkpoint!r}"
            )
        _at_least("eval_tasks", self.tasks, 1)
        _at_least("eval_ways", min(self.ways or (2,)), 2)
        _at_least("eval_steps", min(self.steps or (0,)), 0)
        _at_least("eval_shots", min(self.shots or (1,)), 1)
        _at_least("eval_query_shots", self.query_shots or 1, 1)

    def shots_of(self, config: TaskSettings) -> tuple[int, ...]:
        """The numbers of support pictures, given the settings of the run."""
        return tuple(self.shots or (config.shots,))

    def query_shots_of(self, config: TaskSettings) -> int:
        """The number of query pictures of each class, given the settings of the run."""
        return self.query_shots or config.query_shots


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise UserError(f"{name}: expected at least {least}, received {value}")
