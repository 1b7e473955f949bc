"""What methods have in common whose inner loop leaves the backbone alone."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from data_gen.episodes import Episodes
from hidra_tf.adaptation.head_steps import heads_at
from hidra_tf.heads.neurons import HeadWeights
from hidra_tf.methods.base import GradientMethod, Predictions


class FrozenFeatures(GradientMethod):
    """Tasks are solved on features that no step changes: computed once, whatever the steps.

    Where no picture's features depend on another's, those of all tasks are computed together;
    otherwise support and queries of each task by themselves, once.

    Subclasses give a backbone of which nothing adapts (`backbones.adapting`).
    """

    metrics = ()

    def needs_features_only(self, at_steps: Sequence[int]) -> bool:
        """Always but for the statistics that the pictures of a task share."""
        del at_steps
        return self.backbone.per_image

    def _heads_of_features(self, episodes: Episodes, at_steps: Sequence[int]) -> list[HeadWeights]:
        """The heads of T tasks after each of S numbers of steps, all of which are free."""
        return heads_at(
            self.inner,
            self.head.initial(episodes.ways),
            self.head.tied,
            episodes.support_images,
            episodes.support_labels,
            at_steps,
            self._rates(),
        )

    def _adapt(self, task: Episodes, at_steps: Sequence[int]) -> Predictions:
        theta = self._theta()
        support, statistics = self.backbone.support_features(theta, task.support_images)
        queries = self.backbone.query_features(theta, task.query_images, statistics)
        arrays = (support, task.support_labels, queries, task.query_labels)
        features = Episodes(*(array[tf.newaxis] for array in arrays), task.ways)
        found = self.predictions_of_features(features, at_steps)
        return tf.nest.map_structure(lambda values: values[0], found)
