"""The settings of a configuration that say how the meta-updates go."""

from __future__ import annotations

from dataclasses import dataclass

from data_gen.errors import UserError
from hidra_tf.options import OPTIMIZERS, SCHEDULES, SCHEDULES_OVER_STEPS
from hidra_tf.runs.config.settings import Settings, anything, number, one_of, whole
from hidra_tf.runs.config.text import show


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(Settings):
    """How many meta-updates there are, of what, and what they measure and save on the way.

    Attributes:
        steps: the number of meta-updates.
        meta_batch: T, the number of tasks of a meta-update.
        batch_size: the number of pictures of an update of a method that is not trained on tasks.
        without_replacement: whether such an update's pictures are drawn without replacement, each
            once in an epoch.
        meta_lr: β, the learning rate of the meta-optimizer.
        meta_optimizer: one of `options.OPTIMIZERS`, or None for the method's own.
        meta_lr_schedule: one of `options.SCHEDULES`; see `hidra_tf.training.schedules`.
        meta_lr_min: β at the end of the schedule `cosine`.
        warmup_steps: the number of first meta-updates in which β rises to `meta_lr`, before the
            schedule `cosine` lowers it.
        milestones: the meta-updates, ascending, at which `multistep` multiplies β by `gamma`.
        gamma: the factor of `milestones`.
        momentum: μ, the momentum of the meta-optimizer `sgd`; see `training.updating.Momentum`.
        nesterov: whether the momentum is Nesterov's.
        weight_decay: λ of the decoupled weight decay.
        l2: λ of the coupled weight decay, which is added to the gradients.
        head_lr_factor: the factor of β for the trained weights other than the backbone's.
        class_loss: λ, the weight of the loss of a classifier of all training classes beside the
            tasks' loss; with 0 there is none. See `hidra_tf.methods.class_loss`.
        average_weights: the decay of moving averages of all trained weights, which are tested in
            their place; 0 keeps none. See `hidra_tf.training.averaging`.
        clip_norm: the norm to which each variable's meta-gradient is clipped; 0 clips nothing.
            The displacements of Reptile are not clipped.
        pretrained: the absolute path of another run, whose backbone this one begins with, or
            None for random initial weights.
        seed: the seed of the initial weights and of all episodes, any integer.
        log_every: the number of meta-updates between two measurements of accuracy.
        val_tasks: the number of tasks of such a measurement.
        checkpoint_every: the number of meta-updates between two checkpoints.
        checkpoint_minutes: the minutes after which the state is saved in any case; 0 saves nothing
            because of the time.
        keep_best: the number of checkpoints with the highest validation accuracies that are kept;
            several of them can be evaluated together. It stays what it was when a run began, since
            those that were not kept are gone.
    """

    steps: int = whole(least=1)
    meta_batch: int = whole(least=1)
    batch_size: int = whole(64, least=1)
    without_replacement: bool = False
    meta_lr: float = number(above=0)
    meta_optimizer: str | None = one_of(OPTIMIZERS, None)
    meta_lr_schedule: str = one_of(SCHEDULES, "constant")
    meta_lr_min: float = number(0.0, least=0)
    warmup_steps: int = whole(0, least=0)
    milestones: tuple[int, ...] = whole((), least=1)
    gamma: float = number(0.1, above=0)
    momentum: float = number(0.0, least=0, below=1)
    nesterov: bool = False
    weight_decay: float = number(0.0, least=0)
    l2: float = number(0.0, least=0)
    head_lr_factor: float = number(1.0, above=0)
    class_loss: float = number(0.0, least=0)
    average_weights: float = number(0.0, least=0, below=1)
    clip_norm: float = number(10.0, least=0)
    pretrained: str | None = anything(None)
    seed: int = anything(0)
    log_every: int = whole(1000, least=1)
    val_tasks: int = whole(100, least=1)
    checkpoint_every: int = whole(1000, least=1, bookkeeping=True)
    checkpoint_minutes: float = number(10.0, least=0, bookkeeping=True)
    keep_best: int = whole(1, least=1)

    def check(self) -> None:
        """Raises `UserError` where a value cannot be meant."""
        super().check()
        if list(self.milestones) != sorted(set(self.milestones)):
            raise UserError(f"milestones: expected an ascending list, received {self.milestones}")
        if bool(self.milestones) != (self.meta_lr_schedule == "multistep"):
            raise UserError(
                "milestones: expected some with `meta_lr_schedule=multistep` and none without; "
                f"received {show(self.milestones) or 'none'} and {self.meta_lr_schedule}"
            )
        if self.nesterov and not self.momentum:
            raise UserError("nesterov: expected with `momentum` above 0, received none")
        if self.meta_lr_min and self.meta_lr_schedule != "cosine":
            raise UserError(
                "meta_lr_min: expected with `meta_lr_schedule=cosine`, received "
                f"{self.meta_lr_min} with {self.meta_lr_schedule}"
            )
        self._check_warmup()

    def _check_warmup(self) -> None:
        if self.warmup_steps and self.meta_lr_schedule != "cosine":
            raise UserError(
                "warmup_steps: expected with `meta_lr_schedule=cosine`, received "
                f"{self.warmup_steps} with {self.meta_lr_schedule}"
            )
        if self.warmup_steps and self.warmup_steps >= self.steps:
            raise UserError(
                f"warmup_steps: expected fewer than `steps={self.steps}`, received "
                f"{self.warmup_steps}"
            )

    def check_steps_may_become(self, steps: int) -> None:
        """Raises `UserError` unless a run with these settings may go on to so many meta-updates."""
        if steps < self.steps:
            raise UserError(
                f"steps: expected at least {self.steps}, which the run has; received {steps}"
            )
        if steps > self.steps and self.meta_lr_schedule in SCHEDULES_OVER_STEPS:
            raise UserError(
                f"steps: expected {self.steps}, which the run has; received {steps}, but with "
                f"`meta_lr_schedule={self.meta_lr_schedule}` the learning rate of every "
                "meta-update depends on `steps`"
            )
