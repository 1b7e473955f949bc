"""The inner loop: a backbone and a head adapt to the support set of one task."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import tensorflow as tf

from hidra_tf.adaptation import closed_form
from hidra_tf.adaptation.class_balance import balanced
from hidra_tf.adaptation.descent import Descent, HeadStep, TaskWeights
from hidra_tf.adaptation.losses import Loss, loss_function
from hidra_tf.adaptation.step_norms import StepNorms
from hidra_tf.adaptation.steps import Derivatives, Rates, rates_at, states_at
from hidra_tf.backbones.backbone import Backbone, Statistics
from hidra_tf.heads.neurons import HeadWeights
from hidra_tf.options import REDUCTIONS, check_choice, check_count, check_positive


@dataclass(frozen=True)
class InnerLoop:
    """How a task is learned: U steps of SGD, θ′ ← θ′ − α∇L_support (equation 2.1 of HIDRA).

    The inner loop of MAML (Finn et al., 2017, https://arxiv.org/abs/1703.03400).

    Example:
        >>> from hidra_tf import InnerLoop
        >>> InnerLoop(steps=5, learning_rate=0.01).learning_rate
        0.01
        >>> InnerLoop(steps=-1, learning_rate=0.01)
        Traceback (most recent call last):
        ValueError: steps: expected an integer of at least 0; received -1

    Attributes:
        steps: the number U ≥ 0 of steps in meta-training.
        learning_rate: the rate α > 0 of a step.
        exact: whether the first step of a tied head is taken in closed form under the softmax,
            which changes no number.
        recompute: whether a meta-gradient keeps only the weights between two steps and computes
            each step again when its turn comes: more time, but the activations of one step in
            memory instead of all steps'. Changes no number.
        loss: `softmax` or `sigmoid`, see `losses.LOSSES`; or a function of your own, of labels
            [..., N] and logits [..., N, C], that returns the mean loss [...] over the N images.
        reduction: how the support loss is reduced: `mean` over its C·K images, the papers', which
            makes a neuron's step shrink as 1/C; or `per_class`, the sum over classes of the mean
            over shots, which does not. Under both, all classes weigh the same even if they have
            unequal numbers of images; see `class_balance`.

    Raises:
        ValueError: if a value is out of range, or a name unknown.
    """

    steps: int
    learning_rate: float
    exact: bool = True
    recompute: bool = False
    loss: str | Loss = "softmax"
    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_count("steps", self.steps, 0)
        check_positive("learning_rate", self.learning_rate)
        check_choice("reduction", self.reduction, REDUCTIONS)
        loss_function(self.loss)

    def trajectory(
        self,
        backbone: Backbone,
        start: TaskWeights,
        tied: bool,
        images: tf.Tensor,
        labels: tf.Tensor,
        at_steps: Sequence[int],
        rates: Rates | None = None,
        derivatives: Derivatives = Derivatives.SECOND,
        first_step: HeadStep | None = None,
        first_head: HeadStep | None = None,
        norms: StepNorms | None = None,
    ) -> list[TaskWeights]:
        """The weights after each of S numbers of steps.

        Args:
            backbone: the backbone f.
            start: the initialization, shared by all tasks.
            tied: whether all neurons of `start.head` are equal.
            images: support images [C·K, H, W, channels].
            labels: integers [C·K].
            at_steps: S numbers ≥ 0, ascending; need not be the number used in training.
            rates: learned rates of the P weights that move, the head's last, for each step: see
                `steps.Rates`; without them all weights move by `learning_rate`.
            derivatives: which derivatives of the steps a meta-gradient takes.
            first_step: moves the head, from features, in place of the first step.
            first_head: makes the head that the task starts out with, from features under the
                initial weights, in place of `start.head`.
            norms: γ and β of every step; None where all steps have those of `start`.
        """
        descend = functools.partial(self.descended, derivatives=derivatives)
        descent = Descent(backbone, images, labels, rates, self.support_loss, descend)
        known, last = [start], max(at_steps)
        change, taken = (first_step, 1) if first_head is None else (first_head, 0)
        if change is None and self.is_exact_start(tied):
            change = functools.partial(self.exact_first_step, rates=rates, derivatives=derivatives)
        if change is not None and last >= taken:
            # Sharing features between two steps would keep the activations of both.
            shared = taken if self.recompute or norms else last
            known[taken:] = descent.begin(start, change, taken, shared)
        step = descent.recomputed_step if self.recompute else descent.step
        if norms is not None:
            # The weights are given to a step with its own γ and β, which are then among what is
            # differentiated where the step is computed again.
            step = functools.partial(_with_norms, norms, step)
        if derivatives is Derivatives.NONE:
            found = states_at(at_steps, known, step)
        else:
            # No loop: TensorFlow cannot differentiate one whose steps are computed again.
            for number in range(len(known) - 1, last):
                known.append(step(number, known[-1]))
            found = [known[steps] for steps in at_steps]
        if norms is None:
            return found
        return [norms.for_queries(*pair) for pair in zip(found, at_steps, strict=True)]

    def is_exact_start(self, tied: bool) -> bool:
        """Whether the first step is taken in closed form: for equal neurons under a softmax."""
        return tied and self.exact and self.loss == "softmax"

    def mean_loss(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """The loss, its mean [...] over images: labels [..., N], logits [..., N, C]."""
        return loss_function(self.loss)(labels, logits)

    def support_loss(
        self, labels: tf.Tensor, logits: tf.Tensor, weights: tf.Tensor | None = None
    ) -> tf.Tensor:
        """What a step goes down: labels [..., C·K], logits [..., C·K, C] → [...].

        The `weights` [..., C·K] are those of `class_balance`, for a part of a support set.
        """
        loss = balanced(loss_function(self.loss), labels, logits, weights)
        return self._factor(tf.shape(logits)[-1], logits.dtype) * loss

    def exact_first_step(
        self,
        head: HeadWeights,
        features: tf.Tensor,
        labels: tf.Tensor,
        rates: Rates | None = None,
        derivatives: Derivatives = Derivatives.SECOND,
    ) -> HeadWeights:
        """A tied head after its first step; see `closed_form.first_step` for the shapes."""
        factor = self._factor(tf.shape(head.bias)[-1], features.dtype)
        kernel_rate, bias_rate = self.each(rates_at(rates, 0), 2)
        pair = (kernel_rate * factor, bias_rate * factor)
        first_order = derivatives is Derivatives.FIRST
        return closed_form.first_step(head, features, labels, pair, first_order)

    def each(self, rates: Rates | None, count: int) -> list[tf.Tensor | float]:
        """The rates of the last `count` weights that move: α, or of one step's `rates`."""
        if rates is None:
            return [self.learning_rate] * count
        return (tf.unstack(rates) if tf.is_tensor(rates) else list(rates))[-count:]

    def descended(
        self,
        weights: Sequence[tf.Tensor],
        gradients: Sequence[tf.Tensor],
        rates: Rates | None,
        derivatives: Derivatives = Derivatives.SECOND,
    ) -> list[tf.Tensor]:
        """Weights after a step of SGD, w − α·g, by α or by one step's learned `rates`."""
        if derivatives is Derivatives.FIRST:
            gradients = [tf.stop_gradient(gradient) for gradient in gradients]
        steps = zip(weights, gradients, self.each(rates, len(weights)), strict=True)
        return [weight - rate * gradient for weight, gradient, rate in steps]

    def step_size(self, ways: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
        """What a tied head's first step multiplies differences of class means by: α/C."""
        return self.learning_rate * self._factor(ways, dtype) / tf.cast(ways, dtype)

    def _factor(self, ways: tf.Tensor, dtype: tf.DType) -> tf.Tensor | float:
        """The factor from a mean over classes to the reduction."""
        return 1.0 if self.reduction == "mean" else tf.cast(ways, dtype)


def _with_norms(
    norms: StepNorms,
    step: Callable[[tf.Tensor | int, TaskWeights], TaskWeights],
    taken: tf.Tensor | int,
    weights: TaskWeights,
) -> TaskWeights:
    """A step from weights that have γ and β of that step."""
    return step(taken, norms.for_support(weights, taken))


def query_logits(
    backbone: Backbone, support_images: tf.Tensor, query_images: tf.Tensor, weights: TaskWeights
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
