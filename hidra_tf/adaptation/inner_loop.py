"""The inner loop: a backbone and a head adapt to the support set of one task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from hidra_tf.adaptation import closed_form
from hidra_tf.adaptation.losses import LOSSES
from hidra_tf.adaptation.steps import rates_at, recomputed, states_at
from hidra_tf.backbones.backbone import Backbone, Statistics
from hidra_tf.heads.neurons import HeadWeights


class TaskWeights(NamedTuple):
    """All weights of one task: `backbone` θ in the order of its variables, and the `head`."""

    backbone: list[tf.Tensor]
    head: HeadWeights


@dataclass(frozen=True)
class InnerLoop:
    """How a task is learned: U steps of SGD, θ′ ← θ′ − α∇L_support (equation 2.1).

    Attributes:
        steps: U ≥ 0.
        learning_rate: α.
        first_order: meta-gradients ignore how a step depends on where it started.
        exact: take the first step of a tied head in closed form, which changes no number.
        recompute: keep only the weights between two steps for the meta-gradient, and compute each
            step again when its turn comes: more time, but activations of one step in memory
            instead of all steps'. Changes no number.
        loss: a key of `losses.LOSSES`.
        reduction: of the support loss: `mean` over its C·K images, the papers', which makes a
            neuron's step shrink as 1/C; or `per_class`, the sum over classes of the mean over
            shots, which does not.
        learn_rates: learn a rate for every weight and step, which start at α; see `rates`.
        multi_step_loss: meta-updates over which the query loss is taken after every step; see
            `annealing`.
        second_order_after: meta-updates that ignore second derivatives, before those that do not.
        differentiated: whether anybody differentiates through the steps. Where nobody does, many
            of them run in a loop, which changes no number.
    """

    steps: int
    learning_rate: float
    first_order: bool = False
    exact: bool = True
    recompute: bool = False
    loss: str = "softmax"
    reduction: str = "mean"
    learn_rates: bool = False
    multi_step_loss: int = 0
    second_order_after: int = 0
    differentiated: bool = True

    def trajectory(
        self,
        backbone: Backbone,
        start: TaskWeights,
        tied: bool,
        images: tf.Tensor,
        labels: tf.Tensor,
        at_steps: Sequence[int],
        rates: tf.Tensor | None = None,
    ) -> list[TaskWeights]:
        """The weights after each of S numbers of steps.

        Args:
            backbone: f.
            start: the initialization, shared by all tasks.
            tied: whether all neurons of `start.head` are equal.
            images: support images [C·K, H, W, channels].
            labels: [C·K] integers.
            at_steps: S numbers ≥ 0, ascending; need not be the number used in training.
            rates: learned ones [U, P] of the P weights that move, the head's last; None: α.
        """

        def step(taken: tf.Tensor | int, weights: TaskWeights) -> TaskWeights:
            return self._next(backbone, weights, images, labels, rates_at(rates, taken))

        known, last = [start], max(at_steps)
        if self.is_exact_start(tied) and last > 0:
            # Sharing features between two steps would keep the activations of both.
            shared = 1 if self.recompute else last
            known.extend(self._exact_start(backbone, start, images, labels, shared, rates))
        # TensorFlow cannot differentiate a loop whose steps are computed again.
        return states_at(at_steps, known, step, loops=not self.differentiated)

    def is_exact_start(self, tied: bool) -> bool:
        """Whether the first step is taken in closed form: for equal neurons under a softmax."""
        return tied and self.exact and self.loss == "softmax"

    def support_loss(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """What a step goes down: labels [C·K], logits [C·K, C] → a scalar."""
        factor = self._factor(tf.shape(logits)[-1], logits.dtype)
        return factor * LOSSES[self.loss](labels, logits)

    def exact_first_step(
        self,
        head: HeadWeights,
        features: tf.Tensor,
        labels: tf.Tensor,
        rates: tf.Tensor | None = None,
    ) -> HeadWeights:
        """A tied head after its first step; see `closed_form.first_step` for the shapes."""
        factor = self._factor(tf.shape(head.bias)[-1], features.dtype)
        kernel_rate, bias_rate = self.each(rates_at(rates, 0), 2)
        return closed_form.first_step(
            head, features, labels, (kernel_rate * factor, bias_rate * factor), self.first_order
        )

    def each(self, rates: tf.Tensor | None, count: int) -> list[tf.Tensor | float]:
        """The rates of the last `count` weights that move: α, or of one step's `rates` [P]."""
        if rates is None:
            return [self.learning_rate] * count
        return tf.unstack(rates)[-count:]

    def step_size(self, ways: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
        """What a tied head's first step multiplies differences of class means by: α/C."""
        return self.learning_rate * self._factor(ways, dtype) / tf.cast(ways, dtype)

    def _factor(self, ways: tf.Tensor, dtype: tf.DType) -> tf.Tensor | float:
        """From a mean over images to the asked reduction; all classes have K images."""
        return 1.0 if self.reduction == "mean" else tf.cast(ways, dtype)

    def _exact_start(
        self,
        backbone: Backbone,
        start: TaskWeights,
        images: tf.Tensor,
        labels: tf.Tensor,
        steps: int,
        rates: tf.Tensor | None,
    ) -> Iterator[TaskWeights]:
        """Yields the weights after the first step, and after the second if there is one.

        The first does not move the backbone, so the second differentiates the same features.
        """
        with tf.GradientTape() as tape:
            tape.watch(_moving(backbone, start))
            features, _ = backbone.support_features(start.backbone, images)
            with tape.stop_recording():
                head = self.exact_first_step(start.head, features, labels, rates)
            tape.watch(list(head))
            loss = self.support_loss(labels, head.logits(features))
        weights = TaskWeights(start.backbone, head)
        yield weights
        if steps > 1:
            gradients = tape.gradient(loss, _moving(backbone, weights))
            yield self._moved(backbone, weights, gradients, rates_at(rates, 1))

    def _next(
        self,
        backbone: Backbone,
        weights: TaskWeights,
        images: tf.Tensor,
        labels: tf.Tensor,
        rates: tf.Tensor | None,
    ) -> TaskWeights:
        """The weights after one more step."""
        learned = () if rates is None else (rates,)

        # All that is differentiated is an argument: recomputing would miss what is captured.
        def step(*flat: tf.Tensor) -> list[tf.Tensor]:
            own, weights = (flat[0], flat[1:]) if learned else (None, flat)
            stepped = self._sgd_step(backbone, _unflatten(weights), images, labels, own)
            return [*stepped.backbone, *stepped.head]

        if self.recompute:
            step = recomputed(step)
        return _unflatten(step(*learned, *weights.backbone, *weights.head))

    def _sgd_step(
        self,
        backbone: Backbone,
        weights: TaskWeights,
        images: tf.Tensor,
        labels: tf.Tensor,
        rates: tf.Tensor | None,
    ) -> TaskWeights:
        moving = _moving(backbone, weights)
        with tf.GradientTape() as tape:
            tape.watch(moving)
            features, _ = backbone.support_features(weights.backbone, images)
            loss = self.support_loss(labels, weights.head.logits(features))
        return self._moved(backbone, weights, tape.gradient(loss, moving), rates)

    def _moved(
        self,
        backbone: Backbone,
        weights: TaskWeights,
        gradients: list[tf.Tensor],
        rates: tf.Tensor | None,
    ) -> TaskWeights:
        """The weights moved by SGD; `gradients` of those that `_moving` lists."""
        if self.first_order:
            gradients = [tf.stop_gradient(g) for g in gradients]
        moving = _moving(backbone, weights)
        steps = zip(moving, gradients, self.each(rates, len(moving)), strict=True)
        moved = iter([weight - rate * gradient for weight, gradient, rate in steps])
        stepped = [
            next(moved) if adapted else w
            for w, adapted in zip(weights.backbone, backbone.adapted, strict=True)
        ]
        return TaskWeights(stepped, HeadWeights(*moved))


def _moving(backbone: Backbone, weights: TaskWeights) -> list[tf.Tensor]:
    """The weights that the inner loop moves, the head's last."""
    adapted = zip(weights.backbone, backbone.adapted, strict=True)
    return [*(w for w, moves in adapted if moves), *weights.head]


def _unflatten(flat: Sequence[tf.Tensor]) -> TaskWeights:
    """The inverse of writing the backbone's weights, then the head's, into one list."""
    *backbone, kernel, bias = flat
    return TaskWeights(backbone, HeadWeights(kernel, bias))


def query_logits(
    backbone: Backbone, weights: TaskWeights, support_images: tf.Tensor, query_images: tf.Tensor
) -> tf.Tensor:
    """Logits [C·Q, C] of query images under adapted weights.

    The support images are looked at again only where the queries are normalised by their
    statistics (`norm="support"`), which change with the weights.
    """
    statistics: Statistics = None
    if backbone.norm == "support":
        _, statistics = backbone.support_features(weights.backbone, support_images)
    features = backbone.query_features(weights.backbone, query_images, statistics)
    return weights.head.logits(features)
