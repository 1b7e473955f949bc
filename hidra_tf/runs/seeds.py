"""Trains a run once for each of several seeds, and shows the mean over them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hidra_tf.runs.compare import show
from hidra_tf.runs.config import Config, EvalRequest
from hidra_tf.runs.evaluate import evaluate
from hidra_tf.runs.place.groups import group_of
from hidra_tf.runs.train import train


def train_seeds(
    trainings: Sequence[tuple[Config, Path]],
    parent: Path,
    request: EvalRequest,
    cache_dir: str | None = None,
) -> None:
    """Trains each run, or goes on with it, evaluates it, and shows the mean over all of them.

    A run that is finished is passed over with its results. The same call again goes on where it
    was stopped.

    Args:
        trainings: settings that differ in nothing but the seed, each with the folder of its run.
        parent: the folder for the table and the chart of the means.
        request: the evaluation at the end of each training. With a seed of None, every run is
            tested on tasks of its own seed; with a seed, all of them on the same tasks.
        cache_dir: the folder for decoded data sets; None is the user's cache.

    Raises:
        UserError: as `train` does.
        KeyboardInterrupt: after Ctrl-C; it says what was saved of the run that was stopped.
    """
    for config, path in trainings:
        train(config, path, request, cache_dir)
    group = group_of(str(parent), [path for _, path in trainings])
    where = {path: config for config, path in trainings}

    def measure(path: Path, asked: EvalRequest) -> Path:
        return evaluate(path, asked, where[path].data_dir, cache_dir, where[path].pictures)

    show([group], request, parent, measure)
