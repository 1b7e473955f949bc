"""The compiled meta-update."""

from __future__ import annotations

from typing import NamedTuple

import keras
import tensorflow as tf

from data_gen.batches import BatchSampler
from data_gen.episodes import EpisodeSampler
from hidra_tf.backbones.drop_block import meta_training
from hidra_tf.methods.base import GradientMethod
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

    Args:
        method: what is trained.
        sampler: step → meta-batch, or whatever the method learns from.
        optimizer: built for `method.variables`; see `make_optimizer`.
        clip_norm: each variable's gradient is clipped to this norm; 0: not at all.
    """

    def __init__(
        self,
        method: GradientMethod,
        sampler: EpisodeSampler | BatchSampler,
        optimizer: keras.optimizers.Optimizer,
        clip_norm: float,
    ) -> None:
        self.method, self.sampler = method, sampler
        self.optimizer, self.clip_norm = optimizer, clip_norm

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
            return step + 1

        step = tf.cond(finite, apply, lambda: step)
        metrics = {name: total + result.metrics[name] for name, total in metrics.items()}
        return UpdateResult(step, loss + result.loss, accuracy + result.accuracy, finite, metrics)
