"""The inner loop of a head alone, on features that stay as they are: for many tasks at once."""

from __future__ import annotations

from collections.abc import Iterator

import tensorflow as tf

from hidra_tf.adaptation import InnerLoop, rates_at
from hidra_tf.heads import HeadWeights


def head_trajectory(
    inner: InnerLoop,
    start: HeadWeights,
    tied: bool,
    features: tf.Tensor,
    labels: tf.Tensor,
    steps: int,
    rates: tf.Tensor | None = None,
) -> Iterator[HeadWeights]:
    """Yields the head after 0, 1, … `steps` steps: what `InnerLoop.trajectory` does to it.

    Args:
        inner: how a step is made.
        start: the head of every task, kernel [D, C] and bias [C].
        tied: whether all its neurons are equal.
        features: of the support images, [T, C·K, D].
        labels: [T, C·K].
        steps: how many.
        rates: learned ones [U, P], the last two the kernel's and the bias's; None: α.

    Yields:
        Kernel [T, D, C] and bias [T, C].
    """
    tasks = tf.shape(features)[:1]
    head = HeadWeights(*(tf.broadcast_to(w, tf.concat([tasks, tf.shape(w)], 0)) for w in start))
    yield head
    for step in range(steps):
        if step == 0 and inner.is_exact_start(tied):
            head = inner.exact_first_step(head, features, labels, rates)
        else:
            head = _step(inner, head, features, labels, rates_at(rates, step))
        yield head


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
