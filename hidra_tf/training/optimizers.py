"""The optimizers of meta-training."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from hidra_tf.options import OPTIMIZERS, check_choice, check_not_negative

ADAM_EPSILON = 1e-8


def make_optimizer(
    variables: Sequence[tf.Variable],
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
    epsilon: float = ADAM_EPSILON,
    kind: str = "adam",
    weight_decay: float = 0.0,
    undecayed: Sequence[tf.Variable] = (),
) -> keras.optimizers.Optimizer:
    """An optimizer with its state created, which a compiled loop needs.

    Adam is that of Kingma and Ba (2015), https://arxiv.org/abs/1412.6980.

    Example:
        >>> import tensorflow as tf
        >>> from hidra_tf import make_optimizer
        >>> make_optimizer([tf.Variable(1.0)], learning_rate=1e-3, kind="sgd").name
        'SGD'

    Args:
        variables: the variables that it will move.
        learning_rate: the rate β, or a schedule for it.
        epsilon: the constant ε in Adam's denominator.
        kind: `adam` (β₁ 0.9, β₂ 0.999) or plain `sgd`.
        weight_decay: the factor λ of decoupled weight decay (Loshchilov and Hutter, 2019,
            https://arxiv.org/abs/1711.05101): w ← w − β·λ·w at each update, beside the step and
            not through Adam's moments.
        undecayed: those of `variables` that weight decay leaves alone.

    Raises:
        ValueError: if there is no such kind, or a rate or factor is negative or not finite.
    """
    check_choice("kind", kind, OPTIMIZERS)
    check_not_negative("weight_decay", weight_decay)
    if not isinstance(learning_rate, keras.optimizers.schedules.LearningRateSchedule):
        check_not_negative("learning_rate", learning_rate)
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
    """One meta-update, each variable's gradient clipped to `clip_norm` (unclipped at 0)."""
    if clip_norm:
        gradients = [tf.clip_by_norm(gradient, clip_norm) for gradient in gradients]
    optimizer.apply(gradients, variables)
