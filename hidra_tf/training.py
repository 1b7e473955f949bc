"""Meta-training: the compiled meta-update, and the loop around it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import keras
import tensorflow as tf

from data_gen.batches import BatchSampler
from data_gen.episodes import EpisodeSampler
from data_gen.errors import UserError
from hidra_tf.checkpoints import Checkpoints
from hidra_tf.drop_block import meta_training
from hidra_tf.evaluation import Evaluator, mean_scores
from hidra_tf.event_log import EventLog
from hidra_tf.methods.base import GradientMethod
from hidra_tf.progress import Progress

# A compiled call should take about this long: often enough to see progress and a Ctrl-C.
SECONDS_PER_CALL = 1.0

ADAM_EPSILON = 1e-8


class NonFiniteLossError(UserError):
    """The loss or a gradient became infinite or not a number; no weight was touched by it."""


class Interrupted(KeyboardInterrupt):
    """Training was asked to stop, and has saved its state."""


class UpdateResult(NamedTuple):
    """What some meta-updates gave.

    Attributes:
        step: the step reached; if an update was not finite, the number of updates before it.
        loss: mean query loss.
        accuracy: mean query accuracy.
        finite: whether all losses and gradients were.
        metrics: means of what else the method measures.
    """

    step: tf.Tensor
    loss: tf.Tensor
    accuracy: tf.Tensor
    finite: tf.Tensor
    metrics: dict[str, tf.Tensor]


class MetaUpdates:
    """Runs many meta-updates in one compiled call, episodes included.

    Args:
        method: what is trained.
        sampler: step → meta-batch, or whatever the method learns from.
        optimizer: built for `method.variables`; see `make_optimizer`.
        clip_norm: each variable's gradient is clipped to this norm; 0: not at all.
    """

    def __init__(
        self,
        method: GradientMethod,
        sampler: EpisodeSampler | BatchSampler,
        optimizer: keras.optimizers.Optimizer,
        clip_norm: float,
    ) -> None:
        self.method, self.sampler = method, sampler
        self.optimizer, self.clip_norm = optimizer, clip_norm

    @tf.function(
        autograph=False,
        input_signature=[tf.TensorSpec((), tf.int32), tf.TensorSpec((), tf.int32)],
    )
    def __call__(self, first: tf.Tensor, last: tf.Tensor) -> UpdateResult:
        """Meta-updates number `first` … `last` − 1; ends early where one is not finite."""
        zero = tf.zeros((), self.sampler.dtype)
        sums = UpdateResult(
            first, zero, zero, tf.constant(True), dict.fromkeys(self.method.metrics, zero)
        )
        step, loss, accuracy, finite, metrics = tf.while_loop(
            lambda step, _loss, _accuracy, finite, _metrics: finite & (step < last),
            self._update,
            sums,
        )
        count = tf.cast(tf.maximum(step - first, 1), loss.dtype)
        means = {name: total / count for name, total in metrics.items()}
        return UpdateResult(step, loss / count, accuracy / count, finite, means)

    def _update(
        self,
        step: tf.Tensor,
        loss: tf.Tensor,
        accuracy: tf.Tensor,
        finite: tf.Tensor,
        metrics: dict[str, tf.Tensor],
    ) -> UpdateResult:
        with meta_training():
            result = self.method.meta_gradients(self.sampler(step), step)
        finite = tf.math.is_finite(result.loss + tf.linalg.global_norm(result.gradients))

        def apply() -> tf.Tensor:
            variables = self.method.variables
            apply_clipped(self.optimizer, result.gradients, variables, self.clip_norm)
            return step + 1

        step = tf.cond(finite, apply, lambda: step)
        metrics = {name: total + result.metrics[name] for name, total in metrics.items()}
        return UpdateResult(step, loss + result.loss, accuracy + result.accuracy, finite, metrics)


def make_optimizer(
    variables: Sequence[tf.Variable],
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
    epsilon: float = ADAM_EPSILON,
    kind: str = "adam",
    weight_decay: float = 0.0,
    undecayed: Sequence[tf.Variable] = (),
) -> keras.optimizers.Optimizer:
    """An optimizer with its state created, which a compiled loop needs.

    Args:
        variables: what it will move.
        learning_rate: β, or a schedule for it.
        epsilon: of Adam.
        kind: `adam` (β₁ 0.9, β₂ 0.999) or plain `sgd`.
        weight_decay: λ, decoupled (Loshchilov and Hutter, 2019): w ← w − β·λ·w at each update,
            beside the step and not through Adam's moments.
        undecayed: those of `variables` that it leaves alone.
    """
    if kind == "sgd":
        optimizer = keras.optimizers.SGD(learning_rate, weight_decay=weight_decay or None)
    else:
        optimizer = keras.optimizers.Adam(
            learning_rate, epsilon=epsilon, weight_decay=weight_decay or None
        )
    if weight_decay:
        optimizer.exclude_from_weight_decay(var_list=list(undecayed))
    optimizer.build(list(variables))
    return optimizer


def apply_clipped(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor],
    variables: Sequence[tf.Variable],
    clip_norm: float,
) -> None:
    """One meta-update, each variable's gradient clipped to `clip_norm` (0: not at all)."""
    if clip_norm:
        gradients = [tf.clip_by_norm(gradient, clip_norm) for gradient in gradients]
    optimizer.apply(gradients, variables)


