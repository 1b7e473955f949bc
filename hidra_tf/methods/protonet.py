"""Prototypical networks: a query belongs to the nearest class mean."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from data_gen.episodes import Episodes
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone, adapting
from hidra_tf.heads.neurons import ZeroHead
from hidra_tf.methods.base import Predictions
from hidra_tf.methods.frozen import FrozenFeatures


class ProtoNet(FrozenFeatures):
    """Prototypical Networks (Snell, Swersky and Zemel, 2017), for any number of ways.

        p_c = 1/K Σ_{i: y_i = c} f(x_i),    logits_c(x) = −‖f(x) − p_c‖²

    There are no inner steps: whatever number is asked for, the logits are these.

    Args:
        backbone: f_θ.
        inner: says with which loss; its steps are not taken.
        seed: of nothing; there are no neurons.
        task_map: see `hidra_tf.methods.task_map`.
    """

    def __init__(
        self, backbone: Backbone, inner: InnerLoop, seed: int = 0, task_map: str = "auto"
    ) -> None:
        del seed
        head = ZeroHead(backbone.feature_size, backbone.dtype)
        super().__init__(adapting(backbone, False), head, inner, task_map)

    def predictions_of_features(self, episodes: Episodes, at_steps: Sequence[int]) -> Predictions:
        """Logits [T, S, C·Q, C] from features [T, C·K, D] and [T, C·Q, D]."""
        means = prototypes(episodes.support_images, episodes.support_labels, episodes.ways)
        distances = squared_distances(episodes.query_images, means)
        return Predictions(tf.repeat(-distances[:, tf.newaxis], len(at_steps), axis=1), {})


def prototypes(features: tf.Tensor, labels: tf.Tensor, ways: tf.Tensor | int) -> tf.Tensor:
    """Class means [T, C, D] of features [T, N, D] with labels [T, N]."""
    members = tf.one_hot(labels, ways, dtype=features.dtype)
    sums = tf.linalg.matmul(members, features, transpose_a=True)
    return sums / tf.reduce_sum(members, axis=1)[..., tf.newaxis]


def squared_distances(points: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """‖a − b‖² = ‖a‖² − 2a·b + ‖b‖², [T, N, C] from [T, N, D] and [T, C, D]."""
    products = tf.linalg.matmul(points, others, transpose_b=True)
    norms = [tf.reduce_sum(tf.square(x), axis=-1) for x in (points, others)]
    return norms[0][..., tf.newaxis] - 2 * products + norms[1][:, tf.newaxis]
