"""ANIL: the inner loop adapts the head only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from data_gen.episodes import Episodes
from hidra_tf.adaptation.head_steps import heads_at
from hidra_tf.backbones.backbone import Backbone, adapting
from hidra_tf.heads.neurons import HeadWeights
from hidra_tf.methods.frozen import FrozenFeatures
from hidra_tf.methods.gradient import GradientMethod
from hidra_tf.methods.interface import Predictions
from hidra_tf.methods.objective import PREDICTION, Objective


class Anil(FrozenFeatures, GradientMethod):
    """Almost No Inner Loop: MAML whose steps move the head alone.

    Raghu, Raghu, Bengio and Vinyals (2020), https://arxiv.org/abs/1909.09157. The backbone is
    meta-learned through the features that the steps use, and these are the same at every step: no
    weights per task, and no second derivative of the backbone. With a tied head it takes any number
    of ways.

    Example:
        >>> from hidra_tf import Anil, Backbone, FixedHead, InnerLoop, conv4
        >>> backbone = Backbone(conv4((28, 28, 1), filters=8), norm="affine")
        >>> inner = InnerLoop(steps=5, learning_rate=0.1)
        >>> method = Anil(backbone=backbone, inner=inner, head=FixedHead.of(backbone, ways=5))
        >>> method.needs_features_only(at_steps=(5,))
        True

    Args:
        backbone: the backbone f with its weights θ.
        **settings: the other arguments of `GradientMethod`.
    """

    def __init__(self, *, backbone: Backbone, **settings: Any) -> None:  # noqa: ANN401
        GradientMethod.__init__(self, backbone=adapting(backbone, False), **settings)

    def solve_features(
        self, episodes: Episodes, at_steps: Sequence[int], objective: Objective
    ) -> Predictions:
        """Predictions for T tasks from features, by steps of the head, all of which are free."""
        start = self.head.initial(episodes.ways)
        features, labels = episodes.support_images, episodes.support_labels
        first, *heads = self._heads(start, features, labels, (0, *at_steps), objective)
        return self.answers(episodes, first, heads)

    def task_head(
        self, features: tf.Tensor, labels: tf.Tensor, ways: tf.Tensor | int, steps: int
    ) -> HeadWeights:
        """The output layer of one task after steps of the head; see `Method`."""
        start = self.head.initial(ways)
        return self._heads(start, features, labels, (steps,), PREDICTION)[0]

    def _heads(
        self,
        start: HeadWeights,
        features: tf.Tensor,
        labels: tf.Tensor,
        at_steps: Sequence[int],
        objective: Objective,
    ) -> list[HeadWeights]:
        """The heads after each of S numbers of steps; see `head_steps.heads_at`."""
        rates, derivatives = self.learned_rates(), objective.derivatives
        tied = self.head.tied
        return heads_at(self.inner, start, tied, features, labels, at_steps, rates, derivatives)
