"""Transfer learning: a classifier of all training classes, and a new head for every task."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from data_gen.batches import Batch
from data_gen.episodes import Episodes
from hidra_tf.adaptation.head_steps import heads_at
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.adaptation.losses import accuracy
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.neurons import FixedHead, ZeroHead
from hidra_tf.methods import Parts
from hidra_tf.methods.frozen import FrozenFeatures
from hidra_tf.methods.interface import MetaGradients, Method, Predictions
from hidra_tf.methods.objective import Objective
from hidra_tf.methods.protonet import ProtoNet
from hidra_tf.options import VAL_CLASSIFIERS, check_choice


class Finetune(FrozenFeatures):
    """The "Baseline" of Chen, Liu, Kira, Wang and Huang (2019).

    Trained without tasks, on minibatches of pictures and the classes of the whole pool. A task
    then has a new linear head trained on its support set, on frozen features, by `inner.steps`
    steps over the whole of it. The new head begins at zero (theirs at random): the problem is
    convex, and so the order of the classes changes nothing. See https://arxiv.org/abs/1904.04232.

    Example:
        >>> from hidra_tf import Backbone, Finetune, FixedHead, InnerLoop, conv4
        >>> backbone = Backbone(conv4((28, 28, 1), filters=8), norm="affine")
        >>> classifier = FixedHead.of(backbone, ways=64)
        >>> inner = InnerLoop(steps=100, learning_rate=0.01)
        >>> Finetune(backbone=backbone, inner=inner, classifier=classifier).variables[-1].shape
        TensorShape([8, 64])

    Args:
        backbone: the backbone f with its weights θ.
        inner: how the new heads are trained.
        classifier: one neuron for each training class; without it nothing can be trained.
        task_map: how tasks under shared statistics are run; see `hidra_tf.methods.task_map`.
        val_classifier: what solves the tasks in the course of the training, by which the best
            checkpoint is chosen: a new `head` for each, or the `nearest_mean` of a class on the
            same features, as in the pre-training of Ye et al. (2020),
            https://arxiv.org/abs/1812.03664.

    Raises:
        ValueError: if there is no such classifier.
    """

    def __init__(
        self,
        *,
        backbone: Backbone,
        inner: InnerLoop,
        classifier: FixedHead | None = None,
        task_map: str = "auto",
        val_classifier: str = "head",
    ) -> None:
        super().__init__(backbone=backbone, loss=inner.loss, task_map=task_map)
        check_choice("val_classifier", val_classifier, VAL_CLASSIFIERS)
        self.inner, self.classifier, self.val_classifier = inner, classifier, val_classifier
        self.head = ZeroHead.of(backbone)

    @classmethod
    def assembled(
        cls, parts: Parts, classes: int | None = None, val_classifier: str = "head"
    ) -> Finetune:
        """The method from what the registry's `build` is given, for `classes` to be learned."""
        classifier = classes and FixedHead.of(parts.backbone, ways=classes, seed=parts.seed)
        return cls(
            backbone=parts.backbone,
            inner=parts.inner,
            classifier=classifier or None,
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
        images, labels = batch
        with tf.GradientTape() as tape:
            logits = self.classifier.initial(0).logits(self.features(images))
            loss = self.loss(labels, logits)
        gradients = tape.gradient(loss, self.variables, unconnected_gradients="zero")
        return MetaGradients(loss, accuracy(labels, logits), gradients)

    def solve_features(
        self, episodes: Episodes, at_steps: Sequence[int], objective: Objective
    ) -> Predictions:
        """Logits [T, S, C·Q, C] from features [T, C·K, D] and [T, C·Q, D]."""
        heads = heads_at(
            self.inner,
            self.head.initial(episodes.ways),
            self.head.tied,
            episodes.support_images,
            episodes.support_labels,
            at_steps,
            derivatives=objective.derivatives,
        )
        logits = [head.logits(episodes.query_images) for head in heads]
        return Predictions(tf.stack(logits, axis=1), {})
