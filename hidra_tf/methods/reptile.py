"""Reptile: the initialization moves towards the adapted weights."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from data_gen.episodes import Episodes
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.adaptation.losses import accuracy
from hidra_tf.backbones.backbone import Backbone, adapting
from hidra_tf.methods.base import MetaGradients
from hidra_tf.methods.maml import Maml
from hidra_tf.methods.task_map import map_tasks


class Reptile(Maml):
    """Reptile (Nichol, Achiam and Schulman, 2018), equation 2.3 of the HIDRA paper.

        θ ← θ + β·mean_τ(θ′_τ − θ)

    (The paper prints a minus before β, which would lead away from θ′.) Written as a descent, the
    "gradient" is the mean of θ − θ′: plain SGD with rate β, the default optimizer of this method,
    makes 2.3 of it. θ′ is adapted on the support set; the queries are only measured on, so that
    the curves mean what they mean for every method.

    What the inner loop does not move is not learned. Therefore all weights move in it, γ and β of
    the normalisation too. A master neuron moves towards the mean of its C adapted copies; under
    a softmax that mean never moves (README, fact 3).

    Args:
        backbone: f_θ.
        inner: the inner loop of meta-training.
        ways: C, where the head is `per_class`.
        seed: of the head's initial values.
        head: its kind, of `options.HEADS`.
        task_map: see `hidra_tf.methods.task_map`.
    """

    metrics = ()

    def __init__(
        self,
        backbone: Backbone,
        inner: InnerLoop,
        ways: int | None = None,
        seed: int = 0,
        head: str = "per_class",
        task_map: str = "auto",
    ) -> None:
        # Nothing is differentiated through a step.
        inner = dataclasses.replace(inner, first_order=True, differentiated=False)
        super().__init__(adapting(backbone, True), inner, ways, seed, head, task_map)

    def meta_gradients(self, episodes: Episodes, step: tf.Tensor | int = 0) -> MetaGradients:
        """The mean query loss after adaptation, and the mean of θ − θ′ over T tasks."""
        del step
        dtype = episodes.support_images.dtype
        signature = MetaGradients(dtype, dtype, [v.dtype for v in self.variables])
        results = map_tasks(self._task_gradients, episodes, signature, self.task_map)
        return tf.nest.map_structure(lambda values: tf.reduce_mean(values, axis=0), results)

    def _task_gradients(self, task: Episodes) -> MetaGradients:
        (adapted,) = self._trajectory(task, (self.inner.steps,))
        logits = self._logits(adapted, task)
        theta = [start - end for start, end in zip(self._theta(), adapted.backbone, strict=True)]
        return MetaGradients(
            self.loss(task.query_labels, logits),
            accuracy(task.query_labels, logits),
            [*theta, *self._head_displacement(task, adapted.head)],
        )

    def _head_displacement(self, task: Episodes, adapted: tuple[tf.Tensor, ...]) -> list[tf.Tensor]:
        """The start minus the end of the head, pulled back to its variables."""
        with tf.GradientTape() as tape:
            start = self.head.initial(task.ways)
        moved = [before - after for before, after in zip(start, adapted, strict=True)]
        variables = list(self.head.trainable_variables)
        return tape.gradient(list(start), variables, moved, unconnected_gradients="zero")
