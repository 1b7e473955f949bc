"""A method that is trained with a class loss beside its own objective."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from data_gen.episodes import Episodes
from data_gen.meta_batch import ClassedEpisodes
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.neurons import FixedHead
from hidra_tf.methods.class_loss import ClassLoss
from hidra_tf.methods.episodic import EpisodicMethod
from hidra_tf.methods.interface import MetaGradients, Method, Predictions
from hidra_tf.seeds import derive


class WithClassLoss(Method):
    """The method in training: its variables and, after them, those of a classifier.

    A classifier beside episodes is from Oreshkin, Rodríguez López and Lacoste (2018,
    https://arxiv.org/abs/1805.10123); see `hidra_tf.methods.class_loss` for the differences.
    Tasks are solved by the method alone. So a checkpoint of this training is one of the method,
    with further weights that only the training reads.

    Example:
        >>> from hidra_tf import Backbone, ProtoNet, WithClassLoss, conv4
        >>> method = ProtoNet(backbone=Backbone(conv4((28, 28, 1), filters=8), norm="support"))
        >>> trained = WithClassLoss(method, weight=0.5, classes=64)
        >>> trained.variables[-1].shape
        TensorShape([8, 64])

    Args:
        method: the method, which learns from tasks by gradients.
        weight: λ, the weight of the class loss.
        classes: the number of training classes, those that `ClassedEpisodes.classes` counts.
        seed: the seed of the classifier's initial weights.

    Raises:
        ValueError: if the method is of another kind, or computes its steps again (`recompute`), by
            which the class loss could not go back through the backbone.
    """

    def __init__(self, method: Method, weight: float, classes: int, seed: int = 0) -> None:
        super().__init__(method.backbone)
        if type(method).meta_gradients is not EpisodicMethod.meta_gradients:
            raise ValueError(
                "method: expected one that is trained on tasks by gradients, received "
                f"{type(method).__name__}"
            )
        if method.recomputes:
            raise ValueError("class_loss: expected without `recompute`, received both")
        classifier = FixedHead.of(method.backbone, ways=classes, seed=derive(seed, "class_loss"))
        self.method, self.class_loss = method, ClassLoss(weight, classifier)
        self.metrics = (*method.metrics, *self.class_loss.metrics)

    @property
    def variables(self) -> list[tf.Variable]:
        """Those of the method, then those of the classifier."""
        return [*self.method.variables, *self.class_loss.variables]

    @property
    def backbones(self) -> list[Backbone]:
        """Those of the method."""
        return self.method.backbones

    @property
    def undecayed(self) -> list[tf.Variable]:
        """Those of the method."""
        return self.method.undecayed

    @property
    def head_variables(self) -> list[tf.Variable]:
        """Those of the method, and those of the classifier."""
        return [*self.method.head_variables, *self.class_loss.variables]

    @property
    def monitored(self) -> Method:
        """That of the method."""
        return self.method.monitored

    def check_ways(self, ways: int) -> None:
        """Raises `UserError` if tasks of `ways` classes cannot be learned."""
        self.method.check_ways(ways)

    def loss(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """That of the method, which is the reported one, without the class loss."""
        return self.method.loss(labels, logits)

    def meta_gradients(self, batch: ClassedEpisodes, step: tf.Tensor | int = 0) -> MetaGradients:
        """The method's loss and accuracy, and the gradients of the sum of both losses.

        Args:
            batch: T tasks, of a sampler with `tell_classes=True`.
            step: the number of the meta-update.
        """
        return self.method.meta_gradients(batch, step, self.class_loss)

    def predictions(self, episodes: Episodes, at_steps: Sequence[int]) -> Predictions:
        """Those of the method."""
        return self.method.predictions(episodes, at_steps)
