"""The optimizers of meta-training."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

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
