"""The inner loop: a backbone and a head adapt to the support set of one task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from hidra_tf import closed_form
from hidra_tf.backbones import Backbone, Statistics
from hidra_tf.heads import HeadWeights


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
    """

    steps: int
    learning_rate: float
    first_order: bool = False
    exact: bool = True

    def trajectory(
        self,
        backbone: Backbone,
        start: TaskWeights,
        tied: bool,
        images: tf.Tensor,
        labels: tf.Tensor,
        steps: int,
    ) -> Iterator[TaskWeights]:
        """Yields the weights after 0, 1, … `steps` steps.

        Args:
            backbone: f.
            start: the initialization, shared by all tasks.
            tied: whether all neurons of `start.head` are equal.
            images: support images [C·K, H, W, channels].
            labels: [C·K] integers.
            steps: how many; needs not be the number used in training.
        """
        weights = start
        yield weights
        for step in range(steps):
            if step == 0 and tied and self.exact:
                weights = self._exact_first_step(backbone, weights, images, labels)
            else:
                weights = self._sgd_step(backbone, weights, images, labels)
            yield weights

    def _exact_first_step(
        self, backbone: Backbone, weights: TaskWeights, images: tf.Tensor, labels: tf.Tensor
    ) -> TaskWeights:
        features, _ = backbone.support_features(weights.backbone, images)
        head = closed_form.first_step(
            weights.head, features, labels, self.learning_rate, self.first_order
        )
        return TaskWeights(weights.backbone, head)

    def _sgd_step(
        self, backbone: Backbone, weights: TaskWeights, images: tf.Tensor, labels: tf.Tensor
    ) -> TaskWeights:
        moving = [
            w for w, adapted in zip(weights.backbone, backbone.adapted, strict=True) if adapted
        ]
        moving.extend(weights.head)
        with tf.GradientTape() as tape:
            tape.watch(moving)
            features, _ = backbone.support_features(weights.backbone, images)
            loss = cross_entropy(labels, weights.head.logits(features))
        gradients = tape.gradient(loss, moving)
        if self.first_order:
            gradients = [tf.stop_gradient(g) for g in gradients]
        moved = iter([w - self.learning_rate * g for w, g in zip(moving, gradients, strict=True)])
        stepped = [
            next(moved) if adapted else w
            for w, adapted in zip(weights.backbone, backbone.adapted, strict=True)
        ]
        return TaskWeights(stepped, HeadWeights(*moved))


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


def cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Softmax cross-entropy, the mean [...] over images: labels [..., N], logits [..., N, C]."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    return tf.reduce_mean(losses, axis=-1)


def accuracy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Share of images [...] whose largest logit is their label's: labels [..., N]."""
    hits = tf.equal(tf.argmax(logits, -1, output_type=labels.dtype), labels)
    return tf.reduce_mean(tf.cast(hits, logits.dtype), axis=-1)
