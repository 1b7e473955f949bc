"""What methods have in common whose inner loop leaves the backbone alone."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from data_gen.episodes import Episodes
from hidra_tf.methods.episodic import EpisodicMethod
from hidra_tf.methods.interface import MetaGradients, Predictions
from hidra_tf.methods.objective import Objective


class FrozenFeatures(EpisodicMethod):
    """Tasks are solved on features that no step changes: computed once, whatever the steps.

    Where no picture's features depend on another's, those of all tasks are computed together;
    otherwise support and queries of each task by themselves, once.

    Subclasses say in `solve_features` how. If they have an inner loop, they give a backbone of
    which nothing adapts (`backbones.backbone.adapting`).
    """

    metrics = ()
    frozen = True

    def keeps_features(self, at_steps: Sequence[int]) -> bool:
        """Always: no step moves the features."""
        del at_steps
        return True

    def with_features(self, tasks: Episodes) -> Episodes:
        """The same tasks, with features in place of images; a single task under statistics."""
        if self.backbone.per_image:
            return super().with_features(tasks)
        images = (tasks.support_images[0], tasks.query_images[0])
        support, queries = self.backbone.task_features(self.theta(), *images)
        return tasks._replace(support_images=support[tf.newaxis], query_images=queries[tf.newaxis])

    def task_gradients(
        self, objective: Objective, ways: tf.Tensor, arrays: Sequence[tf.Tensor]
    ) -> MetaGradients:
        """Query loss, accuracy and gradients of one task, as in `EpisodicMethod`."""
        group = [array[tf.newaxis] for array in arrays]
        return self.gradients_on_features(objective, ways, group)

    def solve(self, task: Episodes, at_steps: Sequence[int], objective: Objective) -> Predictions:
        """Predictions for one task, from its features."""
        group = Episodes.of(task.ways, [array[tf.newaxis] for array in task.arrays])
        found = self.solve_features(self.with_features(group), at_steps, objective)
        return tf.nest.map_structure(lambda values: values[0], found)
