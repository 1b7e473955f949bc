"""What transfer methods have in common: a classifier of all classes, and a new head per task."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from data_gen.batches import Batch
from data_gen.episodes import Episodes
from hidra_tf.adaptation.head_sgd import HeadSgd
from hidra_tf.adaptation.head_training import HeadTraining, NewHead
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.adaptation.losses import accuracy
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.cosine import CosineHead
from hidra_tf.heads.neurons import FixedHead
from hidra_tf.methods import Parts
from hidra_tf.methods.frozen import FrozenFeatures
from hidra_tf.methods.interface import MetaGradients, Method, Predictions
from hidra_tf.methods.objective import Objective
from hidra_tf.methods.protonet import ProtoNet
from hidra_tf.options import VAL_CLASSIFIERS, check_choice


class TransferMethod(FrozenFeatures):
    """Trained without tasks, on minibatches of pictures and the classes of the whole pool.

    A task then has a new head trained on its support set, on frozen features, by `inner.steps`
    passes over it. See Chen, Liu, Kira, Wang and Huang (2019), https://arxiv.org/abs/1904.04232.

    Subclasses say in `classifier_class` what classifies all classes, in `new_heads` how a task's
    head begins and is trained, and in `own_sgd` by which optimizer unless another is asked for.

    Args:
        backbone: the backbone f with its weights θ.
        inner: how the new heads are trained: the rate, the loss, and the number of passes.
        classifier: one neuron for each training class; without it nothing can be trained.
        sgd: momentum, weight decay and minibatches of that training; None for `own_sgd`.
        seed: the seed of the order of the minibatches.
        task_map: how tasks under shared statistics are run; see `hidra_tf.methods.task_map`.
        val_classifier: what solves the tasks in the course of the training, by which the best
            checkpoint is chosen: a new `head` for each, or the `nearest_mean` of a class on the
            same features, as in the pre-training of Ye et al. (2020),
            https://arxiv.org/abs/1812.03664.

    Raises:
        ValueError: if there is no such classifier.
    """

    classifier_class: type
    own_sgd = HeadSgd()

    def __init__(
        self,
        *,
        backbone: Backbone,
        inner: InnerLoop,
        classifier: FixedHead | CosineHead | None = None,
        sgd: HeadSgd | None = None,
        seed: int = 0,
        task_map: str = "auto",
        val_classifier: str = "head",
    ) -> None:
        super().__init__(backbone=backbone, loss=inner.loss, task_map=task_map)
        check_choice("val_classifier", val_classifier, VAL_CLASSIFIERS)
        self.inner, self.classifier, self.val_classifier = inner, classifier, val_classifier
        self.training = HeadTraining(inner, self.own_sgd if sgd is None else sgd, seed)

    @classmethod
    def assembled(
        cls,
        parts: Parts,
        classes: int | None = None,
        val_classifier: str = "head",
        **asked: Any,  # noqa: ANN401 — numbers, or None
    ) -> TransferMethod:
        """The method from what the registry's `build` is given.

        Args:
            parts: what every method is made of.
            classes: the number of training classes to be learned, or None.
            val_classifier: as of the class.
            **asked: the fields of `HeadSgd` after `head_`, each None for the method's own.
        """
        classifier = classes and cls.classifier_class.of(
            parts.backbone, ways=classes, seed=parts.seed
        )
        return cls(
            backbone=parts.backbone,
            inner=parts.inner,
            classifier=classifier or None,
            sgd=cls.own_sgd.changed(**asked),
            seed=parts.seed,
            task_map=parts.task_map,
            val_classifier=val_classifier,
        )

    @property
    def monitored(self) -> Method:
        """This method, or the nearest class mean on the same backbone."""
        if self.val_classifier == "head":
            return self
        return ProtoNet(backbone=self.backbone, loss=self.inner.loss, task_map=self.task_map)

    @property
    def variables(self) -> list[tf.Variable]:
        """The trained variables: the backbone's θ, then those of the classifier."""
        own = self.classifier.trainable_variables if self.classifier else ()
        return [*super().variables, *own]

    def meta_gradients(self, batch: Batch, step: tf.Tensor | int = 0) -> MetaGradients:
        """Loss, accuracy and gradients of one minibatch, whatever the number of the update."""
        del step
        return self.observed(self._batch_gradients)(*batch)

    def _batch_gradients(self, images: tf.Tensor, labels: tf.Tensor) -> MetaGradients:
        with tf.GradientTape() as tape:
            logits = self.classifier.initial(0).logits(self.features(images))
            loss = self.loss(labels, logits)
        gradients = tape.gradient(loss, self.variables, unconnected_gradients="zero")
        return MetaGradients(loss, accuracy(labels, logits), gradients)

    @abc.abstractmethod
    def new_heads(
        self, episodes: Episodes, at_steps: Sequence[int], objective: Objective
    ) -> Sequence[NewHead]:
        """The heads of T tasks after each of S numbers of passes.

        Args:
            episodes: T tasks, with features in place of images.
            at_steps: S numbers ≥ 0, ascending.
            objective: for what the predictions are made.
        """

    def solve_features(
        self, episodes: Episodes, at_steps: Sequence[int], objective: Objective
    ) -> Predictions:
        """Logits [T, S, C·Q, C] from features [T, C·K, D] and [T, C·Q, D]."""
        heads = self.new_heads(episodes, at_steps, objective)
        logits = [head.logits(episodes.query_images) for head in heads]
        return Predictions(tf.stack(logits, axis=1), {})