@dataclass(frozen=True)
class Schedule:
    """Numbers of meta-updates: all of them, and between two measurements or checkpoints."""

    steps: int
    log_every: int
    checkpoint_every: int

    def is_log(self, step: int) -> bool:
        """Whether accuracies are measured after `step` meta-updates."""
        return step % self.log_every == 0 or step == self.steps

    def is_checkpoint(self, step: int) -> bool:
        """Whether the state is saved after `step` meta-updates."""
        return step % self.checkpoint_every == 0 or step == self.steps

    def next_stop(self, step: int) -> int:
        """The first number after `step` at which something is due."""
        due = [(step // every + 1) * every for every in (self.log_every, self.checkpoint_every)]
        return min(*due, self.steps)


class Trainer:
    """Meta-trains, measures, saves, and goes on from where it was saved.

    Args:
        updates: the compiled meta-update.
        checkpoints: where the state is kept; already restored.
        schedule: how many meta-updates, and what is due when.
        evaluators: split → evaluator with one number of inner steps; `val` decides the best.
        tasks: tasks of each measurement.
        log: TensorBoard.
        progress: shown on the terminal.
        stop_requested: asked between two calls; true ends the training.
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
    ) -> None:
        self.updates, self.checkpoints, self.schedule = updates, checkpoints, schedule
        self.evaluators, self.tasks = evaluators, tasks
        self.log, self.progress, self.stop_requested = log, progress, stop_requested
        self._updates, self._seconds = 0, 0.0
        self._metrics = dict.fromkeys(updates.method.metrics, 0.0)

    def run(self) -> None:
        """Trains until `schedule.steps`.

        Raises:
            Interrupted: if asked to stop; the state is saved.
            NonFiniteLossError: names the step; the last checkpoint is kept.
        """
        step, updates_per_call = int(self.checkpoints.step), 1
        if step == 0:
            self._measure(step)
            self.checkpoints.save()
        while step < self.schedule.steps:
            self._stop_if_asked(step)
            last = min(step + updates_per_call, self.schedule.next_stop(step))
            updates_per_call = self._update(step, last)
            step = last
            if self.schedule.is_log(step):
                self._measure(step)
            if self.schedule.is_checkpoint(step):
                self.checkpoints.save()
        self._stop_if_asked(step)

    def _stop_if_asked(self, step: int) -> None:
        if self.stop_requested():
            self.checkpoints.save()
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
        accuracies = {}
        for split, evaluator in self.evaluators.items():
            accuracies[split], loss = mean_scores(list(evaluator.rows(self.tasks)))
            self.log.scalars(split, step, accuracy=accuracies[split], loss=loss)
        if self._updates:
            rate = self._updates / self._seconds
            means = {name: total / self._updates for name, total in self._metrics.items()}
            self.log.scalars("train", step, meta_updates_per_second=rate, **means)
            self._updates, self._seconds = 0, 0.0
            self._metrics = dict.fromkeys(self._metrics, 0.0)
        self.checkpoints.save_if_best(accuracies["val"])
        self.progress.show(**{name: f"{100 * value:.2f} %" for name, value in accuracies.items()})
