"""The loop around the compiled meta-update: measures, saves, and goes on from what was saved."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import tensorflow as tf

from data_gen.errors import UserError
from hidra_tf.evaluation.evaluator import Evaluator
from hidra_tf.evaluation.rows import mean_scores
from hidra_tf.runs.checkpoints.store import Checkpoints
from hidra_tf.runs.records.event_log import EventLog
from hidra_tf.runs.terminal.progress import Progress
from hidra_tf.training.updates import MetaUpdates

# A compiled call should take about this long: often enough to see progress and a Ctrl-C.
SECONDS_PER_CALL = 1.0


class NonFiniteLossError(UserError):
    """The loss or a gradient became infinite or not a number; no weight was touched by it."""


class Interrupted(KeyboardInterrupt):
    """Training was asked to stop, and has saved its state."""


@dataclass(frozen=True)
class Schedule:
    """When a training measures, saves and ends, counted in meta-updates.

    Attributes:
        steps: the number of meta-updates after which the training ends.
        log_every: the number of meta-updates between two measurements of accuracy.
        checkpoint_every: the number of meta-updates between two checkpoints.
        checkpoint_seconds: the time after which the state is saved between two such checkpoints
            too; 0 saves nothing because of the time.
    """

    steps: int
    log_every: int
    checkpoint_every: int
    checkpoint_seconds: float = 0.0

    def is_log(self, step: int) -> bool:
        """Whether accuracies are measured after `step` meta-updates."""
        return step % self.log_every == 0 or step == self.steps

    def is_checkpoint(self, step: int, seconds: float = 0.0) -> bool:
        """Whether the state is saved after `step` meta-updates, `seconds` after the last time."""
        is_late = 0 < self.checkpoint_seconds <= seconds
        return step % self.checkpoint_every == 0 or step == self.steps or is_late

    def next_stop(self, step: int) -> int:
        """The first number of meta-updates after `step` at which one of the three is due."""
        due = [(step // every + 1) * every for every in (self.log_every, self.checkpoint_every)]
        return min(*due, self.steps)


class Trainer:
    """Calls the compiled meta-update until the training is over, and measures and saves on the way.

    How many meta-updates share a call, and when the state is saved, depends on the time that they
    take. Neither changes a number: what a meta-update learns from depends on its step alone.

    Args:
        updates: the compiled meta-update.
        checkpoints: the state of the training, which was restored if there was one to restore.
        schedule: the number of meta-updates, and what is due after which of them.
        evaluators: an evaluator with one number of inner steps for each of the splits `train` and
            `val`. The accuracy on `val` decides which checkpoint is the best.
        tasks: the number of tasks of each measurement.
        log: writes the measurements for TensorBoard.
        progress: shows them on the terminal.
        stop_requested: is asked between two calls; the training saves and ends if it says True.
        clock: the time in seconds since some moment.
    """

    def __init__(
        self,
        updates: MetaUpdates,
        checkpoints: Checkpoints,
        schedule: Schedule,
        evaluators: Mapping[str, Evaluator],
        tasks: int,
        log: EventLog,
        progress: Progress,
        stop_requested: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.updates, self.checkpoints, self.schedule = updates, checkpoints, schedule
        self.evaluators, self.tasks = evaluators, tasks
        self.log, self.progress, self.stop_requested = log, progress, stop_requested
        self._clock, self._saved = clock, clock()
        self._updates, self._seconds = 0, 0.0
        self._metrics = dict.fromkeys(updates.method.metrics, 0.0)

    def run(self) -> None:
        """Trains until `schedule.steps` meta-updates are done.

        Raises:
            Interrupted: if the training was asked to stop; its state is saved.
            NonFiniteLossError: if the loss or a gradient is not finite. The message names the
                step, and the last checkpoint is kept.
        """
        step, updates_per_call = int(self.checkpoints.step), 1
        if step == 0:
            self._measure(step)
            self._save()
        while step < self.schedule.steps:
            self._stop_if_asked(step)
            last = min(step + updates_per_call, self.schedule.next_stop(step))
            updates_per_call = self._update(step, last)
            step = last
            if self.schedule.is_log(step):
                self._measure(step)
            if self.schedule.is_checkpoint(step, self._clock() - self._saved):
                self._save()
        self._stop_if_asked(step)

    def _save(self) -> None:
        self.checkpoints.save()
        self._saved = self._clock()

    def _stop_if_asked(self, step: int) -> None:
        if self.stop_requested():
            self._save()
            raise Interrupted(f"stopped after step {step}; the same command continues from there")

    def _update(self, first: int, last: int) -> int:
        """Meta-updates `first` … `last` − 1; returns how many the next call should make."""
        started = time.monotonic()
        result = self.updates(tf.constant(first), tf.constant(last))
        if not bool(result.finite):
            raise NonFiniteLossError(f"the loss of step {int(result.step) + 1} is not finite")
        self.checkpoints.step.assign(last)
        count, seconds = last - first, time.monotonic() - started
        self._updates, self._seconds = self._updates + count, self._seconds + seconds
        for name, mean in result.metrics.items():
            self._metrics[name] += count * float(mean)
        self.progress.advance(count, loss=f"{float(result.loss):.4f}")
        # Growing by no more than twice keeps a call that was short by chance from misleading.
        return max(1, min(round(SECONDS_PER_CALL * count / seconds), 2 * count))

    def _measure(self, step: int) -> None:
        """Accuracy and loss on tasks of each split, the same ones every time."""
        with self.updates.averages.in_place():
            accuracies = self._measure_splits(step)
            self.checkpoints.save_if_best(accuracies["val"])
        self._log_updates(step)
        self.progress.show(**{name: f"{100 * value:.2f} %" for name, value in accuracies.items()})

    def _measure_splits(self, step: int) -> dict[str, float]:
        """The accuracy on each split."""
        accuracies = {}
        total = sum(evaluator.total_work(self.tasks) for evaluator in self.evaluators.values())
        with self.progress.part(total, "picture", "measuring") as part:
            for split, evaluator in self.evaluators.items():
                rows = list(evaluator.rows(self.tasks, part.advance))
                accuracies[split], loss = mean_scores(rows)
                self.log.scalars(split, step, accuracy=accuracies[split], loss=loss)
        return accuracies

    def _log_updates(self, step: int) -> None:
        """The pace of the updates since the last measurement, and the means of their metrics."""
        if self._updates:
            rate = self._updates / self._seconds
            means = {name: total / self._updates for name, total in self._metrics.items()}
            self.log.scalars("train", step, meta_updates_per_second=rate, **means)
            self._updates, self._seconds = 0, 0.0
            self._metrics = dict.fromkeys(self._metrics, 0.0)
