"""What a method is to those who train and evaluate it."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

from data_gen.batches import Batch
from data_gen.episodes import Episodes
from data_gen.errors import UserError
from hidra_tf.adaptation.descent import TaskWeights
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.meta_training import meta_update
from hidra_tf.backbones.observation import observing
from hidra_tf.heads.neurons import HeadWeights


class MetaGradients(NamedTuple):
    """What one meta-batch gives.

    Attributes:
        loss: the mean query loss.
        accuracy: the mean query accuracy.
        gradients: ∂loss/∂variables, in the order of `Method.variables`.
        metrics: whatever else is worth a curve, under the names of `Method.metrics`.
        statistics: batch statistics in the order of `Method.statistics`.
    """

    loss: tf.Tensor
    accuracy: tf.Tensor
    gradients: list[tf.Tensor]
    metrics: dict[str, tf.Tensor] = {}  # noqa: RUF012 — nobody writes into it
    statistics: list[tf.Tensor] = []  # noqa: RUF012 — nobody writes into it


class Predictions(NamedTuple):
    """What T tasks' queries are taken for after each of S numbers of inner steps.

    Attributes:
        logits: [T, S, C·Q, C].
        metrics: [T, S] for each name of `Method.metrics`.
    """

    logits: tf.Tensor
    metrics: dict[str, tf.Tensor]


class Method(abc.ABC):
    """A way of learning to learn: all that training, evaluation and checkpoints want of it.

    A method of your own needs `variables`, `loss`, `meta_gradients` and `predictions`. One whose
    predictions can be had from features that no step moves says so in `keeps_features` and makes
    them in `predictions_of_features`; its evaluation is then many times as fast.

    Args:
        backbone: the backbone f with its weights θ.

    Attributes:
        metrics: names of what is measured beside loss and accuracy.
        displaces: whether `meta_gradients` gives distances that the weights are to move, and not
            slopes of a loss; a distance means what it says, and is not clipped.
    """

    metrics: tuple[str, ...] = ()
    displaces = False

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone

    @property
    @abc.abstractmethod
    def variables(self) -> list[tf.Variable]:
        """What the meta-optimizer moves and a checkpoint holds, in this order; θ comes first."""

    @property
    def backbones(self) -> list[Backbone]:
        """All networks that have normalisation layers, the backbone first."""
        return [self.backbone]

    @property
    def statistics(self) -> list[tf.Variable]:
        """The running statistics that meta-updates move and a checkpoint holds; see `Backbone`."""
        return [variable for one in self.backbones for variable in one.statistics]

    def backbone_was_replaced(self) -> None:  # noqa: B027 — most methods have nothing to do
        """Is called when the backbone's weights were given other values before the training."""

    @property
    def moving_statistics(self) -> list[tf.Variable]:
        """The running statistics that are measured at this moment; none outside of training."""
        return [] if meta_update() is None else self.statistics

    def keep(self, statistics: Sequence[tf.Tensor]) -> None:
        """Moves the running statistics towards those of a meta-batch."""
        left = list(statistics)
        for one in self.backbones:
            count = len(one.statistics)
            one.keep(left[:count])
            left = left[count:]

    def observed(self, function: Callable[..., MetaGradients]) -> Callable[..., MetaGradients]:
        """A function of a task, or of a minibatch, that also tells its batch statistics.

        It is the function itself where no running statistics are kept, as outside of training.
        """
        if not self.moving_statistics:
            return function

        def with_statistics(*given: object) -> MetaGradients:
            with observing(self.backbones) as seen:
                found = function(*given)
            return found._replace(statistics=seen())

        return with_statistics

    @property
    def undecayed(self) -> list[tf.Variable]:
        """Those of `variables` that weight decay must leave alone, for they are no weights."""
        return []

    @property
    def head_variables(self) -> list[tf.Variable]:
        """Those of `variables` that are weights and not the backbone's: heads, hypernetworks."""
        rest = self.variables[len(self.backbone.variables) :]
        rates = {id(variable) for variable in self.undecayed}
        return [variable for variable in rest if id(variable) not in rates]

    @property
    def monitored(self) -> Method:
        """The method, with these weights, whose accuracy is followed and chooses the best ones."""
        return self

    def check_ways(self, ways: int) -> None:
        """Raises `UserError` if tasks of `ways` classes cannot be learned."""
        if ways < 2:
            raise UserError(f"expected at least 2 ways, received {ways}")

    @abc.abstractmethod
    def loss(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """The reported loss, its mean [...] over images: labels [..., N], logits [..., N, C]."""

    @abc.abstractmethod
    def meta_gradients(self, batch: Episodes | Batch, step: tf.Tensor | int = 0) -> MetaGradients:
        """The mean loss of a meta-batch, and its gradients.

        Call it within `hidra_tf.backbones.meta_training.meta_training(step)`, as `MetaUpdates`
        does: otherwise nothing is dropped, and `norm="running"` takes the statistics of tests.

        Args:
            batch: T tasks; or a minibatch of pictures, of a method that is trained on those.
            step: the number of the meta-update, for what changes in the course of training.
        """

    @abc.abstractmethod
    def predictions(self, episodes: Episodes, at_steps: Sequence[int]) -> Predictions:
        """Adapts to tasks, and looks at their queries.

        Args:
            episodes: T tasks.
            at_steps: S numbers of inner steps ≥ 0, ascending; one adaptation gives them all.
        """

    def query_logits(self, episodes: Episodes, at_steps: Sequence[int]) -> tf.Tensor:
        """The logits [T, S, C·Q, C] of `predictions`."""
        return self.predictions(episodes, at_steps).logits

    def keeps_features(self, at_steps: Sequence[int]) -> bool:
        """Whether no step moves the backbone, so that tasks are solved on features as they are."""
        del at_steps
        return False

    def needs_features_only(self, at_steps: Sequence[int]) -> bool:
        """Whether `predictions` may be had from features that were computed once.

        This is so where no step moves them and none depends on another picture.
        """
        return self.backbone.per_image and self.keeps_features(at_steps)

    def needs_class_means_only(self, at_steps: Sequence[int]) -> bool:
        """Whether all that counts of a support set's features is the mean of each class.

        If so, `predictions_of_features` may be given a mean in the place of a class's pictures.
        """
        del at_steps
        return False

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Features [N, D] of images [N, H, W, channels], each on its own."""
        return self.backbone.support_features(self.theta(), images)[0]

    def predictions_of_features(self, episodes: Episodes, at_steps: Sequence[int]) -> Predictions:
        """`predictions` for episodes of features, where `needs_features_only(at_steps)`."""
        raise NotImplementedError

    def task_head(
        self, features: tf.Tensor, labels: tf.Tensor, ways: tf.Tensor | int, steps: int
    ) -> HeadWeights:
        """The output layer of one task, where `keeps_features((steps,))`.

        Its logits are those of `predictions_of_features`, up to a number that all logits of a
        picture have in common. With it, queries are answered without the support set.

        Args:
            features: of the support images, [N, D].
            labels: integers in 0 … C−1, [N]; no class is without images.
            ways: C.
            steps: the number of inner steps.

        Raises:
            UserError: if the method's answers are not those of one output layer.
        """
        del features, labels, ways, steps
        raise self._without_output_layer()

    def task_weights(self, task: Episodes, steps: int) -> TaskWeights:
        """All weights of one task after some inner steps, where these move the backbone.

        Args:
            task: the arrays of one task, without the axis of the tasks; its queries do not matter.
            steps: the number of inner steps.

        Raises:
            UserError: if the method's answers are not those of one output layer.
        """
        del task, steps
        raise self._without_output_layer()

    def _without_output_layer(self) -> UserError:
        return UserError(
            "expected a method that makes one linear output layer for a task, such as "
            f"`method=hidra` or `method=protonet`; received {type(self).__name__}"
        )

    def theta(self) -> list[tf.Tensor]:
        """The backbone's weights θ, as they are now."""
        return [tf.convert_to_tensor(variable) for variable in self.backbone.variables]
