"""Checkpoints of a run: the last few to go on from, and the best by validation."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf

from data_gen.errors import UserError
from hidra_tf.methods.interface import Method

# What TensorFlow raises for a damaged, truncated or foreign checkpoint.
_DAMAGE = (tf.errors.OpError, ValueError, AssertionError, LookupError, RuntimeError)


class Checkpoints:
    """All the state of a training: step, best accuracy so far, variables, optimizer.

    Episodes are a function of (seed, step), so nothing else is needed to continue bit for bit.

    Args:
        path: the run's folder; `checkpoints/` and `best/` are made in it.
        method: whose variables are kept.
        optimizer: whose state is kept; None where nothing is trained.
        warn: told, in one line, when a damaged checkpoint is passed over.
        keep: how many of the last checkpoints stay.

    Attributes:
        step: meta-updates done.
        best_accuracy: the best validation accuracy so far, −1 before the first.
    """

    def __init__(
        self,
        path: Path,
        method: Method,
        optimizer: keras.optimizers.Optimizer | None,
        warn: Callable[[str], None],
        keep: int = 3,
    ) -> None:
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.best_accuracy = tf.Variable(-1.0, dtype=tf.float64, trainable=False)
        state = {
            "step": self.step,
            "best_accuracy": self.best_accuracy,
            "variables": method.variables,
        }
        # The best weights are for evaluation, for which the optimizer is of no use.
        self._weights = tf.train.Checkpoint(**state)
        if optimizer is not None:
            state["optimizer"] = optimizer
        self._everything = tf.train.Checkpoint(**state)
        self._warn = warn
        self._last = self._manager(self._everything, path / "checkpoints", keep)
        self._best = self._manager(self._weights, path / "best", keep=1)

    def save(self) -> None:
        """Saves the state after `step` meta-updates."""
        self._last.save(checkpoint_number=self.step)

    def save_if_best(self, accuracy: float) -> bool:
        """Saves the weights if `accuracy` is the best so far."""
        if accuracy <= float(self.best_accuracy):
            return False
        self.best_accuracy.assign(accuracy)
        self._best.save(checkpoint_number=self.step)
        return True

    def restore_last(self) -> bool:
        """Goes back to the last checkpoint that can be read.

        Returns:
            Whether there was one; False means a run that has not saved yet.

        Raises:
            UserError: if there are checkpoints, but all of them are damaged.
        """
        return self._restore(self._everything, Path(self._last.directory))

    def restore_best(self) -> bool:
        """Goes back to the best weights, or to the last where there are none that can be read."""
        try:
            if self._restore(self._weights, Path(self._best.directory)):
                return True
        except UserError as error:
            self._warn(f"{error}; using the last checkpoint instead")
        return self._restore(self._weights, Path(self._last.directory))

    def _manager(
        self, checkpoint: tf.train.Checkpoint, folder: Path, keep: int
    ) -> tf.train.CheckpointManager:
        try:
            tf.train.get_checkpoint_state(str(folder))
        except _DAMAGE:
            # Only a list of what is there, and the manager could not start with it.
            self._warn(f"{folder / 'checkpoint'} is damaged; made anew from the files beside it")
            (folder / "checkpoint").unlink()
        return tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=keep)

    def _restore(self, checkpoint: tf.train.Checkpoint, folder: Path) -> bool:
        candidates = _checkpoints_in(folder)
        for prefix in candidates:
            try:
                status = checkpoint.read(str(prefix))
                status.assert_existing_objects_matched().expect_partial()
            except _DAMAGE as error:
                reason = (str(error).splitlines() or [type(error).__name__])[0]
                self._warn(f"checkpoint {prefix} is damaged ({reason}); looking for an older one")
            else:
                return True
        if candidates:
            raise UserError(f"expected a checkpoint in {folder}; all of them are damaged")
        return False


def saved_step(path: Path) -> int:
    """The step of the newest checkpoint of the run at `path`; −1 without one."""
    newest = _checkpoints_in(path / "checkpoints")[:1]
    return int(newest[0].name.removeprefix("ckpt-")) if newest else -1


def _checkpoints_in(folder: Path) -> list[Path]:
    """Prefixes of the checkpoints in `folder`, newest first.

    From the files themselves: the text file in which TensorFlow lists them may be lost as well.
    """
    numbered = [
        (int(match.group(1)), folder / f"ckpt-{match.group(1)}")
        for file in folder.glob("ckpt-*")
        if (match := re.fullmatch(r"ckpt-(\d+)\.(index|data.*)", file.name))
    ]
    return [prefix for _, prefix in sorted(set(numbered), reverse=True)]
