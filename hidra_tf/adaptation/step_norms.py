"""Normalisation weights for every inner step: MAML++'s BNWB (Antoniou, Edwards and Storkey, 2019).

Each inner step has γ and β of its own, which only the outer loop learns. The batch statistics of a
step are those of its own pass in any case. (The published program also keeps running statistics for
every step, but never normalises by them.)
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from hidra_tf.adaptation.descent import TaskWeights
from hidra_tf.backbones.backbone import Backbone


class StepNorms(tf.Module):
    """The γ and β of U inner steps, in place of those of the backbone.

    The support set is seen with those of the step that it is seen for; queries after u steps are
    seen with those of step number u, as in the published program
    (https://arxiv.org/abs/1810.09502). Further steps have those of the last one.

    Args:
        backbone: the backbone, whose γ and β are what all steps begin with.
        steps: the number U ≥ 1 of inner steps.

    Attributes:
        tables: for each γ and β of the backbone, in its order, a row for each step, [U, channels].

    Raises:
        ValueError: if the backbone has no γ and β, or the inner loop moves them.
    """

    def __init__(self, backbone: Backbone, steps: int) -> None:
        super().__init__(name="step_norms")
        self.places = backbone.normaliser_places
        if not self.places or any(backbone.adapted[place] for place in self.places):
            raise ValueError(
                "per_step_norm: expected a backbone with γ and β that the inner loop leaves alone"
            )
        shared = [tf.convert_to_tensor(backbone.variables[place]) for place in self.places]
        self.tables = [tf.Variable(tf.repeat(one[tf.newaxis], steps, axis=0)) for one in shared]

    def begin_with(self, backbone: Backbone) -> None:
        """Gives all steps the γ and β of a backbone."""
        for place, table in zip(self.places, self.tables, strict=True):
            table.assign(tf.broadcast_to(backbone.variables[place].value, table.shape))

    def at(self, weights: Sequence[tf.Tensor], step: tf.Tensor | int) -> list[tf.Tensor]:
        """The backbone's weights with γ and β of a step ≥ 0; the first step is number 0."""
        replaced = list(weights)
        for place, table in zip(self.places, self.tables, strict=True):
            replaced[place] = table[tf.minimum(step, table.shape[0] - 1)]
        return replaced

    def for_support(self, weights: TaskWeights, taken: tf.Tensor | int) -> TaskWeights:
        """The weights after the `taken` steps, to see the support set with."""
        return weights._replace(backbone=self.at(weights.backbone, taken))

    def for_queries(self, weights: TaskWeights, taken: int) -> TaskWeights:
        """The weights after the `taken` steps, to see queries with."""
        return weights._replace(backbone=self.at(weights.backbone, max(taken - 1, 0)))
