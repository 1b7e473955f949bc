"""Transfer learning: a classifier of all training classes, and a new head for every task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from data_gen.episodes import Episodes
from hidra_tf.adaptation.head_sgd import HeadSgd
from hidra_tf.adaptation.head_steps import heads_at
from hidra_tf.adaptation.head_training import NewHead
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.neurons import FixedHead, HeadWeights, ZeroHead
from hidra_tf.methods.objective import PREDICTION, Objective
from hidra_tf.methods.transfer import TransferMethod


class Finetune(TransferMethod):
    """The "Baseline" of Chen, Liu, Kira, Wang and Huang (2019).

    Trained without tasks, on minibatches of pictures and the classes of the whole pool. A task
    then has a new linear head trained on its support set, on frozen features, by `inner.steps`
    passes over it. The new head begins at zero (theirs at random): the problem is convex, and so
    the order of the classes changes nothing. By itself a pass is one gradient step on the whole
    support set; `HeadSgd` gives it the published momentum, weight decay and minibatches. See
    https://arxiv.org/abs/1904.04232.

    Example:
        >>> from hidra_tf import Backbone, Finetune, FixedHead, InnerLoop, conv4
        >>> backbone = Backbone(conv4((28, 28, 1), filters=8), norm="affine")
        >>> classifier = FixedHead.of(backbone, ways=64)
        >>> inner = InnerLoop(steps=100, learning_rate=0.01)
        >>> Finetune(backbone=backbone, inner=inner, classifier=classifier).variables[-1].shape
        TensorShape([8, 64])

    Args:
        backbone: the backbone f with its weights θ.
        **settings: the other arguments of `TransferMethod`.
    """

    classifier_class = FixedHead

    def __init__(self, *, backbone: Backbone, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(backbone=backbone, **settings)
        self.head = ZeroHead.of(backbone)

    def task_head(
        self, features: tf.Tensor, labels: tf.Tensor, ways: tf.Tensor | int, steps: int
    ) -> HeadWeights:
        """The output layer of one task after some passes; see `Method`."""
        arrays = (features, labels, features, labels)
        task = Episodes(*(array[tf.newaxis] for array in arrays), ways)
        (head,) = self.new_heads(task, (steps,), PREDICTION)
        return HeadWeights(*(weights[0] for weights in head))

    def new_heads(
        self, episodes: Episodes, at_steps: Sequence[int], objective: Objective
    ) -> Sequence[NewHead]:
        """Kernels [T, D, C] and biases [T, C], from zero; see `TransferMethod`."""
        features, labels = episodes.support_images, episodes.support_labels
        start = self.head.initial(episodes.ways)
        if self.training.sgd != HeadSgd():
            start = start.for_each(tf.shape(features)[:-2])
            return self.training.heads_at(start, features, labels, at_steps)
        return heads_at(
            self.inner,
            start,
            self.head.tied,
            features,
            labels,
            at_steps,
            derivatives=objective.derivatives,
        )
