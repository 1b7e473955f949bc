"""Where a study works: its budget, its store of runs, and where the pictures are."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from experiments.lab import presets
from experiments.lab.budgets import Budget
from experiments.lab.store import Store, Test
from hidra_tf.runs.config import Config, EvalRequest


@dataclass(frozen=True)
class Lab:
    """What a study needs to say which trainings it wants.

    Attributes:
        budget: how much of each training and test is made.
        store: the trained runs.
        data_dir: the folder with the data sets' folders, or None.
        seeds: the seeds of each training, at least one.
    """

    budget: Budget
    store: Store
    data_dir: str | None = None
    seeds: tuple[int, ...] = (0,)

    def test(self, preset: str, flags: Sequence[str] = (), **request: Any) -> Test:  # noqa: ANN401
        """A preset's training and test within the budget.

        Args:
            preset: a name of a file in `flags/paper`.
            flags: flags that differ from the preset's, such as `--train_ways=7`.
            **request: attributes of `EvalRequest` that differ from the preset's.
        """
        config, asked = presets.read(preset, flags)
        asked = dataclasses.replace(asked, **request)
        return self.own_test(config, asked)

    def own_test(self, config: Config, request: EvalRequest) -> Test:
        """A training of any configuration, and its test, within the budget."""
        where = self.data_dir or os.environ.get("DATA_DIR")
        placed = dataclasses.replace(
            config,
            data_dir=where and os.path.abspath(where),
            eval_data_dir=where and os.path.abspath(where) if config.eval_dataset else None,
        )
        small = dataclasses.replace(self.budget.training(placed), seed=self.seeds[0])
        return Test(small, self.budget.test(request))
