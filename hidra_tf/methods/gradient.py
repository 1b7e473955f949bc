"""MAML's way: an initialization from which a few gradient steps solve a task."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from data_gen.episodes import Episodes
from data_gen.errors import UserError
from hidra_tf import methods
from hidra_tf.adaptation.inner_loop import InnerLoop, TaskWeights, query_logits
from hidra_tf.adaptation.rates import InnerRates, WeightRates
from hidra_tf.adaptation.step_norms import StepNorms
from hidra_tf.adaptation.steps import Rates
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.neurons import HeadWeights
from hidra_tf.heads.registry import Head, make_head
from hidra_tf.methods.episodic import EpisodicMethod
from hidra_tf.methods.interface import MetaGradients, Predictions
from hidra_tf.methods.objective import PREDICTION, Objective
from hidra_tf.methods.phases import Annealing


class GradientMethod(EpisodicMethod):
    """Learns an initialization from which a few gradient steps solve a task (MAML and its kin).

    Args:
        backbone: the backbone f with its weights θ.
        inner: the inner loop of meta-training.
        head: the output neurons' initialization.
        first_order: whether meta-gradients ignore how a step depends on where it started.
        multi_step_loss: the number of meta-updates over which the query loss counts after every
            inner step; see `hidra_tf.methods.phases`.
        second_order_after: the number of meta-updates before second derivatives are taken.
        learn_inner_lr: whether every inner step and weight has a learned rate, which starts at α;
            see `hidra_tf.adaptation.rates`.
        per_step_norm: whether every inner step has γ and β of its own; see
            `hidra_tf.adaptation.step_norms`.
        task_map: how tasks with weights of their own are run; see `hidra_tf.methods.task_map`.
        temperature: what the queries' logits are divided by before their loss; see
            `EpisodicMethod`.

    Attributes:
        metrics: how far a task's adaptation moves the head, the norms in Table 3 of the HyperMAML
            paper.
        rates: the learned rates, or None.

    Raises:
        ValueError: if a value is out of range, or a name unknown.
    """

    metrics: tuple[str, ...] = ("head_update/weight", "head_update/bias")

    def __init__(
        self,
        *,
        backbone: Backbone,
        inner: InnerLoop,
        head: Head,
        first_order: bool = False,
        multi_step_loss: int = 0,
        second_order_after: int = 0,
        learn_inner_lr: bool = False,
        per_step_norm: bool = False,
        task_map: str = "auto",
        temperature: float = 1.0,
    ) -> None:
        super().__init__(
            backbone=backbone, loss=inner.loss, task_map=task_map, temperature=temperature
        )
        self.inner, self.head, self.steps = inner, head, inner.steps
        self.annealing = Annealing(first_order, multi_step_loss, second_order_after)
        self.rates: InnerRates | WeightRates | None = None
        if learn_inner_lr:
            self.rates = InnerRates.of(inner, backbone)
        self.step_norms = StepNorms(self.backbone, inner.steps) if per_step_norm else None

    @classmethod
    def assembled(cls, parts: methods.Parts, **options: Any) -> GradientMethod:  # noqa: ANN401
        """The method from what the registry's `build` is given; `options` of the constructor."""
        head = make_head(parts.head, parts.backbone, ways=parts.ways, seed=parts.seed)
        return cls(
            backbone=parts.backbone,
            inner=parts.inner,
            head=head,
            task_map=parts.task_map,
            **options,
        )

    @property
    def variables(self) -> list[tf.Variable]:
        """What the meta-optimizer moves: θ, γ and β of steps, the head's, then inner rates."""
        norms = [] if self.step_norms is None else self.step_norms.tables
        head = self.head.trainable_variables
        return [*super().variables, *norms, *head, *self.undecayed]

    @property
    def head_variables(self) -> list[tf.Variable]:
        """Those of the head."""
        return list(self.head.trainable_variables)

    def backbone_was_replaced(self) -> None:
        """Lets γ and β of all steps begin with those of the backbone."""
        if self.step_norms is not None:
            self.step_norms.begin_with(self.backbone)

    def theta(self) -> list[tf.Tensor]:
        """The backbone's weights θ, as they are now; with γ and β of the first step."""
        theta = super().theta()
        return theta if self.step_norms is None else self.step_norms.at(theta, 0)

    @property
    def undecayed(self) -> list[tf.Variable]:
        """The learned inner rates, where there are any."""
        return [] if self.rates is None else list(self.rates.trainable_variables)

    def check_ways(self, ways: int) -> None:
        """Raises `UserError` if tasks of `ways` classes cannot be learned."""
        super().check_ways(ways)
        if self.head.fixed_ways not in (None, ways):
            raise UserError(
                f"the head was made for {self.head.fixed_ways} ways and has no neurons for other "
                f"numbers; received {ways}. `method={methods.any_way_of(type(self))}` takes any "
                f"number of ways"
            )

    def initialization(self, ways: tf.Tensor | int) -> TaskWeights:
        """The weights with which a task of `ways` classes starts out."""
        return TaskWeights(self.theta(), self.head.initial(ways))

    def start(self, task: Episodes, objective: Objective) -> TaskWeights:
        """The weights with which one task starts out, for the objective of a meta-update."""
        del objective
        return self.initialization(task.ways)

    def keeps_features(self, at_steps: Sequence[int]) -> bool:
        """Whether all steps are free ones, which leave the backbone alone."""
        return max(at_steps) <= self.free_steps

    def needs_class_means_only(self, at_steps: Sequence[int]) -> bool:
        """Whether the step in closed form is all that happens."""
        return max(at_steps) <= self.free_steps and self.inner.is_exact_start(self.head.tied)

    @property
    def recomputes(self) -> bool:
        """Whether a meta-gradient computes inner steps again instead of keeping them."""
        return self.inner.recompute

    @property
    def free_steps(self) -> int:
        """How many steps leave the backbone alone and are had from features, by `first_step`."""
        return 1 if self.inner.is_exact_start(self.head.tied) else 0

    def first_step(
        self, head: HeadWeights, features: tf.Tensor, labels: tf.Tensor, objective: Objective
    ) -> HeadWeights:
        """The head after a free step; see `closed_form.first_step` for the shapes."""
        return self.inner.exact_first_step(
            head, features, labels, self.learned_rates(), objective.derivatives
        )

    def task_head(
        self, features: tf.Tensor, labels: tf.Tensor, ways: tf.Tensor | int, steps: int
    ) -> HeadWeights:
        """The output layer of one task after free steps; see `Method`."""
        head = self.head.initial(ways)
        return self.first_step(head, features, labels, PREDICTION) if steps else head

    def task_weights(self, task: Episodes, steps: int) -> TaskWeights:
        """All weights of one task after some inner steps; see `Method`."""
        return self.adaptation(task)((steps,))[0]

    def learned_rates(self) -> Rates | None:
        """The learned rates as they are now, or None."""
        return None if self.rates is None else self.rates.of_steps()

    def adaptation(
        self, task: Episodes, objective: Objective = PREDICTION
    ) -> Callable[[Sequence[int]], list[TaskWeights]]:
        """A function of S numbers of steps ≥ 0, ascending, to the weights after each of them."""
        return functools.partial(
            self.inner.trajectory,
            self.backbone,
            self.start(task, objective),
            self.head.tied,
            task.support_images,
            task.support_labels,
            rates=self.learned_rates(),
            derivatives=objective.derivatives,
            norms=self.step_norms,
        )

    def task_gradients(
        self, objective: Objective, ways: tf.Tensor, arrays: Sequence[tf.Tensor]
    ) -> MetaGradients:
        """Query loss, accuracy and gradients of one task, as in `EpisodicMethod`."""
        task = Episodes.of(ways, arrays)
        with self.backbone.observed() as seen, tf.GradientTape() as tape:
            # Without `solve`, for a short way from the trainer to the convolution.
            weights = self.adaptation(task, objective)((0, *objective.at_steps))
            found = self._predicted(task, weights)
            loss = objective.of(self.loss, task.query_labels, found.logits)
        features = self.features_of_passes(seen, objective)
        return self.gradients_of(objective, tape, loss, task, found, features)

    def solve(self, task: Episodes, at_steps: Sequence[int], objective: Objective) -> Predictions:
        """Predictions for one task, by adaptation to its support set."""
        return self._predicted(task, self.adaptation(task, objective)((0, *at_steps)))

    def solve_features(
        self, episodes: Episodes, at_steps: Sequence[int], objective: Objective
    ) -> Predictions:
        """Predictions for T tasks from features, by free steps alone."""
        features, labels = episodes.support_images, episodes.support_labels
        head = self.head.initial(episodes.ways)
        heads = [head.for_each(tf.shape(features)[:-2])]
        if max(at_steps) > 0:
            heads.append(self.first_step(head, features, labels, objective))
        return self.answers(episodes, heads[0], [heads[steps] for steps in at_steps])

    def answers(
        self, episodes: Episodes, first: HeadWeights, heads: Sequence[HeadWeights]
    ) -> Predictions:
        """Predictions for T tasks from query features [T, N, D], the first head and S heads."""
        logits = tf.stack([head.logits(episodes.query_images) for head in heads], axis=1)
        return Predictions(logits, self._head_update(first, heads))

    def _predicted(self, task: Episodes, weights: Sequence[TaskWeights]) -> Predictions:
        """Predictions for one task from its first weights and those after S numbers of steps."""
        first, *adapted = weights
        support, queries = task.support_images, task.query_images
        logits = tf.stack(
            list(map(functools.partial(query_logits, self.backbone, support, queries), adapted)),
            axis=-3,
        )
        return Predictions(logits, self._head_update(first.head, [one.head for one in adapted]))

    def _head_update(
        self, first: HeadWeights, heads: Sequence[HeadWeights]
    ) -> dict[str, tf.Tensor]:
        """The `metrics` [..., S]: norms of what S numbers of steps added to the first head."""
        norms = {
            "head_update/weight": [tf.norm(h.kernel - first.kernel, axis=(-2, -1)) for h in heads],
            "head_update/bias": [tf.norm(h.bias - first.bias, axis=-1) for h in heads],
        }
        return {name: tf.stack(norms[name], axis=-1) for name in self.metrics}
