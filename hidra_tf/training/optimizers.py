"""The optimizers of meta-training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from hidra_tf.options import OPTIMIZERS, check_choice, check_not_negative, check_positive
from hidra_tf.training.updating import Adam, Momentum, Treatment

ADAM_EPSILON = 1e-8


def make_optimizer(
    variables: Sequence[tf.Variable],
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
    epsilon: float = ADAM_EPSILON,
    kind: str = "adam",
    weight_decay: float = 0.0,
    undecayed: Sequence[tf.Variable] = (),
    *,
    momentum: float = 0.0,
    nesterov: bool = False,
    l2: float = 0.0,
    head: Sequence[tf.Variable] = (),
    head_factor: float = 1.0,
) -> keras.optimizers.Optimizer:
    """An optimizer with its state created, which a compiled loop needs.

    Adam is that of Kingma and Ba (2015), https://arxiv.org/abs/1412.6980. Momentum, its Nesterov
    form and `l2` are those of PyTorch's `SGD`, with which most published settings were found.

    Example:
        >>> import tensorflow as tf
        >>> from hidra_tf import make_optimizer
        >>> make_optimizer([tf.Variable(1.0)], learning_rate=1e-3, kind="sgd").name
        'SGD'

    Args:
        variables: the variables that it will move.
        learning_rate: the rate β, or a schedule for it.
        epsilon: the constant ε in Adam's denominator.
        kind: `adam` (β₁ 0.9, β₂ 0.999) or `sgd`.
        weight_decay: the factor λ of decoupled weight decay (Loshchilov and Hutter, 2019,
            https://arxiv.org/abs/1711.05101): w ← w − β·λ·w at each update, beside the step and
            not through Adam's moments.
        undecayed: those of `variables` that neither kind of weight decay changes.
        momentum: the share μ in [0, 1) of the last update's direction that `sgd` keeps; see
            `updating.Momentum`.
        nesterov: whether `sgd` looks ahead by its momentum (Sutskever et al., 2013).
        l2: the factor λ of coupled weight decay: λ·w is added to the gradient of w, after it was
            clipped and before the optimizer sees it.
        head: those of `variables` whose rate is `head_factor`·β.
        head_factor: the factor, above 0.

    Raises:
        ValueError: if there is no such kind, a number is out of range, `adam` is given a momentum,
            or `nesterov` has none.
    """
    check_choice("kind", kind, OPTIMIZERS)
    _check_rates(learning_rate, head_factor)
    _check_momentum(kind, momentum, nesterov)
    factors = _chosen(variables, head, head_factor, 1.0)
    decays = _decays(variables, undecayed, l2, weight_decay)
    treatments = [Treatment(*each) for each in zip(factors, *decays, strict=True)]
    settings: dict[str, Any] = {"learning_rate": learning_rate, "treatments": treatments}
    if kind == "sgd":
        optimizer = Momentum(momentum=momentum, nesterov=nesterov, name="SGD", **settings)
    else:
        optimizer = Adam(epsilon=epsilon, name="adam", **settings)
    optimizer.build(list(variables))
    return optimizer


def _decays(
    variables: Sequence[tf.Variable],
    undecayed: Sequence[tf.Variable],
    l2: float,
    weight_decay: float,
) -> tuple[list[float], list[float]]:
    """Both kinds of weight decay of each variable.

    Raises:
        ValueError: if one of them is negative.
    """
    check_not_negative("weight_decay", weight_decay)
    check_not_negative("l2", l2)
    coupled, decoupled = (_chosen(variables, undecayed, 0.0, own) for own in (l2, weight_decay))
    return coupled, decoupled


def _chosen(
    variables: Sequence[tf.Variable], some: Sequence[tf.Variable], value: float, other: float
) -> list[float]:
    """One number for each variable: a value for some of them, another for the rest."""
    chosen = {id(variable) for variable in some}
    return [value if id(variable) in chosen else other for variable in variables]


def apply_clipped(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor],
    variables: Sequence[tf.Variable],
    clip_norm: float,
) -> None:
    """One meta-update, each variable's gradient clipped to `clip_norm` (unclipped at 0)."""
    if clip_norm:
        gradients = [tf.clip_by_norm(gradient, clip_norm) for gradient in gradients]
    optimizer.apply(gradients, variables)


def _check_rates(
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule, head_factor: float
) -> None:
    check_positive("head_factor", head_factor)
    if not isinstance(learning_rate, keras.optimizers.schedules.LearningRateSchedule):
        check_not_negative("learning_rate", learning_rate)


def _check_momentum(kind: str, momentum: float, nesterov: bool) -> None:
    check_not_negative("momentum", momentum)
    if momentum >= 1 or (momentum and kind != "sgd"):
        expected = "a number below 1" if kind == "sgd" else "none with kind='adam'"
        raise ValueError(f"momentum: expected {expected}; received {momentum!r}")
    if nesterov and not momentum:
        raise ValueError("nesterov: expected with a momentum above 0; received none")
