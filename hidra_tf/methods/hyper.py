"""What methods with a hypernetwork have in common: it makes the first update of a task."""

from __future__ import annotations

from collections.abc import Sequence

from data_gen.episodes import Episodes
from hidra_tf.adaptation.inner_loop import TaskWeights
from hidra_tf.methods.base import GradientMethod


class HyperMethod(GradientMethod):
    """Adapts by one update of the head that a hypernetwork makes, without a gradient.

    In the numbers of steps, 0 is the universal classifier as it is, 1 the hypernetwork's update,
    which is the method, and any more are gradient steps from there, which nobody has published.

    Subclasses say in `first_step` what the update is.
    """

    any_way = "hyperhidra"

    @property
    def free_steps(self) -> int:
        """The hypernetwork's update does not move the backbone."""
        return 1

    def _trajectory(self, task: Episodes, at_steps: Sequence[int]) -> list[TaskWeights]:
        start = self.initialization(task.ways)
        later = [steps - 1 for steps in at_steps if steps > 0]
        untouched = [start] * (len(at_steps) - len(later))
        if not later:
            return untouched
        images, labels = task.support_images, task.support_labels
        features, _ = self.backbone.support_features(start.backbone, images)
        updated = start._replace(head=self.first_step(start.head, features, labels))
        moved = self.inner.trajectory(self.backbone, updated, False, images, labels, later)
        return untouched + moved
