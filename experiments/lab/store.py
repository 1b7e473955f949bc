"""One store of runs for all studies: a run is named by its settings, and trained once."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from data_gen.class_pool import Splits
from flags.names import run_name
from hidra_tf.runs.assembly import load_splits
from hidra_tf.runs.checkpoints.files import saved_step
from hidra_tf.runs.config import Config, EvalRequest
from hidra_tf.runs.evaluate import evaluate
from hidra_tf.runs.place import folder
from hidra_tf.runs.records import kept
from hidra_tf.runs.records.finished import total_steps
from hidra_tf.runs.records.reading import read
from hidra_tf.runs.train import train


class Test(NamedTuple):
    """A training, and how it is tested.

    Attributes:
        config: the training.
        request: the test, which says the numbers of steps.
    """

    config: Config
    request: EvalRequest

    def steps(self, wanted: int) -> int:
        """A number of steps, or the largest that a small budget tests."""
        return min(wanted, max(self.request.steps))

    def ways(self, wanted: int) -> int:
        """A number of ways; a head for one number has that of its training."""
        return self.config.train_ways[0] if self.config.is_fixed_way else wanted


class Store:
    """Trainings by their settings, and what was measured of each.

    Args:
        path: the folder that holds the runs.
        cache_dir: the folder for decoded data sets, or None for the user's.
    """

    def __init__(self, path: Path, cache_dir: str | None = None) -> None:
        self.path, self.cache_dir = path, cache_dir

    def run(self, config: Config) -> Path:
        """The folder of a training, whether it is there or not."""
        return self.path / run_name(config)

    def load(self, config: Config, split: str | None = None) -> Splits:
        """The pictures of a training, or of one split of it; decoded, for those who time without.

        Args:
            config: the training.
            split: as for `data_gen.load`.
        """
        return load_splits(config, self.cache_dir, split)

    def is_trained(self, config: Config) -> bool:
        """Whether a training has made all its meta-updates."""
        path = self.run(config)
        return folder.find(path) is not None and saved_step(path) >= total_steps(config)

    def measure(self, test: Test) -> None:
        """Makes what is missing of a training and its test.

        Raises:
            UserError: as `train` and `evaluate` do.
            KeyboardInterrupt: after Ctrl-C; what was made is kept.
        """
        if not self.is_trained(test.config):
            # At its end, a training is tested under its own norm, on its own data set.
            own = dataclasses.replace(test.request, norm=None, dataset=None, data_dir=None)
            train(test.config, self.run(test.config), own, self.cache_dir)
        if self.known(test) is None:
            evaluate(self.run(test.config), test.request, cache_dir=self.cache_dir)

    def known(self, test: Test) -> dict[str, Any] | None:
        """What was measured, or None; nothing is trained or tested."""
        config, request = test
        if not self.is_trained(config):
            return None
        if request.norm == config.norm:
            request = dataclasses.replace(request, norm=None)
        file = kept.answering(self.run(config), config, request, by_task=True)
        return None if file is None else read(file)

    def kept(self, name: str) -> dict[str, Any] | None:
        """What a study that is no evaluation kept under a name, or None."""
        file = self._file(name)
        return json.loads(file.read_text()) if file.exists() else None

    def keep(self, name: str, numbers: Mapping[str, Any]) -> None:
        """Keeps what `kept` gives back."""
        file = self._file(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        folder.write_atomically(file, json.dumps(numbers, indent=1) + "\n")

    def _file(self, name: str) -> Path:
        return self.path / "measured" / f"{name}.json"


def with_seeds(test: Test, seeds: Sequence[int]) -> list[Test]:
    """A test for each seed of its training; all of them meet the tasks of the first."""
    request = dataclasses.replace(test.request, seed=seeds[0])
    return [Test(dataclasses.replace(test.config, seed=seed), request) for seed in seeds]
