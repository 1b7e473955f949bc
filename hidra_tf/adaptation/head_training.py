"""Training of a new head for each of many tasks, on features that stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import tensorflow as tf

from hidra_tf.adaptation.class_balance import picture_weights
from hidra_tf.adaptation.head_sgd import HeadSgd
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.adaptation.steps import states_at
from hidra_tf.seeds import derive


class NewHead(Protocol):
    """The head of each of some tasks: a named tuple of tensors with the tasks' leading axes."""

    def logits(self, features: tf.Tensor) -> tf.Tensor:
        """Features [..., N, D] → logits [..., N, C]."""


class _State(NamedTuple):
    """What training changes: the head's tensors, and the momentum of each."""

    weights: tuple[tf.Tensor, ...]
    momenta: tuple[tf.Tensor, ...]


@dataclass(frozen=True)
class HeadTraining:
    """Trains new heads by SGD with momentum; nothing is differentiated through it.

    With the gradient g of the support loss at the weights w, an update is that of PyTorch's SGD:

        g ← g + λw,    b ← g at the first update, μb + (1 − τ)g later,    w ← w − αb

    A step is a pass over the support set. Where it is made in minibatches, these are consecutive
    parts of the support set in an order that is drawn anew for each pass, as a function of the
    seed and the number of the pass. All tasks have the same order of places, so that no task's
    result depends on what it is computed with.

    Attributes:
        inner: the learning rate α and the support loss.
        sgd: μ, τ, λ and the size of a minibatch.
        seed: the seed of the orders.
    """

    inner: InnerLoop
    sgd: HeadSgd
    seed: int = 0

    def heads_at(
        self, start: NewHead, features: tf.Tensor, labels: tf.Tensor, at_steps: Sequence[int]
    ) -> list[NewHead]:
        """The head after each of S numbers of passes.

        Args:
            start: the head of every task before its training.
            features: features of the support images, [..., N, D]; leading axes are tasks.
            labels: integers [..., N].
            at_steps: S numbers ≥ 0, ascending.
        """
        make = type(start)

        ways = tf.shape(start.logits(features))[-1]
        # Of the whole support set, since a minibatch may have few pictures of a class by chance.
        shares = picture_weights(labels, ways, features.dtype)

        def loss(weights: Sequence[tf.Tensor], rows: tf.Tensor | None) -> tf.Tensor:
            x, y, w = features, labels, shares
            if rows is not None:
                x, y = tf.gather(x, rows, axis=-2), tf.gather(y, rows, axis=-1)
                w = tf.gather(w, rows, axis=-1)
            # A sum over tasks, each of which has neurons of its own.
            return tf.reduce_sum(self.inner.support_loss(y, make(*weights).logits(x), w))

        def step(taken: tf.Tensor | int, state: _State) -> _State:
            return self._pass(tf.convert_to_tensor(taken), state, tf.shape(features)[-2], loss)

        begin = _State(tuple(start), tuple(tf.zeros_like(weight) for weight in start))
        return [make(*state.weights) for state in states_at(at_steps, [begin], step)]

    def order(self, taken: tf.Tensor | int, images: tf.Tensor | int) -> tf.Tensor:
        """The order [N] of the places of N images in the pass after `taken` ones."""
        seed = tf.stack([derive(self.seed, "head_batches"), taken])
        draw = tf.random.stateless_uniform([images], seed, alg="philox")
        return tf.argsort(draw, stable=True)

    def _pass(
        self,
        taken: tf.Tensor,
        state: _State,
        images: tf.Tensor,
        loss: Callable[[Sequence[tf.Tensor], tf.Tensor | None], tf.Tensor],
    ) -> _State:
        """The state after one more pass than the `taken` ones over N = `images`."""
        if not self.sgd.batch:
            return self._updated(state, taken == 0, lambda weights: loss(weights, None))
        order = self.order(taken, images)

        def minibatch(first: tf.Tensor, state: _State) -> tuple[tf.Tensor, _State]:
            after = first + self.sgd.batch
            rows, begins = order[first:after], (taken == 0) & (first == 0)
            return after, self._updated(state, begins, lambda weights: loss(weights, rows))

        start = (tf.constant(0), state)
        return tf.while_loop(lambda first, _: first < images, minibatch, start)[1]

    def _updated(
        self, state: _State, begins: tf.Tensor, loss: Callable[[Sequence[tf.Tensor]], tf.Tensor]
    ) -> _State:
        """The state after one update; `begins` says whether it is the first."""
        weights, momenta = state
        with tf.GradientTape() as tape:
            tape.watch(weights)
            value = loss(weights)
        slopes = tape.gradient(value, weights, unconnected_gradients="zero")
        slopes = [g + self.sgd.decay * w for g, w in zip(slopes, weights, strict=True)]
        dampening = self.sgd.dampening if self.sgd.momentum else 0.0
        share = tf.where(begins, tf.ones((), value.dtype), 1 - dampening)
        momenta = [self.sgd.momentum * b + share * g for b, g in zip(momenta, slopes, strict=True)]
        moved = [w - self.inner.learning_rate * b for w, b in zip(weights, momenta, strict=True)]
        # The loop over minibatches wants to know that no shape changes.
        return _State(*(_like(new, weights) for new in (moved, momenta)))


def _like(tensors: Sequence[tf.Tensor], others: Sequence[tf.Tensor]) -> tuple[tf.Tensor, ...]:
    """The same tensors, said to have the shapes of others."""
    return tuple(tf.ensure_shape(t, o.shape) for t, o in zip(tensors, others, strict=True))
