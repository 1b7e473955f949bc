"""Checkpoints of a run: the last few to go on from, and the best, or best few, by validation."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf

from data_gen.errors import UserError
from hidra_tf.methods.interface import Method
from hidra_tf.runs.checkpoints.files import BEST, FOLDERS, LAST, CheckpointFiles, is_complete
from hidra_tf.runs.checkpoints.members import Members
from hidra_tf.runs.checkpoints.reading import DAMAGE, VALUES, examine
from hidra_tf.runs.place.paths import for_tensorflow
from hidra_tf.training.averaging import WeightAverages


class DamagedError(UserError):
    """There are checkpoints, but none of them can be read."""


class Checkpoints:
    """All the state of a training: step, best accuracy so far, variables, optimizer.

    Episodes are a function of (seed, step), so nothing else is needed to continue bit for bit.

    A training saves a new best checkpoint before the last one, so `best_accuracy` of a last
    checkpoint never speaks of a best one that was not saved. The reverse can happen: a training
    that is killed after it measured a new best at step S', and goes on from S < S', finds a best
    checkpoint of S' beside the `best_accuracy` of S. That does no harm: until S' is measured and
    saved again, `best/` holds weights that this run had and that were the best of it, and a better
    one of another step replaces them, together with `best_accuracy`. `Members` says the same of
    the best few.

    Args:
        path: the run's folder; `checkpoints/` and `best/` are made in it by the first save.
        method: the method whose variables and running statistics are kept.
        optimizer: the optimizer whose state is kept; None where nothing is trained.
        warn: a function that is told, in one line, when a damaged checkpoint is passed over.
        keep: the number of last checkpoints that stay.
        keep_best: the number of best checkpoints that stay, in `ensemble/` where there are several.
        averages: averages of the variables, where there are some. They stand in the place of the
            variables in every checkpoint, for whoever evaluates it; a last one holds beside them
            the variables from which the training goes on.

    Attributes:
        step: meta-updates done.
        best_accuracy: the best validation accuracy so far, −1 before the first.
        restored: the checkpoint that was restored, as a path without suffix; None before.
    """

    def __init__(
        self,
        path: Path,
        method: Method,
        optimizer: keras.optimizers.Optimizer | None,
        warn: Callable[[str], None],
        keep: int = 3,
        keep_best: int = 1,
        averages: WeightAverages | None = None,
    ) -> None:
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.best_accuracy = tf.Variable(-1.0, dtype=tf.float64, trainable=False)
        state = {
            "step": self.step,
            "best_accuracy": self.best_accuracy,
            "variables": method.variables,
        }
        if method.statistics:
            state["statistics"] = method.statistics
        self._path = path = for_tensorflow(path)
        # The best weights are for evaluation, for which the optimizer is of no use.
        self._weights = tf.train.Checkpoint(**state)
        self._members = Members(path, keep_best, state, warn) if keep_best > 1 else None
        if optimizer is not None:
            state["optimizer"] = optimizer
        self._averages = averages if averages is not None and averages.values else None
        if self._averages is not None:
            # While a checkpoint is written, these have the values of the variables.
            state["training_weights"] = self._averages.values
        self._everything = tf.train.Checkpoint(**state)
        self._shapes = {
            name: [tuple(variable.shape) for variable in state[name]]
            for name in VALUES
            if name in state
        }
        self._warn = warn
        self.restored: Path | None = None
        self._last = CheckpointFiles(path / LAST, keep)
        self._best = CheckpointFiles(path / BEST, keep=1)

    def save(self) -> None:
        """Saves the state after `step` meta-updates."""
        exchanged = self._averages.in_place() if self._averages else contextlib.nullcontext()
        with exchanged:
            self._last.save(int(self.step), self._everything.write)

    def save_if_best(self, accuracy: float) -> bool:
        """Saves the weights if `accuracy` is the best so far; and again if one of the best few.

        Where there are averages, the variables have their values when this is called.

        Returns:
            Whether it is the best.
        """
        if self._members is not None:
            self._members.offer(int(self.step), accuracy)
        if accuracy <= float(self.best_accuracy):
            return False
        self.best_accuracy.assign(accuracy)
        self._best.save(int(self.step), self._weights.write)
        return True

    def restore_last(self) -> bool:
        """Goes back to the last checkpoint that can be read.

        Returns:
            Whether there was one; False means a run that has not saved yet.

        Raises:
            DamagedError: if there are checkpoints, but all of them are damaged.
            MisfitError: if a checkpoint has other weights than the method.
        """
        found = self._restore_newest(self._everything, self._last)
        if found and self._averages is not None:
            self._averages.exchange()
        return found

    def restore_best(self, or_last: bool = True) -> bool:
        """Goes back to the best weights.

        Args:
            or_last: whether the last weights take their place where none can be read.

        Raises:
            DamagedError: if there are checkpoints, but all of them are damaged.
            MisfitError: if a checkpoint has other weights than the method.
        """
        try:
            if self._restore_newest(self._weights, self._best):
                return True
        except DamagedError as error:
            if not or_last:
                raise
            self._warn(f"{error}; using the last checkpoint instead")
            return self.restore_last_weights()
        if not or_last or not self.restore_last_weights():
            return False
        self._warn(
            f"expected a checkpoint in {self._best.folder}, found none; using the last one "
            f"instead, of step {int(self.step)}"
        )
        return True

    def restore_last_weights(self) -> bool:
        """Like `restore_last`, without the optimizer's state."""
        return self._restore_newest(self._weights, self._last)

    def restore_step(self, step: int) -> bool:
        """Goes back to the weights after `step` meta-updates, if a checkpoint of them is kept.

        Raises:
            DamagedError: if it cannot be read.
            MisfitError: if it has other weights than the method.
        """
        for folder in FOLDERS:
            prefix = self._path / folder / f"ckpt-{step}"
            if is_complete(prefix):
                self.restore_weights(prefix)
                return True
        return False

    def restore_weights(self, prefix: Path) -> None:
        """Goes back to the weights of a checkpoint, given as a path without suffix.

        Raises:
            DamagedError: if it cannot be read.
            MisfitError: if it has other weights than the method.
        """
        try:
            self._restore(self._weights, prefix)
        except DAMAGE as error:
            raise DamagedError(_complaint(prefix, error)) from error

    def _restore_newest(self, checkpoint: tf.train.Checkpoint, files: CheckpointFiles) -> bool:
        self._look_at_list(files)
        tried: list[Path] = []
        # Listed anew each time: a training that goes on may take one away and bring another.
        while left := [prefix for prefix in files.prefixes() if prefix not in tried]:
            tried.append(left[0])
            try:
                self._restore(checkpoint, left[0])
            except DAMAGE as error:
                if left[0] in files.prefixes():
                    self._warn(f"{_complaint(left[0], error)}; looking for an older one")
            else:
                return True
        left = files.prefixes()
        # One without an index is what a kill during the very first save has left.
        if not left or (len(left) == 1 and not is_complete(left[0])):
            return False
        raise DamagedError(f"expected a checkpoint in {files.folder}; all of them are damaged")

    def _restore(self, checkpoint: tf.train.Checkpoint, prefix: Path) -> None:
        # Examined before: a restore that fails half way has changed some of the variables, and
        # TensorFlow then complains about every other one.
        examine(prefix, self._shapes)
        status = checkpoint.read(str(prefix)).expect_partial()
        status.assert_existing_objects_matched()
        self.restored = prefix

    def _look_at_list(self, files: CheckpointFiles) -> None:
        listed = files.folder / "checkpoint"
        # Nothing here needs it, but other programs may.
        if listed.exists() and not listed.is_file():
            self._warn(f"{listed} is no file, and other programs may look for the list in it")
            return
        try:
            tf.train.get_checkpoint_state(str(files.folder))
        except DAMAGE:
            self._warn(f"{listed} is damaged; the next save makes it anew from the files beside it")


def _complaint(prefix: Path, error: Exception) -> str:
    if not is_complete(prefix):
        return f"checkpoint {prefix} is incomplete, as a kill during a save leaves one"
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return f"checkpoint {prefix} is damaged ({reason})"
