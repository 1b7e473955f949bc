"""The inner loop of a head alone, on features that stay as they are: for many tasks at once."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.adaptation.steps import Derivatives, Rates, rates_at, states_at
from hidra_tf.heads.neurons import HeadWeights


def heads_at(
    inner: InnerLoop,
    start: HeadWeights,
    tied: bool,
    features: tf.Tensor,
    labels: tf.Tensor,
    at_steps: Sequence[int],
    rates: Rates | None = None,
    derivatives: Derivatives = Derivatives.SECOND,
) -> list[HeadWeights]:
    """The head after each of S numbers of steps: what `InnerLoop.trajectory` does to it.

    Args:
        inner: how a step is made.
        start: the head of every task, kernel [D, C] and bias [C].
        tied: whether all its neurons are equal.
        features: features of the support images, [..., C·K, D]; leading axes are tasks.
        labels: integers [..., C·K].
        at_steps: S numbers ≥ 0, ascending.
        rates: learned rates (`steps.Rates`), the last two the kernel's and the bias's; without
            them both move by `inner.learning_rate`.
        derivatives: which derivatives of the steps a meta-gradient takes.

    Returns:
        S times kernel [..., D, C] and bias [..., C].
    """

    def step(taken: tf.Tensor | int, head: HeadWeights) -> HeadWeights:
        with tf.GradientTape() as tape:
            tape.watch(list(head))
            # A sum over tasks, each of which has neurons of its own.
            loss = tf.reduce_sum(inner.support_loss(labels, head.logits(features)))
        gradients = tape.gradient(loss, list(head), unconnected_gradients="zero")
        own = rates_at(rates, taken)
        return HeadWeights(*inner.descended(list(head), gradients, own, derivatives))

    head = start.for_each(tf.shape(features)[:-2])
    known = [head]
    if inner.is_exact_start(tied) and max(at_steps) > 0:
        known.append(inner.exact_first_step(head, features, labels, rates, derivatives))
    return states_at(at_steps, known, step)
