"""What every method is to the trainer and the evaluator, and MAML's way of being one."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from data_gen.episodes import Episodes
from data_gen.errors import UserError
from hidra_tf.adaptation.inner_loop import InnerLoop, TaskWeights, query_logits
from hidra_tf.adaptation.losses import LOSSES, accuracy
from hidra_tf.adaptation.rates import InnerRates
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.neurons import Head, HeadWeights
from hidra_tf.methods import phases as annealing
from hidra_tf.methods.task_map import map_groups, map_tasks


class MetaGradients(NamedTuple):
    """One meta-batch's mean query `loss`, mean query `accuracy`, and ∂loss/∂variables.

    `metrics` holds whatever else is worth a curve, under the names of `GradientMethod.metrics`.
    """

    loss: tf.Tensor
    accuracy: tf.Tensor
    gradients: list[tf.Tensor]
    metrics: dict[str, tf.Tensor] = {}  # noqa: RUF012 — nobody writes into it


class Predictions(NamedTuple):
    """What T tasks' queries are taken for after each of S numbers of inner steps.

    Attributes:
        logits: [T, S, C·Q, C].
        metrics: [T, S] for each name of `GradientMethod.metrics`.
    """

    logits: tf.Tensor
    metrics: dict[str, tf.Tensor]


class GradientMethod:
    """Learns an initialization from which a few gradient steps solve a task (MAML and its kin).

    Args:
        backbone: f_θ.
        head: the output neurons' initialization; a `tf.Module`.
        inner: the inner loop of meta-training.
        task_map: how tasks with weights of their own are run; see `hidra_tf.methods.task_map`.

    Attributes:
        metrics: names of what is measured beside loss and accuracy: how far a task's adaptation
            moves the head, the norms in Table 3 of the HyperMAML paper.
        any_way: the method to take where the head was made for another number of ways.
    """

    metrics: tuple[str, ...] = ("head_update/weight", "head_update/bias")
    any_way = "hidra"

    def __init__(
        self, backbone: Backbone, head: Head, inner: InnerLoop, task_map: str = "auto"
    ) -> None:
        self.backbone, self.head, self.inner = backbone, head, inner
        self.task_map = task_map
        self.rates = InnerRates.of(inner, backbone) if inner.learn_rates else None
        # Of the query losses after each inner step; None: the last one alone counts.
        self._step_weights: tf.Tensor | None = None

    @property
    def variables(self) -> list[tf.Variable]:
        """What the meta-optimizer moves: θ, the head's variables, then learned inner rates."""
        theta = [v.value for v in self.backbone.variables]
        return [*theta, *self.head.trainable_variables, *self.undecayed]

    @property
    def undecayed(self) -> list[tf.Variable]:
        """Those of `variables` that weight decay must leave alone, for they are no weights."""
        return [] if self.rates is None else [self.rates.values]

    def check_ways(self, ways: int) -> None:
        """Raises `UserError` if tasks of `ways` classes cannot be learned."""
        if ways < 2:
            raise UserError(f"expected at least 2 ways, received {ways}")
        if self.head.fixed_ways not in (None, ways):
            raise UserError(
                f"the head was made for {self.head.fixed_ways} ways and has no neurons for other "
                f"numbers; received {ways}. `method={self.any_way}` takes any number of ways"
            )

    def initialization(self, ways: tf.Tensor | int) -> TaskWeights:
        """The weights with which a task of `ways` classes starts out."""
        return TaskWeights(self._theta(), self.head.initial(ways))

    def loss(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """The meta-objective, mean [...] over images: labels [..., N], logits [..., N, C]."""
        return LOSSES[self.inner.loss](labels, logits)

    def meta_gradients(self, episodes: Episodes, step: tf.Tensor | int = 0) -> MetaGradients:
        """Loss and gradients of equation 2.2 (MAML) and of HIDRA's Algorithm 1, line 19.

        Args:
            episodes: T tasks.
            step: the number of the meta-update, for what changes in the course of training.

        Returns:
            The mean over the T tasks; `gradients` in the order of `variables`.
        """
        phases = annealing.phases(self.inner)
        return annealing.at(
            step, phases, lambda phase: self._during(phase, step)._mean_gradients(episodes)
        )

    def _during(self, phase: annealing.Phase, step: tf.Tensor | int) -> GradientMethod:
        """This method, variables and all, as it is in a phase of the training."""
        during = self._with(first_order=phase.first_order)
        if phase.every_step:
            during._step_weights = annealing.loss_weights(self.inner, step, self.backbone.dtype)
        return during

    def _with(self, **changes: bool) -> GradientMethod:
        """This method, variables and all, with some attributes of its inner loop changed."""
        twin = copy.copy(self)
        twin.inner = dataclasses.replace(self.inner, **changes)
        return twin

    def _mean_gradients(self, episodes: Episodes) -> MetaGradients:
        # Differentiating inside the loop over tasks, rather than through it, keeps the
        # activations of the running tasks in memory instead of all tasks'.
        dtype = episodes.support_images.dtype
        gradients, metrics = [v.dtype for v in self.variables], dict.fromkeys(self.metrics, dtype)
        signature = MetaGradients(dtype, dtype, gradients, metrics)
        if self.needs_features_only((self.inner.steps,)):
            results = map_groups(self._shared_gradients, episodes, signature)
        else:
            results = map_tasks(self._task_gradients, episodes, signature, self.task_map)
        return tf.nest.map_structure(lambda values: tf.reduce_mean(values, axis=0), results)

    def query_logits(self, episodes: Episodes, at_steps: Sequence[int]) -> tf.Tensor:
        """The logits [T, S, C·Q, C] of `predictions`."""
        return self.predictions(episodes, at_steps).logits

    def predictions(self, episodes: Episodes, at_steps: Sequence[int]) -> Predictions:
        """Adapts to tasks, and looks at their queries.

        Args:
            episodes: T tasks.
            at_steps: S numbers of inner steps ≥ 0, ascending; one adaptation gives them all.
        """
        measuring, dtype = self._with(differentiated=False), episodes.support_images.dtype
        return map_tasks(
            lambda task: measuring._adapt(task, at_steps),
            episodes,
            Predictions(dtype, dict.fromkeys(self.metrics, dtype)),
            self.task_map,
        )

    def needs_features_only(self, at_steps: Sequence[int]) -> bool:
        """Whether `predictions` may be had from features that were computed once.

        So it is where no step moves the backbone (a tied head's first) and no picture's features
        depend on another's.
        """
        return self.backbone.per_image and max(at_steps) <= self.free_steps

    @property
    def free_steps(self) -> int:
        """How many steps leave the backbone alone and are had from features, by `first_step`."""
        return 1 if self.inner.is_exact_start(self.head.tied) else 0

    def first_step(self, head: HeadWeights, features: tf.Tensor, labels: tf.Tensor) -> HeadWeights:
        """The head after a free step; see `closed_form.first_step` for the shapes."""
        return self.inner.exact_first_step(head, features, labels, self._rates())

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Features [N, D] of images [N, H, W, channels], each on its own."""
        return self.backbone.support_features(self._theta(), images)[0]

    def predictions_of_features(self, episodes: Episodes, at_steps: Sequence[int]) -> Predictions:
        """`predictions` for episodes of features, where `needs_features_only(at_steps)`."""
        first, *heads = self._heads_of_features(episodes, (0, *at_steps))
        logits = tf.stack([head.logits(episodes.query_images) for head in heads], axis=1)
        return Predictions(logits, self._head_update(first, heads))

    def _heads_of_features(self, episodes: Episodes, at_steps: Sequence[int]) -> list[HeadWeights]:
        """The heads of T tasks after each of S numbers of free steps."""
        features, labels = episodes.support_images, episodes.support_labels
        head = self.head.initial(episodes.ways)
        heads = [head.for_each(tf.shape(features)[:-2])]
        if max(at_steps) > 0:
            heads.append(self.first_step(head, features, labels))
        return [heads[steps] for steps in at_steps]

    def _head_update(
        self, first: HeadWeights, heads: Sequence[HeadWeights]
    ) -> dict[str, tf.Tensor]:
        """The `metrics` [..., S]: norms of what S numbers of steps added to the first head."""
        norms = {
            "head_update/weight": [tf.norm(h.kernel - first.kernel, axis=(-2, -1)) for h in heads],
            "head_update/bias": [tf.norm(h.bias - first.bias, axis=-1) for h in heads],
        }
        return {name: tf.stack(norms[name], axis=-1) for name in self.metrics}

    def _theta(self) -> list[tf.Tensor]:
        return [tf.convert_to_tensor(v) for v in self.backbone.variables]

    def _rates(self) -> tf.Tensor | None:
        return None if self.rates is None else tf.convert_to_tensor(self.rates.values)

    @property
    def _measured(self) -> tuple[int, ...]:
        """After which inner steps the meta-objective looks at the queries."""
        steps = self.inner.steps
        return (steps,) if self._step_weights is None else tuple(range(1, steps + 1))

    def _objective(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Labels [..., N], logits [..., S, N, C] after the `_measured` steps → [...]."""
        if self._step_weights is None:
            return self.loss(labels, logits[..., 0, :, :])
        repeated = tf.repeat(labels[..., tf.newaxis, :], len(self._measured), axis=-2)
        return tf.reduce_sum(self._step_weights * self.loss(repeated, logits), axis=-1)

    def _shared_gradients(self, tasks: Episodes) -> MetaGradients:
        """Where `needs_features_only`: one forward and one backward pass of all pictures."""
        with tf.GradientTape() as tape:
            episodes = self._with_features(tasks)
            logits, metrics = self.predictions_of_features(episodes, self._measured)
            loss = tf.reduce_mean(self._objective(tasks.query_labels, logits))
        gradients = tape.gradient(loss, self.variables, unconnected_gradients="zero")
        hits = tf.reduce_mean(accuracy(tasks.query_labels, logits[:, -1]))
        last = {name: tf.reduce_mean(values[:, -1]) for name, values in metrics.items()}
        return MetaGradients(loss, hits, gradients, last)

    def _with_features(self, tasks: Episodes) -> Episodes:
        """The same tasks, with [t, N, D] features in place of images."""
        images = tf.concat([tasks.support_images, tasks.query_images], axis=1)
        flat = tf.reshape(images, tf.concat([[-1], tf.shape(images)[2:]], 0))
        features = self.features(tf.ensure_shape(flat, [None, *images.shape[2:]]))
        features = tf.reshape(features, (*tf.unstack(tf.shape(images)[:2]), features.shape[-1]))
        shots = tf.shape(tasks.support_images)[1]
        return tasks._replace(support_images=features[:, :shots], query_images=features[:, shots:])

    def _task_gradients(self, task: Episodes) -> MetaGradients:
        with tf.GradientTape() as tape:
            logits, metrics = self._adapt(task, self._measured)
            loss = self._objective(task.query_labels, logits)
        gradients = tape.gradient(loss, self.variables, unconnected_gradients="zero")
        last = {name: values[-1] for name, values in metrics.items()}
        return MetaGradients(loss, accuracy(task.query_labels, logits[-1]), gradients, last)

    def _adapt(self, task: Episodes, at_steps: Sequence[int]) -> Predictions:
        """`predictions` for one task, without the axis of the tasks."""
        first, *adapted = self._trajectory(task, (0, *at_steps))
        logits = tf.stack([self._logits(weights, task) for weights in adapted])
        return Predictions(logits, self._head_update(first.head, [w.head for w in adapted]))

    def _trajectory(self, task: Episodes, at_steps: Sequence[int]) -> list[TaskWeights]:
        """The weights after each of S numbers of steps."""
        return self.inner.trajectory(
            self.backbone,
            self.initialization(task.ways),
            self.head.tied,
            task.support_images,
            task.support_labels,
            at_steps,
            self._rates(),
        )

    def _logits(self, weights: TaskWeights, task: Episodes) -> tf.Tensor:
        return query_logits(self.backbone, weights, task.support_images, task.query_images)
