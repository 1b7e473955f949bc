"""Gradient steps of a backbone and a head on the support set of one task."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from hidra_tf.adaptation.steps import Rates, rates_at, recomputed
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.neurons import HeadWeights

# The head of a task before a step, support features and labels → the head after the step.
# A head that is made from the support set replaces that of the initialization in the same way.
HeadStep = Callable[[HeadWeights, tf.Tensor, tf.Tensor], HeadWeights]


class TaskWeights(NamedTuple):
    """All weights of one task: `backbone` θ in the order of its variables, and the `head`."""

    backbone: list[tf.Tensor]
    head: HeadWeights


@dataclass(frozen=True)
class Descent:
    """One task's support set, and how a step on it is made.

    Attributes:
        backbone: the backbone f.
        images: support images [C·K, H, W, channels].
        labels: integers [C·K].
        rates: learned rates of the P weights that move (`steps.Rates`), the head's last; or None.
        loss: labels [C·K] and logits [C·K, C] → the loss, a scalar, that a step goes down.
        descend: weights, their gradients, and the learned rates of this step or None → the weights
            after the step.
    """

    backbone: Backbone
    images: tf.Tensor
    labels: tf.Tensor
    rates: Rates | None
    loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    descend: Callable[[Sequence[tf.Tensor], Sequence[tf.Tensor], Rates | None], list[tf.Tensor]]

    def begin(
        self, start: TaskWeights, change: HeadStep, taken: int, last: int
    ) -> Iterator[TaskWeights]:
        """Yields the weights after a change of the head alone, and after the next step.

        The change does not move the backbone, so the next step differentiates the same features.

        Args:
            start: the initialization.
            change: makes another head of that of `start`, from features.
            taken: the number of steps that the change counts for: 1 for a first step, 0 for a head
                that is made before the first step.
            last: how many steps are made, of which no more than `taken` + 1 are made here.
        """
        with tf.GradientTape() as tape:
            tape.watch(self._moving(start))
            features, _ = self.backbone.support_features(start.backbone, self.images)
            with tape.stop_recording():
                head = change(start.head, features, self.labels)
            tape.watch(list(head))
            loss = self.loss(self.labels, head.logits(features))
        weights = TaskWeights(start.backbone, head)
        yield weights
        if last > taken:
            yield self._moved(tape, loss, weights, rates_at(self.rates, taken))

    def step(self, taken: tf.Tensor | int, weights: TaskWeights) -> TaskWeights:
        """The weights after one more step than the `taken` ones."""
        with tf.GradientTape() as tape:
            tape.watch(self._moving(weights))
            features, _ = self.backbone.support_features(weights.backbone, self.images)
            loss = self.loss(self.labels, weights.head.logits(features))
        return self._moved(tape, loss, weights, rates_at(self.rates, taken))

    def recomputed_step(self, taken: tf.Tensor | int, weights: TaskWeights) -> TaskWeights:
        """The same step, which a meta-gradient computes again instead of keeping it in memory."""
        learned = [] if self.rates is None else tf.nest.flatten(self.rates)

        # All that is differentiated is an argument: recomputing would miss what is captured.
        def step(*flat: tf.Tensor) -> list[tf.Tensor]:
            given, before = flat[: len(learned)], flat[len(learned) :]
            rates = tf.nest.pack_sequence_as(self.rates, given) if learned else None
            after = dataclasses.replace(self, rates=rates).step(taken, _unflatten(before))
            return [*after.backbone, *after.head]

        return _unflatten(recomputed(step)(*learned, *weights.backbone, *weights.head))

    def _moving(self, weights: TaskWeights) -> list[tf.Tensor]:
        """The weights that a step moves, the head's last."""
        adapted = zip(weights.backbone, self.backbone.adapted, strict=True)
        return [*(w for w, moves in adapted if moves), *weights.head]

    def _moved(
        self, tape: tf.GradientTape, loss: tf.Tensor, weights: TaskWeights, rates: Rates | None
    ) -> TaskWeights:
        """The weights after a step down the loss that a tape recorded."""
        moving = self._moving(weights)
        # Weights that the loss does not reach stay where they are, as in the outer loop.
        gradients = tape.gradient(loss, moving, unconnected_gradients="zero")
        moved = iter(self.descend(moving, gradients, rates))
        adapted = zip(weights.backbone, self.backbone.adapted, strict=True)
        stepped = [next(moved) if moves else weight for weight, moves in adapted]
        return TaskWeights(stepped, HeadWeights(*moved))


def _unflatten(flat: Sequence[tf.Tensor]) -> TaskWeights:
    """The inverse of writing the backbone's weights, then the head's, into one list."""
    *backbone, kernel, bias = flat
    return TaskWeights(backbone, HeadWeights(kernel, bias))
