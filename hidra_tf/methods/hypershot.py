"""HyperShot: a hypernetwork makes a classifier from the resemblance of the classes."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from data_gen.episodes import Episodes
from data_gen.errors import UserError
from hidra_tf import methods
from hidra_tf.adaptation.losses import Loss
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.hypernetwork import class_means
from hidra_tf.heads.kernel_hypernetwork import KernelHypernetwork, kernel_values, target_logits
from hidra_tf.methods.class_loss import Features
from hidra_tf.methods.frozen import FrozenFeatures
from hidra_tf.methods.interface import MetaGradients, Predictions
from hidra_tf.methods.objective import Objective


class HyperShot(FrozenFeatures):
    """HyperShot, for one number of ways.

        p_c = 1/K Σ_{i: y_i = c} f(x_i),  k(a, b) = 1 + cos(a, b),
        logits(x) = t(k(f(x), p_1), …, k(f(x), p_C); H(k(p_1, p_1), …, k(p_C, p_C)))

    Sendera et al. (2022), https://arxiv.org/abs/2203.11378, with the cosine kernel and the class
    means of the commands that their program recommends. The hypernetwork H makes all weights of the
    target network t. As in that program, the loss is a mean over the queries and the class means:
    the latter count as further pictures of their classes. There are no inner steps; the variant
    that fine-tunes H on the support set of each test task is not here, nor are learned kernels.

    Example:
        >>> from hidra_tf import Backbone, HyperShot, KernelHypernetwork, conv4
        >>> backbone = Backbone(conv4((28, 28, 1), filters=8), norm="support")
        >>> hypernetwork = KernelHypernetwork.of(backbone, ways=5, width=32, target_width=16)
        >>> method = HyperShot(backbone=backbone, hypernetwork=hypernetwork)
        >>> method.check_ways(5)

    Args:
        backbone: the backbone f with its weights θ.
        hypernetwork: the hypernetwork H, which decides the number of ways.
        loss: the loss of the queries, a key of `losses.LOSSES` or a function.
        task_map: how tasks under shared statistics are run; see `hidra_tf.methods.task_map`.
    """

    def __init__(
        self,
        *,
        backbone: Backbone,
        hypernetwork: KernelHypernetwork,
        loss: str | Loss = "softmax",
        task_map: str = "auto",
    ) -> None:
        super().__init__(backbone=backbone, loss=loss, task_map=task_map)
        self.hypernetwork = hypernetwork

    @classmethod
    def assembled(
        cls,
        parts: methods.Parts,
        *,
        hyper_neck: int = 1,
        hyper_layers: int = 2,
        hyper_width: int = 512,
        target_layers: int = 2,
        target_width: int = 128,
    ) -> HyperShot:
        """The method from what the registry's `build` is given."""
        hypernetwork = KernelHypernetwork.of(
            parts.backbone,
            ways=parts.ways,
            neck=hyper_neck,
            layers=hyper_layers,
            width=hyper_width,
            target_layers=target_layers,
            target_width=target_width,
            seed=parts.seed,
        )
        return cls(
            backbone=parts.backbone,
            hypernetwork=hypernetwork,
            loss=parts.inner.loss,
            task_map=parts.task_map,
        )

    @property
    def variables(self) -> list[tf.Variable]:
        """The backbone's θ, then the variables of the hypernetwork."""
        return [*super().variables, *self.hypernetwork.trainable_variables]

    def check_ways(self, ways: int) -> None:
        """Raises `UserError` if tasks of `ways` classes cannot be learned."""
        super().check_ways(ways)
        made_for = self.hypernetwork.fixed_ways
        if ways != made_for:
            raise UserError(
                f"the hypernetwork was made for {made_for} ways; received {ways}. "
                f"`method={methods.any_way_of(type(self))}` takes any number of ways"
            )

    def solve_features(
        self, episodes: Episodes, at_steps: Sequence[int], objective: Objective
    ) -> Predictions:
        """Logits [T, S, C·Q, C] from features [T, C·K, D] and [T, C·Q, D]."""
        del objective
        _, logits = self.logits(episodes)
        return Predictions(tf.repeat(logits[:, tf.newaxis], len(at_steps), axis=1), {})

    def gradients_on_features(
        self, objective: Objective, ways: tf.Tensor, arrays: Sequence[tf.Tensor]
    ) -> MetaGradients:
        """Loss over class means and queries, accuracy of the queries, and gradients of the loss."""
        tasks = Episodes.of(ways, arrays)
        with tf.GradientTape() as tape:
            episodes = self.with_features(tasks)
            of_means, of_queries = self.logits(episodes)
            own = tf.broadcast_to(tf.range(ways), tf.shape(of_means)[:2])
            labels = tf.concat([own, tasks.query_labels], axis=1)
            logits = tf.concat([of_means, of_queries], axis=1)
            loss = tf.reduce_mean(self.loss(labels, logits))
        found = Predictions(of_queries[:, tf.newaxis], {})
        features = Features(episodes.support_images, episodes.query_images)
        return self.gradients_of(objective, tape, loss, tasks, found, features)

    def logits(self, episodes: Episodes) -> tuple[tf.Tensor, tf.Tensor]:
        """Logits of the class means [T, C, C] and of the queries [T, C·Q, C], from features."""
        means = class_means(episodes.support_images, episodes.support_labels, episodes.ways)
        kernel = kernel_values(means, means)
        layers = self.hypernetwork(kernel)
        of_queries = kernel_values(episodes.query_images, means)
        return target_logits(layers, kernel), target_logits(layers, of_queries)
