"""A classifier of all training classes, whose loss counts beside that of the tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from data_gen.meta_batch import ClassedEpisodes, Episodes
from hidra_tf.adaptation.losses import accuracy, cross_entropy
from hidra_tf.heads.neurons import FixedHead
from hidra_tf.options import check_positive


class Features(NamedTuple):
    """Features under the initialization, of one task or of some: leading axes are tasks.

    Attributes:
        support: [..., C·K, D], or None where an update computes none.
        query: [..., C·Q, D], or None where an update computes those of adapted weights only.
    """

    support: tf.Tensor | None
    query: tf.Tensor | None


class ClassGradients(NamedTuple):
    """What a task gives, or some tasks, where a class loss counts beside their own.

    Attributes:
        gradients: of the sum of both losses: those of the method's variables, then those of the
            classifier's.
        metrics: the class loss without its weight, and the share of pictures whose class is found.
    """

    gradients: list[tf.Tensor]
    metrics: dict[str, tf.Tensor]


class ClassLoss(tf.Module):
    """λ times the cross-entropy of a linear classifier of all training classes.

    Its pictures are those of the tasks, and their features those that a meta-update computes
    anyway under the initialization θ, with the statistics of the tasks: of the support set, and of
    the queries where no step moves the backbone. So it costs next to nothing. Oreshkin, Rodríguez
    López and Lacoste (2018, https://arxiv.org/abs/1805.10123) train a classifier of all classes
    beside episodes, on minibatches of their own.

    Args:
        weight: λ, above 0.
        classifier: one neuron for each training class.
    """

    metrics = ("class_loss", "class_accuracy")

    def __init__(self, weight: float, classifier: FixedHead) -> None:
        super().__init__(name="class_loss")
        check_positive("weight", weight)
        self.weight, self.classifier = weight, classifier

    @property
    def variables(self) -> list[tf.Variable]:
        """Those of the classifier."""
        return list(self.classifier.trainable_variables)

    def gradients(
        self,
        tape: tf.GradientTape,
        loss: tf.Tensor,
        variables: Sequence[tf.Variable],
        task: ClassedEpisodes,
        features: Features,
    ) -> ClassGradients:
        """Gradients of a loss and the class loss together, by one way back through the backbone.

        Args:
            tape: the tape that recorded the loss and the features.
            loss: a scalar.
            variables: the method's variables.
            task: the labels of the pictures, and the classes in the pool that they stand for.
            features: the features of the pictures.

        Raises:
            ValueError: if the task does not tell its classes, or there are no features.
        """
        known, classes = _classified(task, features)
        own, seen = self.variables, len(known)
        with tf.GradientTape() as beside:
            beside.watch(known)
            pictures = tf.concat([tf.reshape(part, (-1, part.shape[-1])) for part in known], 0)
            logits = self.classifier.initial(0).logits(pictures)
            value = cross_entropy(classes, logits)
            weighted = self.weight * value
        slopes = beside.gradient(weighted, [*known, *own])
        gradients = tape.gradient(
            [loss, *known],
            list(variables),
            output_gradients=[tf.ones_like(loss), *slopes[:seen]],
            unconnected_gradients="zero",
        )
        measured = (value, accuracy(classes, logits))
        return ClassGradients(
            [*gradients, *slopes[seen:]], dict(zip(self.metrics, measured, strict=True))
        )


def _classified(
    task: Episodes | ClassedEpisodes, features: Features
) -> tuple[list[tf.Tensor], tf.Tensor]:
    """The features that there are, and the classes in the pool [N] of all their pictures."""
    if not isinstance(task, ClassedEpisodes):
        raise ValueError("classes: expected episodes of a sampler with `tell_classes=True`")
    labels = (task.support_labels, task.query_labels)
    pairs = [pair for pair in zip(features, labels, strict=True) if pair[0] is not None]
    if not pairs:
        raise ValueError("features: expected those of a pass under the initialization, found none")
    classes = [
        tf.gather(task.classes, own, axis=-1, batch_dims=own.shape.rank - 1) for _, own in pairs
    ]
    flat = tf.concat([tf.reshape(part, [-1]) for part in classes], axis=0)
    return [part for part, _ in pairs], flat
