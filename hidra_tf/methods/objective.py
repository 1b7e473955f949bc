"""What a meta-update minimises: a value that is passed along with the tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from hidra_tf.adaptation.steps import Derivatives
from hidra_tf.methods.class_loss import ClassLoss


@dataclass(frozen=True)
class Objective:
    """The query loss that counts at one meta-update, and how it is differentiated.

    Attributes:
        derivatives: which derivatives of the inner steps are taken.
        at_steps: S numbers of inner steps after which the query loss counts.
        weights: the weights [S] of these losses; None where S = 1, and the one loss counts whole.
        step: the number of the meta-update; None in predictions, where nothing is trained.
        class_loss: the loss of a classifier of all training classes that counts beside the query
            loss, or None.
    """

    derivatives: Derivatives = Derivatives.SECOND
    at_steps: tuple[int, ...] = (0,)
    weights: tf.Tensor | None = None
    step: tf.Tensor | int | None = None
    class_loss: ClassLoss | None = None

    def of(
        self,
        loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
        labels: tf.Tensor,
        logits: tf.Tensor,
    ) -> tf.Tensor:
        """The value of the objective for each task.

        Args:
            loss: labels [..., N] and logits [..., N, C] → the mean [...] over images.
            labels: the labels of the queries, [..., N].
            logits: the logits of the queries after each of `at_steps`, [..., S, N, C].

        Returns:
            One number for each of the leading axes.
        """
        if self.weights is None:
            return loss(labels, logits[..., 0, :, :])
        repeated = tf.repeat(labels[..., tf.newaxis, :], len(self.at_steps), axis=-2)
        return tf.reduce_sum(self.weights * loss(repeated, logits), axis=-1)


# Of predictions: nothing is trained, nothing is differentiated.
PREDICTION = Objective(Derivatives.NONE)
