"""How much of a training and of a test is made: seconds, hours on two cores, or all of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from hidra_tf.methods import METHODS
from hidra_tf.runs.config import Config, EvalRequest

# Settings that count meta-updates: of a shorter training they are the same shares.
_COUNTS = ("milestones", "switch")
_COUNT = ("second_order_after", "multi_step_loss")


class Budget(NamedTuple):
    """A share of the published work.

    Attributes:
        name: what `--budget` calls it.
        about: what it is for, for a person.
        tasks: the most test tasks of a row; None for as many as are asked for.
        updates: data set, or training and test data set as in `omniglot_emnist` → the most
            meta-updates of a training; none for all of them. A training that has fewer tasks in
            each may have more of them, for as many tasks.
        meta_batch: the most tasks of a meta-update; None for all of them.
        tiny: whether tiny networks learn characters that the program draws itself.
    """

    name: str
    about: str
    tasks: int | None
    updates: Mapping[str, int]
    meta_batch: int | None
    tiny: bool = False

    def training(self, config: Config) -> Config:
        """The training of a configuration within this budget."""
        if self.tiny:
            return _tiny(config)
        across = f"{config.dataset}_{config.eval_dataset}"
        most = self.updates.get(across, self.updates.get(config.dataset))
        batch = min(config.meta_batch, self.meta_batch or config.meta_batch)
        if most and self.meta_batch:
            most = most * self.meta_batch // batch
        if METHODS[config.method].batches:
            # As many pictures as the tasks of the other methods have.
            tasks = most and most * batch
            batch, most = config.meta_batch, tasks and tasks * 100 // config.batch_size
        shorter = shortened(config, min(config.steps, most or config.steps))
        return dataclasses.replace(shorter, meta_batch=batch)

    def test(self, request: EvalRequest) -> EvalRequest:
        """The test that is made of the one that is asked for."""
        tasks = min(request.tasks, self.tasks or request.tasks)
        if not self.tiny:
            return dataclasses.replace(request, tasks=tasks)
        steps = request.steps and tuple(sorted({min(step, 2) for step in request.steps}))
        return dataclasses.replace(
            request, tasks=tasks, steps=steps, query_shots=2, dataset=None, data_dir=None
        )


def shortened(config: Config, steps: int) -> Config:
    """A training of so many meta-updates, whose schedules keep their shares of it."""
    share = steps / config.steps

    def scaled(count: int) -> int:
        return max(1, round(count * share)) if count else 0

    changes: dict[str, Any] = {name: scaled(getattr(config, name)) for name in _COUNT}
    for name in _COUNTS:
        counts = getattr(config, name)
        changes[name] = counts and _ascending(map(scaled, counts))
    log_every = min(config.log_every, max(1, steps // 6))
    return dataclasses.replace(config, steps=steps, log_every=log_every, **changes)


def _ascending(counts: Iterable[int]) -> tuple[int, ...]:
    """The same counts, each at least one more than the one before."""
    found: list[int] = []
    for count in counts:
        found.append(max(count, found[-1] + 1) if found else count)
    return tuple(found)


def _tiny(config: Config) -> Config:
    """The same training of tiny networks, for two meta-updates on characters drawn here."""
    return dataclasses.replace(
        shortened(config, 2),
        dataset="glyphs",
        data_dir=None,
        eval_dataset=None,
        eval_data_dir=None,
        image_size=None,
        channels=None,
        invert=True,
        standardize="none",
        crop_margin=1.0,
        filters=4,
        hyper_width=8,
        batch_size=8,
        meta_batch=2,
        query_shots=2,
        train_ways=tuple(sorted({min(ways, 3) for ways in config.train_ways})),
        train_on_validation=False,
        val_tasks=2,
        log_every=1,
    )


BUDGETS = {
    budget.name: budget
    for budget in (
        Budget(
            "smoke", "seconds: tiny networks and drawn characters, to try it", 3, {}, 2, tiny=True
        ),
        Budget(
            "short",
            "hours on two cores: fewer tasks and meta-updates, all else as published",
            600,
            {"omniglot": 6000, "omniglot_emnist": 1000, "mini_imagenet": 1000},
            4,
        ),
        Budget("paper", "the full setting, for a GPU", None, {}, None),
    )
}
