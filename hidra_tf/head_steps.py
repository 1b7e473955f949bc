"""The inner loop of a head alone, on features that stay as they are: for many tasks at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from hidra_tf.adaptation import InnerLoop, rates_at
from hidra_tf.heads import HeadWeights

# More steps than this between two heads run in a loop: to trace a hundred takes seconds.
UNROLLED = 10


def heads_at(
    inner: InnerLoop,
    start: HeadWeights,
    tied: bool,
    features: tf.Tensor,
    labels: tf.Tensor,
    at_steps: Sequence[int],
    rates: tf.Tensor | None = None,
) -> list[HeadWeights]:
    """The head after each of S numbers of steps: what `InnerLoop.trajectory` does to it.

    Args:
        inner: how a step is made.
        start: the head of every task, kernel [D, C] and bias [C].
        tied: whether all its neurons are equal.
        features: of the support images, [..., C·K, D]; leading axes are tasks.
        labels: [..., C·K].
        at_steps: S numbers ≥ 0, ascending.
        rates: learned ones [U, P], the last two the kernel's and the bias's; None: α.

    Returns:
        S times kernel [..., D, C] and bias [..., C].
    """

    def step(taken: tf.Tensor | int, head: HeadWeights) -> HeadWeights:
        return _step(inner, head, features, labels, rates_at(rates, taken))

    tasks = tf.shape(features)[:-2]
    head = HeadWeights(*(tf.broadcast_to(w, tf.concat([tasks, tf.shape(w)], 0)) for w in start))
    heads, taken = [], 0
    for wanted in at_steps:
        if taken == 0 < wanted and inner.is_exact_start(tied):
            head, taken = inner.exact_first_step(head, features, labels, rates), 1
        head, taken = _repeated(step, head, taken, wanted), wanted
        heads.append(head)
    return heads


def _repeated(
    step: Callable[[tf.Tensor | int, HeadWeights], HeadWeights],
    head: HeadWeights,
    taken: int,
    wanted: int,
) -> HeadWeights:
    """The head after `wanted` steps, given that after `taken`."""
    if wanted - taken <= UNROLLED:
        for number in range(taken, wanted):
            head = step(number, head)
        return head
    return tf.while_loop(
        lambda number, _: number < wanted,
        lambda number, head: (number + 1, step(number, head)),
        (tf.constant(taken), head),
    )[1]


def _step(
    inner: InnerLoop,
    head: HeadWeights,
    features: tf.Tensor,
    labels: tf.Tensor,
    rates: tf.Tensor | None,
) -> HeadWeights:
    with tf.GradientTape() as tape:
        tape.watch(list(head))
        # A sum over tasks, each of which has neurons of its own.
        loss = tf.reduce_sum(inner.support_loss(labels, head.logits(features)))
    gradients = tape.gradient(loss, list(head))
    if inner.first_order:
        gradients = [tf.stop_gradient(gradient) for gradient in gradients]
    steps = zip(head, gradients, inner.each(rates, 2), strict=True)
    return HeadWeights(*(weight - rate * gradient for weight, gradient, rate in steps))
