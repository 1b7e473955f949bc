"""Any-way meta-learning: MAML with spare neurons, to which classes are assigned at random."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from data_gen.episodes import Episodes
from data_gen.errors import UserError
from hidra_tf.adaptation.inner_loop import InnerLoop, TaskWeights
from hidra_tf.adaptation.losses import Loss
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.assigned import AssignedHead
from hidra_tf.heads.neurons import HeadWeights
from hidra_tf.methods import Parts
from hidra_tf.methods.gradient import GradientMethod
from hidra_tf.methods.interface import MetaGradients, Method, Predictions
from hidra_tf.methods.objective import Objective
from hidra_tf.options import check_count


class AnyWay(GradientMethod):
    """Any-Way Meta Learning (Lee, Kim, Lee and Kwak, 2024), Algorithm 1: their a-MAML.

    The head has O neurons. The C ≤ O classes of a task are assigned to J = ⌊O/C⌋ disjoint sets
    s_1 … s_J of C neurons at random (`AssignedHead`), and its loss is the sum over the assignments,

        L_a = Σ_j L(z[s_j], y),

    where z[s_j] are the logits of the C neurons of one assignment: each softmax is over C
    classes, and the gradients of neurons without a class are zero. One adaptation goes down L_a
    of the support set, and the meta-gradient is that of L_a of the queries. Predictions are the
    sums of the J logits of each class. Training on several numbers of ways (3, 5, 7 and 9 in the
    paper) is up to the episodes. The paper's options beside these, a classifier of the semantic
    classes, Mixup, and further adaptations with other assignments, are not part of this method.
    See https://arxiv.org/abs/2401.05097.

    Example:
        >>> from hidra_tf import AnyWay, AssignedHead, Backbone, InnerLoop, conv4
        >>> backbone = Backbone(conv4((28, 28, 1), filters=8), norm="support")
        >>> inner = InnerLoop(steps=1, learning_rate=0.5)
        >>> method = AnyWay(backbone=backbone, inner=inner, head=AssignedHead.of(backbone))
        >>> method.check_ways(31)
        Traceback (most recent call last):
        data_gen.errors.UserError: expected at most 30 ways, the `outputs` that anyway was made with; received 31

    Args:
        backbone: the backbone f with its weights θ.
        inner: the inner loop of meta-training.
        head: the neurons.
        **settings: the other arguments of `GradientMethod`.

    Raises:
        ValueError: if meta-training would take no inner step, before which neurons know no class.
    """  # noqa: E501 — a message

    def __init__(
        self,
        *,
        backbone: Backbone,
        inner: InnerLoop,
        head: AssignedHead,
        **settings: Any,  # noqa: ANN401 — those of the method above
    ) -> None:
        check_count("steps", inner.steps, 1)
        super().__init__(backbone=backbone, inner=inner, head=head, **settings)
        self.inner = dataclasses.replace(inner, loss=self._support_loss)

    @classmethod
    def assembled(
        cls,
        parts: Parts,
        *,
        outputs: int = 30,
        assignments: int | None = None,
        **options: Any,  # noqa: ANN401 — of the constructor
    ) -> AnyWay:
        """The method from what the registry's `build` is given."""
        neurons = {"outputs": outputs, "assignments": assignments, "seed": parts.seed}
        return cls(
            backbone=parts.backbone,
            inner=parts.inner,
            head=AssignedHead.of(parts.backbone, **neurons),
            task_map=parts.task_map,
            **options,
        )

    def check_ways(self, ways: int) -> None:
        """Raises `UserError` if there are fewer neurons than classes."""
        super().check_ways(ways)
        if ways > self.head.outputs:
            raise UserError(
                f"expected at most {self.head.outputs} ways, the `outputs` that anyway was made "
                f"with; received {ways}"
            )

    def assigned_loss(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """L_a [...], the mean over images: labels [..., N], logits [J, ..., N, C]."""
        return _summed(self.loss, labels, logits)

    def _support_loss(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """The same of the support set, without the temperature of the queries' loss."""
        return _summed(self._loss, labels, logits)

    def start(self, task: Episodes, objective: Objective) -> TaskWeights:
        """The weights with which a task starts out, with the neurons of its meta-update."""
        if objective.step is None:
            return super().start(task, objective)
        return TaskWeights(self.theta(), self.head.at(task.ways, objective.step))

    def task_gradients(
        self, objective: Objective, ways: tf.Tensor, arrays: Sequence[tf.Tensor]
    ) -> MetaGradients:
        """L_a, accuracy and gradients of one task, as in `EpisodicMethod`."""
        task = Episodes.of(ways, arrays)
        with self.backbone.observed() as seen, tf.GradientTape() as tape:
            found = super().solve(task, objective.at_steps, objective)  # of each assignment
            loss = objective.of(self.assigned_loss, task.query_labels, found.logits)
        features = self.features_of_passes(seen, objective)
        return self.gradients_of(objective, tape, loss, task, together(found), features)

    # Several output layers answer together.
    task_head, task_weights = Method.task_head, Method.task_weights

    def solve(self, task: Episodes, at_steps: Sequence[int], objective: Objective) -> Predictions:
        """Predictions for one task: sums over the assignments."""
        return together(super().solve(task, at_steps, objective))

    def solve_features(
        self, episodes: Episodes, at_steps: Sequence[int], objective: Objective
    ) -> Predictions:
        """Predictions for T tasks from features, before any step: no step is free."""
        del objective
        # The sum of the logits is that of the neurons.
        summed = (tf.reduce_sum(part, axis=0) for part in self.head.initial(episodes.ways))
        head = HeadWeights(*summed).for_each(tf.shape(episodes.support_images)[:-2])
        return self.answers(episodes, head, [head] * len(at_steps))


def _summed(loss: Loss, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """The sum over assignments of a loss: labels [..., N], logits [J, ..., N, C] → [...]."""
    each = tf.broadcast_to(labels, tf.shape(logits)[:-1])
    return tf.reduce_sum(loss(each, logits), axis=0)


def together(found: Predictions) -> Predictions:
    """Logits [S, N, C] from those of J assignments [J, S, N, C]; of metrics the norms over all."""
    norms = {name: tf.norm(values, axis=0) for name, values in found.metrics.items()}
    return Predictions(tf.reduce_sum(found.logits, axis=0), norms)
