"""The best few checkpoints of a run, which are the members of its ensemble."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from hidra_tf.runs.checkpoints.files import ENSEMBLE, CheckpointFiles, checkpoints_in, step_of
from hidra_tf.runs.checkpoints.reading import best_accuracy
from hidra_tf.runs.place.paths import for_tensorflow


class Members:
    """The checkpoints of the highest validation accuracies, in a folder beside `best/`.

    The files alone say what is kept: a checkpoint holds the accuracy by which it was chosen. The
    untrained weights of step 0 are never a member. Of equal accuracies the earlier one is kept.

    A kill does no harm. During a save it leaves one member more or one less than there should be;
    `members_in` passes over the former, and a training that goes on from its last checkpoint
    measures and saves the latter again. A training that goes on from S after it measured members
    of later steps finds these as they were, offers each of them again, and so ends with the same.

    Args:
        path: the run's folder.
        count: the number of members.
        state: what a checkpoint holds beside its own accuracy, by name.
        warn: a function that is told, in one line, when a damaged member is given up.
    """

    def __init__(
        self, path: Path, count: int, state: Mapping[str, Any], warn: Callable[[str], None]
    ) -> None:
        self._files, self._count = CheckpointFiles(path / ENSEMBLE, keep=count), count
        self._accuracy = tf.Variable(-1.0, dtype=tf.float64, trainable=False)
        self._state = tf.train.Checkpoint(**{**state, "best_accuracy": self._accuracy})
        self._warn = warn

    def offer(self, step: int, accuracy: float) -> None:
        """Saves the present weights, if their accuracy is one of the highest, for another member.

        Args:
            step: the meta-updates that they have seen.
            accuracy: their validation accuracy.
        """
        if step == 0:
            return
        best = _highest({**self._accuracies(), step: accuracy}, self._count)
        if step in best:
            self._accuracy.assign(accuracy)
            self._files.save(step, self._state.write, others=best)

    def _accuracies(self) -> dict[int, float]:
        """The accuracies of all members that can be read, by their steps."""
        found = {prefix: best_accuracy(prefix) for prefix in checkpoints_in(self._files.folder)}
        for prefix, accuracy in found.items():
            if accuracy is None:
                self._warn(f"checkpoint {prefix} is damaged and no longer one of the best")
        return {step_of(prefix): own for prefix, own in found.items() if own is not None}


def members_in(path: Path, count: int) -> list[Path]:
    """The members that the run at `path` keeps, at most `count` of them, ascending by step.

    Those whose accuracy cannot be read are among them, for the caller to come upon.
    """
    prefixes = {
        step_of(prefix): prefix for prefix in checkpoints_in(for_tensorflow(path) / ENSEMBLE)
    }
    found = {step: best_accuracy(prefix) for step, prefix in prefixes.items()}
    known = {step: math.inf if own is None else own for step, own in found.items()}
    return [prefixes[step] for step in sorted(_highest(known, count))]


def _highest(accuracies: Mapping[int, float], count: int) -> list[int]:
    """The steps of the highest accuracies, and of equal ones the earliest."""
    return sorted(accuracies, key=lambda step: (-accuracies[step], step))[:count]
