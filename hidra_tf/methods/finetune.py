"""Transfer learning: a classifier of all training classes, and a new head for every task."""

from __future__ import annotations

import tensorflow as tf

from data_gen.batches import Batch
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.adaptation.losses import accuracy
from hidra_tf.backbones.backbone import Backbone, adapting
from hidra_tf.heads.neurons import FixedHead, ZeroHead
from hidra_tf.methods.base import MetaGradients
from hidra_tf.methods.frozen import FrozenFeatures


class Finetune(FrozenFeatures):
    """The "Baseline" of Chen, Liu, Kira, Wang and Huang (2019).

    Trained without tasks, on minibatches of pictures and the classes of the whole pool. A task
    then has a new linear head trained on its support set, on frozen features, by `inner.steps`
    steps over the whole of it. The new head begins at zero (theirs at random): the problem is
    convex, and so the order of the classes changes nothing.

    Args:
        backbone: f_θ.
        inner: how the new heads are trained.
        seed: of the classifier's initial values.
        classes: of the training pool; None: there is no classifier, and no training.
        task_map: see `hidra_tf.methods.task_map`.
    """

    def __init__(
        self,
        backbone: Backbone,
        inner: InnerLoop,
        seed: int = 0,
        classes: int | None = None,
        task_map: str = "auto",
    ) -> None:
        size, dtype = backbone.feature_size, backbone.dtype
        super().__init__(adapting(backbone, False), ZeroHead(size, dtype), inner, task_map)
        self.classifier = FixedHead(size, classes, seed, dtype) if classes else None

    @property
    def variables(self) -> list[tf.Variable]:
        """What is trained: θ, then the classifier's."""
        own = self.classifier.trainable_variables if self.classifier else ()
        return [*super().variables, *own]

    def meta_gradients(self, episodes: Batch, step: tf.Tensor | int = 0) -> MetaGradients:
        """Loss, accuracy and gradients of one minibatch (no `episodes` here, but a `Batch`)."""
        del step
        images, labels = episodes
        with tf.GradientTape() as tape:
            logits = self.classifier.initial(0).logits(self.features(images))
            loss = self.loss(labels, logits)
        return MetaGradients(loss, accuracy(labels, logits), tape.gradient(loss, self.variables))
