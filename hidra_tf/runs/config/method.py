"""The settings of a configuration that say what is learned and how it adapts to a task."""

from __future__ import annotations

import re
from dataclasses import dataclass

from data_gen.errors import UserError
from hidra_tf.methods import AIDS, METHODS, check_head_and_loss, check_norm, is_fixed_way, uses
from hidra_tf.options import (
    BACKBONES,
    CORRECTIONS,
    HEADS,
    INNER_LOOPS,
    LOSSES,
    NORMS,
    PRECISIONS,
    REDUCTIONS,
    TASK_MAPS,
    VAL_CLASSIFIERS,
)
from hidra_tf.runs.config.settings import LARGEST, Settings, anything, number, one_of, whole
from hidra_tf.runs.config.text import show


@dataclass(frozen=True, kw_only=True)
class MethodSettings(Settings):
    """Which method is trained, with which backbone and head, and its inner loop.

    Attributes:
        method: the method, a key of `hidra_tf.methods.METHODS`.
        head: how the output neurons start out, one of `options.HEADS`, or None for the head that
            the method has by itself.
        loss: `softmax` over the classes, `sigmoid` for each neuron against the rest, or `mse`, the
            squared error of each neuron's sigmoid.
        temperature: what the logits of the queries are divided by before the loss that is
            minimised over tasks; the support loss has no temperature.
        inner_steps: U, the number of gradient steps per task.
        inner_lr: α, the learning rate of the inner loop.
        inner_reduction: how the support loss is averaged, one of `options.REDUCTIONS`; see
            `InnerLoop`.
        first_order: whether meta-gradients leave out second derivatives.
        second_order_after: the number of first meta-updates that leave out second derivatives.
        multi_step_loss: the number of first meta-updates in which the query loss counts after
            every inner step.
        learn_inner_lr: whether every inner step and weight has a learned rate, which begins at
            `inner_lr`.
        per_step_norm: whether every inner step has γ and β of the normalisation of its own.
        backbone: the backbone, a key of `options.BACKBONES` or "module:function"; see
            `hidra_tf.backbones.registry`.
        filters: the channels of the first block of Conv-4 and of ResNet-12.
        drop_block: the share of activations that DropBlock drops in meta-training.
        norm: the statistics that normalise the features; see
            `hidra_tf.backbones.backbone.Backbone`.
        adapt_norm: whether γ and β of the normalisation move in the inner loop.
        hyper_layers: the number of layers of a hypernetwork.
        hyper_width: the width of a hypernetwork's layers.
        enhancement: whether a hypernetwork also sees labels and predictions.
        correction: the form in which HyperHIDRA's hypernetwork corrects the first step, one of
            `options.CORRECTIONS`. Runs that were begun before there was a choice lack the setting,
            and have the form `step`; new runs have `midpoint` unless they ask for the other.
        hyper_neck: the number of layers of HyperShot's hypernetwork that all of its parts share.
        target_layers: the number of layers of the network that HyperShot's hypernetwork makes.
        target_width: the width of that network's hidden layers.
        full_context: whether Matching Networks see each picture in the context of the task.
        switch: the meta-updates between which HyperMAML passes from gradient steps to its
            hypernetwork, or None for no gradient steps.
        outputs: O, the number of neurons of a head with more of them than a task has classes.
        assignments: the largest number J of assignments of a task's classes to these neurons, or
            None for as many as do not overlap.
        ridge: λ at the beginning, the penalty of ridge regression.
        ridge_scale: the factor of ridge regression's answers at the beginning.
        head_momentum: the momentum of the training of a task's new head, or None for the method's
            own; see `hidra_tf.adaptation.head_sgd`, as for the next three.
        head_dampening: its dampening, or None for the method's own.
        head_decay: its weight decay, or None for the method's own.
        head_batch: the number of pictures of its minibatches, 0 for all, or None for the method's
            own.
        val_classifier: what solves the tasks by which `finetune` chooses its best checkpoint, one
            of `options.VAL_CLASSIFIERS`.
        inner_loop: `auto` takes a tied head's first step in closed form, `generic` never does.
        task_map: how the tasks share the machine; see `hidra_tf.methods.task_map`.
        recompute: whether inner steps are computed twice to save memory; see `InnerLoop`.
        precision: the number format of the backbone's convolutions, one of `options.PRECISIONS`.
    """

    method: str = one_of(METHODS)
    head: str | None = one_of(HEADS, None)
    loss: str = one_of(LOSSES, "softmax")
    temperature: float = number(1.0, above=0)
    inner_steps: int = whole(least=1)
    inner_lr: float = number(above=0)
    inner_reduction: str = one_of(REDUCTIONS, "mean")
    first_order: bool = False
    second_order_after: int = whole(0, least=0)
    multi_step_loss: int = whole(0, least=0)
    learn_inner_lr: bool = False
    per_step_norm: bool = False
    backbone: str = anything("conv4")
    filters: int = whole(least=1)
    drop_block: float = number(0.0, least=0, below=1)
    norm: str = one_of(NORMS, "transductive")
    adapt_norm: bool = False
    hyper_layers: int = whole(3, least=1)
    hyper_width: int = whole(256, least=1)
    hyper_neck: int = whole(1, least=0)
    target_layers: int = whole(2, least=1)
    target_width: int = whole(128, least=1)
    full_context: bool = False
    enhancement: bool = True
    correction: str = one_of(CORRECTIONS, "step")
    switch: tuple[int, int] | None = anything(None)
    outputs: int = whole(30, least=2)
    assignments: int | None = whole(None, least=1)
    # Chosen on validation classes of Omniglot beside 50, the published value, and 0.1.
    ridge: float = number(1.0, above=0)
    ridge_scale: float = number(10.0, above=0)
    head_momentum: float | None = number(None, least=0, below=1)
    head_dampening: float | None = number(None, least=0, below=1)
    head_decay: float | None = number(None, least=0)
    head_batch: int | None = whole(None, least=0)
    val_classifier: str = one_of(VAL_CLASSIFIERS, "head")
    inner_loop: str = one_of(INNER_LOOPS, "auto")
    task_map: str = one_of(TASK_MAPS, "auto")
    recompute: bool = False
    precision: str = one_of(PRECISIONS, "float32")

    def check(self) -> None:
        """Raises `UserError` where a value cannot be meant."""
        super().check()
        self._check_backbone()
        self._check_head()
        check_norm(self.method, self.norm)
        self._check_switch()
        self._check_aids()
        self._check_step_norms()

    @property
    def names_code(self) -> bool:
        """Whether the backbone is a function outside this project, which runs when it is built."""
        return self.backbone not in BACKBONES

    @property
    def is_fixed_way(self) -> bool:
        """Whether the run serves only the number of ways that it is trained with."""
        return is_fixed_way(self.method, self.head)

    @property
    def most_ways(self) -> int | None:
        """The largest number of ways that there are neurons for; None where it is not known."""
        return self.outputs if uses(self.method, "outputs") else None

    @property
    def own_steps(self) -> int:
        """The inner steps of an evaluation for which nobody asked otherwise."""
        return self.inner_steps if METHODS[self.method].steps else 0

    def _check_backbone(self) -> None:
        if self.names_code and not re.fullmatch(r"[\w.]+:\w+", self.backbone):
            raise UserError(
                f"backbone: expected one of {', '.join(BACKBONES)}, or module:function; received "
                f"{self.backbone!r}"
            )

    def _check_head(self) -> None:
        if self.head is not None and METHODS[self.method].head is None:
            raise UserError(f"head: {self.method} has its own; received {self.head}")
        check_head_and_loss(self.method, self.head, self.loss)

    def _check_switch(self) -> None:
        if self.switch is None:
            return
        check_use(self.method, "switch", self.switch)
        first, last = self.switch
        if not 0 <= first < last <= LARGEST:
            raise UserError(
                f"switch: expected two meta-updates FIRST < LAST, received {first},{last}"
            )

    def _check_step_norms(self) -> None:
        """Refuses γ and β of steps where there are none, or where the steps move them."""
        if self.per_step_norm and (self.adapt_norm or self.norm == "none"):
            beside = "`adapt_norm`" if self.adapt_norm else "`norm=none`"
            raise UserError(
                "per_step_norm: expected γ and β that the inner loop leaves alone, received it "
                f"with {beside}"
            )

    def _check_aids(self) -> None:
        """Refuses aids that are on and do nothing, for they would be believed to help.

        Of other settings only the flags can tell whether anybody asked; see `flags.effects`.
        """
        for name in AIDS:
            if getattr(self, name):
                check_use(self.method, name, getattr(self, name))
        if self.second_order_after and self.first_order:
            raise UserError("second_order_after: expected without `first_order`, received both")


def check_use(method: str, setting: str, value: object) -> None:
    """Raises `UserError`, naming the methods that have one, where a method has no use for it."""
    if not uses(method, setting):
        first, *others = (name for name in METHODS if uses(name, setting))
        raise UserError(
            f"{setting}: {method} has no use for it, received {show(value)}; "
            f"expected with {', '.join([f'`method={first}`', *others])}"
        )
