"""Everything that decides how a training and an evaluation go, in frozen dataclasses."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from data_gen import DATASETS, PICTURES, ImageSize
from data_gen.errors import UserError
from hidra_tf.methods import AIDS, METHODS, check_head_and_loss, is_fixed_way, uses
from hidra_tf.options import (
    BACKBONES,
    HEADS,
    INNER_LOOPS,
    LOSSES,
    NORMS,
    OPTIMIZERS,
    PRECISIONS,
    REDUCTIONS,
    SCHEDULES,
    TASK_MAPS,
)

# Where the pictures lie and how often a run is saved do not change what is learned.
BOOKKEEPING = ("data_dir", "eval_data_dir", "pictures", "checkpoint_every")


@dataclass(frozen=True)
class Config:
    """A training, to be repeated from this alone.

    Attributes:
        dataset: a key of `data_gen.DATASETS`.
        data_dir: the folder with its pictures, absolute, or None where none is needed.
        eval_dataset: another one, to validate and test on; None: `dataset` itself.
        eval_data_dir: the folder with the pictures of that one.
        image_size: height and width of the pictures; None: as `dataset` has them.
        channels: 1 (grey) or 3 (colour); None: as `dataset` has them.
        invert: strokes bright on dark (True), or as published (False).
        split_seed: ≥ 0, of the split of `folder` where its folders do not say it.
        train_on_validation: the training split also holds the validation classes.
        method: a key of `hidra_tf.methods.METHODS`.
        train_ways: possible C of a training meta-batch, ascending, each ≥ 2.
        shots: K ≥ 1, support images per class.
        query_shots: Q ≥ 1, query images per class.
        meta_batch: T ≥ 1, tasks per meta-update.
        steps: meta-updates, ≥ 1.
        inner_steps: U ≥ 1, gradient steps per task.
        inner_lr: α > 0.
        meta_lr: β > 0, of the meta-optimizer.
        head: how the output neurons start out, of `options.HEADS`; None: as the method has them.
        loss: `softmax`, or `sigmoid` for one neuron against the rest.
        inner_reduction: of the support loss, `mean` or `per_class`; see `InnerLoop`.
        hyper_layers: of a hypernetwork, ≥ 1.
        hyper_width: of a hypernetwork, ≥ 1.
        enhancement: whether a hypernetwork sees labels and predictions.
        switch: of MAML to HyperMAML, the meta-updates between which it takes place; None: no MAML.
        norm: which statistics normalise the features; see `hidra_tf.backbones.backbone.Backbone`.
        adapt_norm: whether γ and β of the normalisation move in the inner loop.
        first_order: meta-gradients without second derivatives.
        inner_loop: `auto` (a tied head's first step in closed form) or `generic`.
        task_map: how tasks with weights of their own share the machine; see `hidra_tf.methods.task_map`.
        recompute: inner steps are computed twice, to keep the memory of one; see `InnerLoop`.
        precision: of the backbone's convolutions; everything else is float32.
        filters: channels of the first block of Conv-4 and ResNet-12.
        backbone: a key of `options.BACKBONES`, or module:function; see `hidra_tf.backbones.registry`.
        drop_block: share of activations that DropBlock drops in meta-training, in [0, 1).
        clip_norm: each variable's meta-gradient is clipped to this norm; 0: not at all.
        seed: of initial weights and of all episodes.
        log_every: meta-updates between two measurements of train and validation accuracy.
        checkpoint_every: meta-updates between two checkpoints.
        val_tasks: tasks of such a measurement.
        pictures: where they are meanwhile, on the `device` or the `host`; see `data_gen.sources`.
        batch_size: pictures of an update of a method that is not trained on tasks.
        pretrained: a run's folder, absolute, whose backbone training begins with; None: none.
        rotations: training classes turned by 90°, 180° and 270° are classes of their own.
        meta_optimizer: of `options.OPTIMIZERS`; None: as the method has it.
        meta_lr_schedule: of `options.SCHEDULES`; see `hidra_tf.training.schedules`.
        meta_lr_min: β at the end of `cosine`.
        milestones: meta-updates, ascending, at which `multistep` multiplies β by `gamma`.
        gamma: see `milestones`.
        weight_decay: λ ≥ 0, decoupled.
        multi_step_loss: meta-updates over which the query loss counts after every inner step.
        learn_inner_lr: a learned rate for every inner step and weight, from `inner_lr` on.
        second_order_after: meta-updates before second derivatives are taken.
        skip_damaged: damaged pictures are left out, with a warning, instead of refused.
    """

    dataset: str
    method: str
    train_ways: tuple[int, ...]
    shots: int
    query_shots: int
    meta_batch: int
    steps: int
    inner_steps: int
    inner_lr: float
    meta_lr: float
    filters: int
    head: str | None = None
    loss: str = "softmax"
    inner_reduction: str = "mean"
    hyper_layers: int = 3
    hyper_width: int = 256
    enhancement: bool = True
    switch: tuple[int, int] | None = None
    backbone: str = "conv4"
    drop_block: float = 0.0
    norm: str = "transductive"
    adapt_norm: bool = False
    first_order: bool = False
    inner_loop: str = "auto"
    task_map: str = "auto"
    recompute: bool = False
    precision: str = "float32"
    clip_norm: float = 10.0
    seed: int = 0
    invert: bool = True
    split_seed: int = 0
    train_on_validation: bool = False
    log_every: int = 1000
    checkpoint_every: int = 1000
    val_tasks: int = 100
    data_dir: str | None = None
    eval_dataset: str | None = None
    eval_data_dir: str | None = None
    image_size: ImageSize | None = None
    channels: int | None = None
    pictures: str = "auto"
    batch_size: int = 64
    pretrained: str | None = None
    rotations: bool = False
    meta_optimizer: str | None = None
    meta_lr_schedule: str = "constant"
    meta_lr_min: float = 0.0
    milestones: tuple[int, ...] = ()
    gamma: float = 0.1
    weight_decay: float = 0.0
    multi_step_loss: int = 0
    learn_inner_lr: bool = False
    second_order_after: int = 0
    skip_damaged: bool = False

    def __post_init__(self) -> None:
        """Raises `UserError` where a value cannot be meant."""
        _one_of("dataset", self.dataset, DATASETS)
        _one_of("eval_dataset", self.eval_dataset or self.dataset, DATASETS)
        if self.channels not in (None, 1, 3):
            raise UserError(f"channels: expected 1 or 3, received {self.channels}")
        _one_of("pictures", self.pictures, PICTURES)
        _one_of("method", self.method, METHODS)
        _one_of("head", self.head or HEADS[0], HEADS)
        _one_of("loss", self.loss, LOSSES)
        _one_of("inner_reduction", self.inner_reduction, REDUCTIONS)
        _names_function("backbone", self.backbone, BACKBONES)
        _one_of("norm", self.norm, NORMS)
        _one_of("inner_loop", self.inner_loop, INNER_LOOPS)
        _one_of("task_map", self.task_map, TASK_MAPS)
        _one_of("precision", self.precision, PRECISIONS)
        if self.meta_optimizer is not None:
            _one_of("meta_optimizer", self.meta_optimizer, OPTIMIZERS)
        _one_of("meta_lr_schedule", self.meta_lr_schedule, SCHEDULES)
        for name in (
            "shots",
            "query_shots",
            "meta_batch",
            "steps",
            "inner_steps",
            "filters",
            "hyper_layers",
            "hyper_width",
            "log_every",
            "checkpoint_every",
            "val_tasks",
            "batch_size",
        ):
            _at_least(name, getattr(self, name), 1)
        for name in ("multi_step_loss", "second_order_after", "split_seed"):
            _at_least(name, getattr(self, name), 0)
        for name in ("inner_lr", "meta_lr", "gamma"):
            if not 0 < getattr(self, name) < float("inf"):
                raise UserError(
                    f"{name}: expected a number above 0, received {getattr(self, name)}"
                )
        for name in ("clip_norm", "meta_lr_min", "weight_decay"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise UserError(f"{name}: expected 0 or more, received {getattr(self, name)}")
        if not 0 <= self.drop_block < 1:
            raise UserError(
                f"drop_block: expected 0 or more and less than 1, received {self.drop_block}"
            )
        self._check_schedule()
        self._check_aids()
        _at_least("train_ways", min(self.train_ways, default=0), 2)
        if self.head is not None and METHODS[self.method].head is None:
            raise UserError(f"head: {self.method} has its own; received {self.head}")
        check_head_and_loss(self.method, self.head, self.loss)
        if self.switch is not None:
            self._check_switch(*self.switch)
        if self.is_fixed_way and len(self.train_ways) > 1:
            raise UserError(
                f"train_ways: {self.method} trains a head for one number of ways, received "
                f"{format_ways(self.train_ways)}; "
                f"`method={METHODS[self.method].any_way}` takes several"
            )

    def _check_switch(self, first: int, last: int) -> None:
        if not 0 <= first < last:
            raise UserError(f"switch: expected 0 ≤ FIRST < LAST, received {first},{last}")

    def _check_schedule(self) -> None:
        if list(self.milestones) != sorted(set(self.milestones)):
            raise UserError(f"milestones: expected an ascending list, received {self.milestones}")
        if bool(self.milestones) != (self.meta_lr_schedule == "multistep"):
            raise UserError(
                "milestones: expected some with `meta_lr_schedule=multistep` and none without; "
                f"received {show(self.milestones) or 'none'} and {self.meta_lr_schedule}"
            )
        if self.milestones:
            _at_least("milestones", self.milestones[0], 1)
        if self.meta_lr_min and self.meta_lr_schedule != "cosine":
            raise UserError(
                "meta_lr_min: expected with `meta_lr_schedule=cosine`, received "
                f"{self.meta_lr_min} with {self.meta_lr_schedule}"
            )

    def _check_aids(self) -> None:
        """What is off unless asked for would be believed to help.

        Of other settings only the flags can tell whether anybody asked: `flags.effects`.
        """
        for name in (*AIDS, "switch"):
            if getattr(self, name):
                check_use(self.method, name, getattr(self, name))
        if self.second_order_after and self.first_order:
            raise UserError("second_order_after: expected without `first_order`, received both")

    def to_json(self) -> str:
        """The fields as JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Config:
        """The inverse of `to_json`.

        Raises:
            ValueError: if `text` is not JSON.
            TypeError: if fields are missing or unknown.
        """
        fields = json.loads(text)
        fields["train_ways"] = tuple(fields["train_ways"])
        fields["milestones"] = tuple(fields.get("milestones", ()))
        size, switch = fields.get("image_size"), fields.get("switch")
        fields["image_size"] = None if size is None else ImageSize(*size)
        fields["switch"] = None if switch is None else tuple(switch)
        return cls(**fields)

    def differences(self, other: Config) -> dict[str, tuple[Any, Any]]:
        """Field → (here, there) for all fields that change what is learned."""
        mine, theirs = dataclasses.asdict(self), dataclasses.asdict(other)
        return {
            name: (mine[name], theirs[name])
            for name in mine
            if name not in self.bookkeeping and mine[name] != theirs[name]
        }

    @property
    def is_fixed_way(self) -> bool:
        """Whether the run serves only the number of ways that it is trained with."""
        return is_fixed_way(self.method, self.head)

    @property
    def own_steps(self) -> int:
        """The inner steps of an evaluation for which nobody asked otherwise."""
        return self.inner_steps if METHODS[self.method].steps else 0

    @property
    def bookkeeping(self) -> tuple[str, ...]:
        """The fields that do not change what is learned: of `BOOKKEEPING`, those that apply.

        What the data set `folder` is depends on where it is.
        """
        telling = {"data_dir": self.dataset, "eval_data_dir": self.eval_dataset}
        return tuple(name for name in BOOKKEEPING if telling.get(name) != "folder")


@dataclass(frozen=True)
class EvalRequest:
    """What is to be evaluated.

    Attributes:
        ways: numbers of ways; None: 2–10, or the trained number for a fixed head.
        steps: numbers of inner steps; None: as many as in training.
        tasks: at each number of ways, ≥ 1.
        split: an attribute of `data_gen.class_pool.Splits`: a pool, or `all` of them joined.
        dataset: whose classes; None: those that the run names.
        data_dir: the folder with the pictures of that one.
        skip_damaged: damaged pictures are left out, as they are if the run says so.
        checkpoint: `best`, `last` or a step as text; None: see `hidra_tf.runs.weights`.
    """

    ways: tuple[int, ...] | None = None
    steps: tuple[int, ...] | None = None
    tasks: int = 600
    split: str = "test"
    dataset: str | None = None
    data_dir: str | None = None
    skip_damaged: bool = False
    checkpoint: str | None = None

    def __post_init__(self) -> None:
        """Raises `UserError` where a value cannot be meant."""
        if not re.fullmatch(r"best|last|\d{1,18}", self.checkpoint or "best", re.ASCII):
            raise UserError(
                f"checkpoint: expected best, last or a step, received {self.checkpoint!r}"
            )
        _at_least("eval_tasks", self.tasks, 1)
        _at_least("eval_ways", min(self.ways or (2,)), 2)
        _at_least("eval_steps", min(self.steps or (0,)), 0)


def format_ways(ways: Sequence[int]) -> str:
    """(5,) → "5", (2, 3, 4) → "2-4", (2, 5, 8) → "2,5,8"."""
    if len(ways) > 2 and list(ways) == list(range(ways[0], ways[-1] + 1)):
        return f"{ways[0]}-{ways[-1]}"
    return ",".join(map(str, ways))


def show(value: object) -> str:
    """A setting's value as a user would give it."""
    return format_ways(value) if type(value) is tuple else str(value)


def check_use(method: str, setting: str, value: object) -> None:
    """Raises `UserError`, naming the methods that have one, where a method has no use for it."""
    if not uses(method, setting):
        users = ", ".join(name for name in METHODS if uses(name, setting))
        raise UserError(
            f"{setting}: {method} has no use for it, received {show(value)}; "
            f"expected with `method={users}`"
        )


def _one_of(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise UserError(f"{name}: expected one of {', '.join(known)}; received {value!r}")


def _names_function(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known and not re.fullmatch(r"[\w.]+:\w+", value):
        raise UserError(
            f"{name}: expected one of {', '.join(known)}, or module:function; received {value!r}"
        )


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise UserError(f"{name}: expected at least {least}, received {value}")
