"""The compiled meta-update."""

from __future__ import annotations

from typing import NamedTuple

import keras
import tensorflow as tf

from data_gen.batches import BatchSampler
from data_gen.episodes import EpisodeSampler
from hidra_tf.backbones.meta_training import meta_training
from hidra_tf.methods.interface import Method
from hidra_tf.options import check_not_negative
from hidra_tf.training.averaging import WeightAverages
from hidra_tf.training.optimizers import apply_clipped


class UpdateResult(NamedTuple):
    """What some meta-updates gave.

    Attributes:
        step: the step reached; if an update was not finite, the number of updates before it.
        loss: mean query loss.
        accuracy: mean query accuracy.
        finite: whether all losses and gradients were.
        metrics: means of what else the method measures.
    """

    step: tf.Tensor
    loss: tf.Tensor
    accuracy: tf.Tensor
    finite: tf.Tensor
    metrics: dict[str, tf.Tensor]


class MetaUpdates:
    """Runs many meta-updates in one compiled call, episodes included.

    The outer loop of Algorithm 1 of HIDRA (https://arxiv.org/abs/1910.12749), and of MAML
    (https://arxiv.org/abs/1703.03400), for every method.

    Example:
        >>> import keras, numpy as np
        >>> from data_gen.class_pool import ClassPool
        >>> from data_gen.episodes import EpisodeSampler
        >>> from hidra_tf import Backbone, MetaUpdates, ProtoNet, make_optimizer
        >>> pool = ClassPool(np.zeros((6, 4, 4, 1), np.uint8), (2, 2, 2), ("a", "b", "c"))
        >>> sampler = EpisodeSampler(
        ...     pool, (2,), shots=1, query_shots=1, meta_batch=1, seed=0, stream="meta_train"
        ... )
        >>> layers = [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(8)]
        >>> method = ProtoNet(backbone=Backbone(keras.Sequential(layers), norm="none"))
        >>> optimizer = make_optimizer(method.variables, learning_rate=1e-3)
        >>> updates = MetaUpdates(method, sampler, optimizer, clip_norm=10.0)
        >>> int(updates(0, 3).step)
        3

    Args:
        method: the method that is trained.
        sampler: step → meta-batch, or whatever the method learns from.
        optimizer: an optimizer built for `method.variables`; see `make_optimizer`.
        clip_norm: the norm to which each variable's gradient is clipped; 0 for no clipping. What
            is a displacement (`Method.displaces`) is not clipped at all.
        averages: averages that follow each update, or None.
    """

    def __init__(
        self,
        method: Method,
        sampler: EpisodeSampler | BatchSampler,
        optimizer: keras.optimizers.Optimizer,
        clip_norm: float,
        averages: WeightAverages | None = None,
    ) -> None:
        check_not_negative("clip_norm", clip_norm)
        self.method, self.sampler = method, sampler
        self.optimizer, self.clip_norm = optimizer, 0.0 if method.displaces else clip_norm
        self.averages = averages or WeightAverages((), 0.0, optimizer)

    @tf.function(
        autograph=False,
        input_signature=[tf.TensorSpec((), tf.int32), tf.TensorSpec((), tf.int32)],
    )
    def __call__(self, first: tf.Tensor, last: tf.Tensor) -> UpdateResult:
        """Meta-updates number `first` … `last` − 1; ends early where one is not finite."""
        zero = tf.zeros((), self.sampler.dtype)
        sums = UpdateResult(
            first, zero, zero, tf.constant(True), dict.fromkeys(self.method.metrics, zero)
        )
        step, loss, accuracy, finite, metrics = tf.while_loop(
            lambda step, _loss, _accuracy, finite, _metrics: finite & (step < last),
            self._update,
            sums,
        )
        count = tf.cast(tf.maximum(step - first, 1), loss.dtype)
        means = {name: total / count for name, total in metrics.items()}
        return UpdateResult(step, loss / count, accuracy / count, finite, means)

    def _update(
        self,
        step: tf.Tensor,
        loss: tf.Tensor,
        accuracy: tf.Tensor,
        finite: tf.Tensor,
        metrics: dict[str, tf.Tensor],
    ) -> UpdateResult:
        with meta_training(step):
            result = self.method.meta_gradients(self.sampler(step), step)
        finite = tf.math.is_finite(result.loss + tf.linalg.global_norm(result.gradients))

        def apply() -> tf.Tensor:
            variables = self.method.variables
            apply_clipped(self.optimizer, result.gradients, variables, self.clip_norm)
            self.method.keep(result.statistics)
            self.averages.follow()
            return step + 1

        step = tf.cond(finite, apply, lambda: step)
        metrics = {name: total + result.metrics[name] for name, total in metrics.items()}
        return UpdateResult(step, loss + result.loss, accuracy + result.accuracy, finite, metrics)
