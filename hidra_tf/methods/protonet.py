"""Prototypical networks: a query belongs to the nearest class mean."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from data_gen.episodes import Episodes
from hidra_tf.heads.hypernetwork import class_means
from hidra_tf.heads.neurons import HeadWeights, ZeroHead
from hidra_tf.methods import Parts
from hidra_tf.methods.frozen import FrozenFeatures
from hidra_tf.methods.interface import Predictions
from hidra_tf.methods.objective import Objective
from hidra_tf.methods.proto_maml import with_prototypes


class ProtoNet(FrozenFeatures):
    """Prototypical Networks, for any number of ways.

        p_c = 1/K Σ_{i: y_i = c} f(x_i),    logits_c(x) = −‖f(x) − p_c‖²

    Snell, Swersky and Zemel (2017), https://arxiv.org/abs/1703.05175. There are no inner steps:
    whatever number is asked for, the logits are these.

    Example:
        >>> from hidra_tf import Backbone, ProtoNet, conv4
        >>> method = ProtoNet(backbone=Backbone(conv4((28, 28, 1), filters=8), norm="support"))
        >>> len(method.variables) == len(method.backbone.variables)
        True

    Args:
        backbone: the backbone f with its weights θ.
        loss: the loss of the queries, a key of `losses.LOSSES` or a function; see
            `losses.loss_function`.
        task_map: how tasks under shared statistics are run; see `hidra_tf.methods.task_map`.
        temperature: what the negative distances are divided by before their loss; see
            `EpisodicMethod`.
    """

    @classmethod
    def assembled(cls, parts: Parts, temperature: float = 1.0) -> ProtoNet:
        """The method from what the registry's `build` is given."""
        return cls(
            backbone=parts.backbone,
            loss=parts.inner.loss,
            task_map=parts.task_map,
            temperature=temperature,
        )

    def needs_class_means_only(self, at_steps: Sequence[int]) -> bool:
        """Always."""
        del at_steps
        return True

    def task_head(
        self, features: tf.Tensor, labels: tf.Tensor, ways: tf.Tensor | int, steps: int
    ) -> HeadWeights:
        """The output layer 2·p_c, −‖p_c‖², whose logits lack −‖f‖² only; see `Method`."""
        del steps
        return with_prototypes(ZeroHead.of(self.backbone).initial(ways), features, labels)

    def solve_features(
        self, episodes: Episodes, at_steps: Sequence[int], objective: Objective
    ) -> Predictions:
        """Logits [T, S, C·Q, C] from features [T, C·K, D] and [T, C·Q, D]."""
        del objective
        means = class_means(episodes.support_images, episodes.support_labels, episodes.ways)
        distances = squared_distances(episodes.query_images, means)
        return Predictions(tf.repeat(-distances[:, tf.newaxis], len(at_steps), axis=1), {})


def squared_distances(points: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """‖a − b‖² = ‖a‖² − 2a·b + ‖b‖², [T, N, C] from [T, N, D] and [T, C, D]."""
    products = tf.linalg.matmul(points, others, transpose_b=True)
    norms = [tf.reduce_sum(tf.square(x), axis=-1) for x in (points, others)]
    return norms[0][..., tf.newaxis] - 2 * products + norms[1][:, tf.newaxis]
