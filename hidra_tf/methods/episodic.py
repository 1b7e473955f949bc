"""Methods that learn from the query losses of tasks, by differentiating their own predictions."""

from __future__ import annotations

import abc
import dataclasses
import functools
from collections.abc import Callable, Sequence

import tensorflow as tf

from data_gen.episodes import Episodes
from hidra_tf.adaptation.losses import Loss, accuracy, loss_function
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.observation import Observed
from hidra_tf.methods import phases as annealing
from hidra_tf.methods.class_loss import ClassLoss, Features
from hidra_tf.methods.interface import MetaGradients, Method, Predictions
from hidra_tf.methods.objective import PREDICTION, Objective
from hidra_tf.methods.task_map import over_groups, over_tasks
from hidra_tf.options import TASK_MAPS, check_choice, check_positive


class EpisodicMethod(Method):
    """Meta-trained on the query loss of its predictions: equation 2.2 (MAML), Algorithm 1 (HIDRA).

    Subclasses say how a task is solved from pictures (`solve`), and where
    `needs_features_only` how tasks are solved from features (`solve_features`).

    Args:
        backbone: the backbone f with its weights θ.
        loss: the loss of the queries, a key of `losses.LOSSES` or a function; see
            `losses.loss_function`.
        task_map: how tasks with weights of their own are run; see `hidra_tf.methods.task_map`.
        temperature: what the logits of the queries are divided by before their loss, above 0; the
            support loss of an inner loop has none. Ye and Chao (2021) and Ye et al. (2020).

    Attributes:
        steps: the number U of inner steps in meta-training.
        annealing: how the objective changes in the course of training.
        frozen: whether tasks are solved on features that no step changes.

    Raises:
        ValueError: if there is no such loss or no such way to run tasks, if the temperature is out
            of range, or if the backbone's statistics are `joint` and the features are not frozen.
    """

    steps = 0
    frozen = False
    annealing = annealing.Annealing()

    def __init__(
        self,
        *,
        backbone: Backbone,
        loss: str | Loss = "softmax",
        task_map: str = "auto",
        temperature: float = 1.0,
    ) -> None:
        super().__init__(backbone)
        if backbone.norm == "joint" and not self.frozen:
            raise ValueError(
                f"norm: joint is for methods whose steps leave the features alone; received it "
                f"with {type(self).__name__}"
            )
        check_choice("task_map", task_map, TASK_MAPS)
        check_positive("temperature", temperature)
        self.temperature = temperature
        self._loss, self.task_map = loss_function(loss), task_map

    @property
    def variables(self) -> list[tf.Variable]:
        """What the meta-optimizer moves: the backbone's θ."""
        return [variable.value for variable in self.backbone.variables]

    def loss(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """The meta-objective, mean [...] over images: labels [..., N], logits [..., N, C]."""
        return self._loss(labels, logits if self.temperature == 1 else logits / self.temperature)

    @abc.abstractmethod
    def solve(self, task: Episodes, at_steps: Sequence[int], objective: Objective) -> Predictions:
        """Predictions for one task, without the axis of the tasks.

        Args:
            task: the arrays of one task.
            at_steps: S numbers of inner steps ≥ 0, ascending.
            objective: for what the predictions are made.
        """

    @abc.abstractmethod
    def solve_features(
        self, episodes: Episodes, at_steps: Sequence[int], objective: Objective
    ) -> Predictions:
        """Predictions for T tasks, with [T, N, D] features in place of images."""

    @property
    def recomputes(self) -> bool:
        """Whether a meta-gradient computes inner steps again instead of keeping them."""
        return False

    def meta_gradients(
        self,
        batch: Episodes,
        step: tf.Tensor | int = 0,
        class_loss: ClassLoss | None = None,
    ) -> MetaGradients:
        """The mean over T tasks of the query loss and of its gradients; see `Method`.

        Args:
            batch: T tasks, which tell their classes where there is a class loss.
            step: the number of the meta-update.
            class_loss: a loss that counts beside the query loss; the gradients of its variables
                then follow those of the method's.
        """
        parts = self.annealing.phases(self.steps)
        if len(parts) == 1:
            results = self._mapped(batch, step, parts[0], class_loss)()
        else:
            results = annealing.at(
                step, parts, lambda part: self._mapped(batch, step, part, class_loss)()
            )
        return tf.nest.map_structure(lambda values: tf.reduce_mean(values, axis=0), results)

    def _mapped(
        self,
        episodes: Episodes,
        step: tf.Tensor | int,
        phase: annealing.Phase,
        class_loss: ClassLoss | None,
    ) -> Callable[[], MetaGradients]:
        """The call that computes the gradients of each task, or of each group of tasks.

        Differentiating inside the loop over tasks, rather than through it, keeps the activations
        of the running tasks in memory instead of all tasks'.
        """
        dtype = episodes.support_images.dtype
        objective = self.annealing.objective(phase, self.steps, step, dtype)
        objective = dataclasses.replace(objective, class_loss=class_loss)
        variables, metrics = self.variables, dict.fromkeys(self.metrics, dtype)
        if class_loss is not None:
            variables = [*variables, *class_loss.variables]
            metrics |= dict.fromkeys(class_loss.metrics, dtype)
        gradients = [v.dtype for v in variables]
        statistics = [v.dtype for v in self.moving_statistics]
        signature = MetaGradients(dtype, dtype, gradients, metrics, statistics)
        if self.needs_features_only((self.steps,)):
            of_group = functools.partial(self.gradients_on_features, objective)
            return over_groups(of_group, episodes, signature)
        of_task = self.observed(functools.partial(self.task_gradients, objective))
        return over_tasks(of_task, episodes, signature, self.task_map)

    def predictions(self, episodes: Episodes, at_steps: Sequence[int]) -> Predictions:
        """Adapts to tasks, and looks at their queries; see `Method`."""
        dtype = episodes.support_images.dtype
        signature = Predictions(dtype, dict.fromkeys(self.metrics, dtype))

        def of_task(ways: tf.Tensor, arrays: Sequence[tf.Tensor]) -> Predictions:
            return self.solve(Episodes.of(ways, arrays), at_steps, PREDICTION)

        return over_tasks(of_task, episodes, signature, self.task_map)()

    def predictions_of_features(self, episodes: Episodes, at_steps: Sequence[int]) -> Predictions:
        """`predictions` for episodes of features, where `needs_features_only(at_steps)`."""
        return self.solve_features(episodes, at_steps, PREDICTION)

    def task_gradients(
        self, objective: Objective, ways: tf.Tensor, arrays: Sequence[tf.Tensor]
    ) -> MetaGradients:
        """Query loss, accuracy and gradients of one task.

        Args:
            objective: what is minimised.
            ways: the number C of classes.
            arrays: the arrays of `Episodes` of one task.
        """
        task = Episodes.of(ways, arrays)
        with self.backbone.observed() as seen, tf.GradientTape() as tape:
            found = self.solve(task, objective.at_steps, objective)
            loss = objective.of(self.loss, task.query_labels, found.logits)
        features = self.features_of_passes(seen, objective)
        return self.gradients_of(objective, tape, loss, task, found, features)

    def features_of_passes(self, seen: Observed, objective: Objective) -> Features:
        """The features under θ of a task whose passes were observed.

        Those of the support set are of the first pass; those of the queries are of the last one,
        and under θ where no step moved the backbone.
        """
        kept = self.keeps_features(objective.at_steps)
        return Features(seen.support_features, seen.query_features if kept else None)

    def gradients_on_features(
        self, objective: Objective, ways: tf.Tensor, arrays: Sequence[tf.Tensor]
    ) -> MetaGradients:
        """The same, as means over a group of tasks, from one pass of all their pictures."""
        tasks = Episodes.of(ways, arrays)
        with tf.GradientTape() as tape:
            episodes = self.with_features(tasks)
            found = self.solve_features(episodes, objective.at_steps, objective)
            loss = tf.reduce_mean(objective.of(self.loss, tasks.query_labels, found.logits))
        features = Features(episodes.support_images, episodes.query_images)
        return self.gradients_of(objective, tape, loss, tasks, found, features)

    def gradients_of(
        self,
        objective: Objective,
        tape: tf.GradientTape,
        loss: tf.Tensor,
        task: Episodes,
        found: Predictions,
        features: Features,
    ) -> MetaGradients:
        """What a meta-batch gives, from a loss that a tape recorded.

        Args:
            objective: what is minimised, a class loss beside the loss included.
            tape: the tape.
            loss: a scalar.
            task: one task, or some.
            found: the predictions after S numbers of steps, of which the last is reported.
            features: the pictures' features that the tape recorded, for a class loss.
        """
        hits = tf.reduce_mean(accuracy(task.query_labels, found.logits[..., -1, :, :]))
        last = {name: tf.reduce_mean(values[..., -1]) for name, values in found.metrics.items()}
        if objective.class_loss is None:
            gradients = tape.gradient(loss, self.variables, unconnected_gradients="zero")
            return MetaGradients(loss, hits, gradients, last)
        gradients, measured = objective.class_loss.gradients(
            tape, loss, self.variables, task, features
        )
        return MetaGradients(loss, hits, gradients, {**last, **measured})

    def with_features(self, tasks: Episodes) -> Episodes:
        """The same tasks, with [t, N, D] features in place of images, each picture on its own."""
        images = tf.concat([tasks.support_images, tasks.query_images], axis=1)
        flat = tf.reshape(images, tf.concat([[-1], tf.shape(images)[2:]], 0))
        flat = tf.ensure_shape(flat, [None, *images.shape[2:]])
        features, _ = self.backbone.support_features(self.theta(), flat)
        features = tf.reshape(features, (*tf.unstack(tf.shape(images)[:2]), features.shape[-1]))
        shots = tf.shape(tasks.support_images)[1]
        return tasks._replace(support_images=features[:, :shots], query_images=features[:, shots:])
