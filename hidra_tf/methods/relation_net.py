"""Relation Networks: a learned comparison of a class and a query."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from data_gen.episodes import Episodes
from hidra_tf.adaptation.losses import Loss
from hidra_tf.backbones.backbone import Backbone, Statistics
from hidra_tf.backbones.feature_maps import map_shape
from hidra_tf.heads.hypernetwork import class_means
from hidra_tf.heads.pair_parts import are_parts_allowed, in_parts, parts
from hidra_tf.heads.relation import relation_module
from hidra_tf.methods import Parts
from hidra_tf.methods.frozen import FrozenFeatures
from hidra_tf.methods.interface import Predictions
from hidra_tf.methods.objective import Objective


class RelationNet(FrozenFeatures):
    """Relation Networks, for any number of ways.

        r_c(x) = σ(z_c(x)),    z_c(x) = g(p_c, f(x)),    p_c = 1/K Σ_{i: y_i = c} f(x_i)

    Sung et al. (2018), https://arxiv.org/abs/1711.06025: features are maps, and the relation module
    g sees those of a class and of a query one behind the other. They add up the maps of a class,
    of which the program of Chen et al. (2019, https://arxiv.org/abs/1904.04232) takes the mean, so
    that numbers of support pictures may be unequal. The logits are z. Under the loss `mse` this is
    the paper's method; under `softmax` it is `relationnet_softmax` of that program, by which Chen
    et al. say they shortened training. There are no inner steps.

    The normalisation inside of g follows the backbone's. It uses the statistics of all pairs of a
    query and a class (`transductive`), those of all pairs of a support picture and a class
    (`support`), or none. Under `joint`, and under `running` in training, they are those of all
    pairs of a query and a class.

    Example:
        >>> from hidra_tf import Backbone, RelationNet, conv4_np
        >>> backbone = Backbone(conv4_np((28, 28, 1), filters=8), norm="support")
        >>> RelationNet(backbone=backbone, loss="mse").relation.model.input_shape
        [(None, None, 5, 5, 8), (None, None, 5, 5, 8)]

    Args:
        backbone: the backbone f with its weights θ, which flattens feature maps.
        relation: a model like that of `heads.relation.relation_module`, from the maps of a task's
            classes and images to the scores of all pairs; None for that one.
        loss: the loss of the queries, a key of `losses.LOSSES` or a function.
        seed: the seed of the relation module.
        task_map: how tasks under shared statistics are run; see `hidra_tf.methods.task_map`.

    Raises:
        UserError: if the backbone flattens no maps.
    """

    def __init__(
        self,
        *,
        backbone: Backbone,
        relation: keras.Model | None = None,
        loss: str | Loss = "softmax",
        seed: int = 0,
        task_map: str = "auto",
    ) -> None:
        super().__init__(backbone=backbone, loss=loss, task_map=task_map)
        self.map_shape = map_shape(backbone.model)
        if relation is None:
            relation = relation_module(self.map_shape, backbone.norm, seed, backbone.dtype)
        self.relation = Backbone(relation, backbone.norm)

    @classmethod
    def assembled(cls, parts: Parts) -> RelationNet:
        """The method from what the registry's `build` is given."""
        return cls(
            backbone=parts.backbone,
            loss=parts.inner.loss,
            seed=parts.seed,
            task_map=parts.task_map,
        )

    @property
    def variables(self) -> list[tf.Variable]:
        """The backbone's θ, then the weights of the relation module."""
        return [*super().variables, *(variable.value for variable in self.relation.variables)]

    @property
    def backbones(self) -> list[Backbone]:
        """The backbone and the relation module, whose normalisation follows the backbone's."""
        return [self.backbone, self.relation]

    def solve_features(
        self, episodes: Episodes, at_steps: Sequence[int], objective: Objective
    ) -> Predictions:
        """Logits [T, S, C·Q, C] from features [T, C·K, D] and [T, C·Q, D]."""
        support, queries = episodes.support_images, episodes.query_images
        means = class_means(support, episodes.support_labels, episodes.ways)
        with parts(objective.step is None):
            scores = self._scores(*map(self.maps, (means, support, queries)))
        shape = (*tf.unstack(tf.shape(queries)[:2]), episodes.ways)
        logits = tf.reshape(scores, shape)
        return Predictions(tf.repeat(logits[:, tf.newaxis], len(at_steps), axis=1), {})

    def _scores(self, classes: tf.Tensor, support: tf.Tensor, queries: tf.Tensor) -> tf.Tensor:
        """Scores [T·C·Q·C, 1] from the maps of the classes, the support set and the queries."""
        weights = [tf.convert_to_tensor(variable) for variable in self.relation.variables]
        statistics: Statistics = None
        if self.relation.norm == "support":
            # Of one task: where statistics are computed, tasks are solved one by one.
            _, statistics = self.relation.support_features(weights, [classes, support])

        def compare(classes: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
            return self.relation.query_features(weights, [classes, images], statistics)

        if are_parts_allowed() and (self.relation.per_image or statistics is not None):
            return in_parts(compare, classes, queries, (1,))
        return compare(classes, queries)

    def maps(self, features: tf.Tensor) -> tf.Tensor:
        """Feature maps [T, N, h, w, c] from features [T, N, h·w·c]."""
        return tf.reshape(features, tf.concat([tf.shape(features)[:2], self.map_shape], axis=0))
