"""Reptile: the initialization moves towards the adapted weights."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from data_gen.episodes import Episodes
from hidra_tf.adaptation.inner_loop import InnerLoop, query_logits
from hidra_tf.adaptation.losses import accuracy
from hidra_tf.backbones.backbone import Backbone, adapting
from hidra_tf.heads.neurons import HeadWeights
from hidra_tf.heads.registry import Head
from hidra_tf.methods.gradient import GradientMethod
from hidra_tf.methods.interface import MetaGradients
from hidra_tf.methods.task_map import over_tasks


class Reptile(GradientMethod):
    """Reptile (Nichol, Achiam and Schulman, 2018), equation 2.3 of the HIDRA paper.

        θ ← θ + β·mean_τ(θ′_τ − θ)

    (The paper prints a minus before β, which would lead away from θ′.) Written as a descent, the
    "gradient" is the mean of θ − θ′: plain SGD with rate β, the default optimizer of this method,
    makes 2.3 of it. It is a distance, and is never clipped. θ′ is adapted on the support set; the
    queries are only measured on, so that the curves mean what they mean for every method. See
    https://arxiv.org/abs/1803.02999.

    Running statistics (`norm="running"`) of a training with more than ten inner steps are those of
    the queries alone, for the steps are then made in a compiled loop.

    What the inner loop does not move is not learned. Therefore all weights move in it, γ and β of
    the normalisation too. A master neuron moves towards the mean of its C adapted copies; under
    a softmax that mean never moves (README, fact 3).

    Example:
        >>> from hidra_tf import Backbone, FixedHead, InnerLoop, Reptile, conv4
        >>> backbone = Backbone(conv4((28, 28, 1), filters=8), norm="support")
        >>> inner = InnerLoop(steps=5, learning_rate=0.1)
        >>> method = Reptile(backbone=backbone, inner=inner, head=FixedHead.of(backbone, ways=5))
        >>> all(method.backbone.adapted)
        True

    Args:
        backbone: the backbone f with its weights θ.
        inner: the inner loop of meta-training.
        head: the output neurons' initialization.
        task_map: how tasks are run; see `hidra_tf.methods.task_map`.
    """

    metrics = ()
    displaces = True

    def __init__(
        self, *, backbone: Backbone, inner: InnerLoop, head: Head, task_map: str = "auto"
    ) -> None:
        super().__init__(
            backbone=adapting(backbone, True), inner=inner, head=head, task_map=task_map
        )

    def meta_gradients(self, batch: Episodes, step: tf.Tensor | int = 0) -> MetaGradients:
        """The mean query loss after adaptation, and the mean of θ − θ′ over T tasks."""
        del step
        dtype = batch.support_images.dtype
        types = [[v.dtype for v in part] for part in (self.variables, self.moving_statistics)]
        signature = MetaGradients(dtype, dtype, types[0], statistics=types[1])
        of_task = self.observed(self._displacement)
        results = over_tasks(of_task, batch, signature, self.task_map)()
        return tf.nest.map_structure(lambda values: tf.reduce_mean(values, axis=0), results)

    def _displacement(self, ways: tf.Tensor, arrays: Sequence[tf.Tensor]) -> MetaGradients:
        """Loss, accuracy and θ − θ′ of one task; nothing is differentiated through a step."""
        task = Episodes.of(ways, arrays)
        (adapted,) = self.adaptation(task)((self.steps,))
        images = (task.support_images, task.query_images)
        logits = query_logits(self.backbone, *images, adapted)
        theta = [start - end for start, end in zip(self.theta(), adapted.backbone, strict=True)]
        return MetaGradients(
            self.loss(task.query_labels, logits),
            accuracy(task.query_labels, logits),
            [*theta, *self._head_displacement(task, adapted.head)],
        )

    def _head_displacement(self, task: Episodes, adapted: HeadWeights) -> list[tf.Tensor]:
        """The start minus the end of the head, pulled back to its variables."""
        with tf.GradientTape() as tape:
            start = self.head.initial(task.ways)
        moved = [before - after for before, after in zip(start, adapted, strict=True)]
        variables = list(self.head.trainable_variables)
        return tape.gradient(list(start), variables, moved, unconnected_gradients="zero")
