"""Compiled functions of a method, which all classifiers that learn in one way share.

Each is traced once: a support set may have any number of pictures and classes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import tensorflow as tf

from data_gen.episodes import Episodes
from hidra_tf.adaptation.class_balance import weighing
from hidra_tf.classifier.kept import kept_with
from hidra_tf.methods.interface import Method


class Calls:
    """Functions of tensors alone: what they are given of one task is nowhere kept.

    Args:
        method: the method, whose weights are read in each call.
        steps: the number U of inner steps.
        balanced: whether all classes weigh the same, or all pictures.
    """

    def __init__(self, method: Method, steps: int, balanced: bool) -> None:
        self._method, self._at, self._balanced = method, (steps,), balanced
        model, dtype = method.backbone.model, method.backbone.dtype
        self._shown = tf.TensorSpec((None, *model.input_shape[1:]), dtype)
        self._features = tf.TensorSpec((None, *model.output_shape[1:]), dtype)

    @cached_property
    def features(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """Features [N, D] of pictures [N, H, W, channels], each on its own."""
        return tf.function(self._method.features, input_signature=(self._shown,))

    @cached_property
    def support_features(self) -> Callable[[tf.Tensor], tuple]:
        """Features [M, D] of a support set [M, H, W, channels], and statistics for its queries."""
        method = self._method

        @tf.function(input_signature=(self._shown,))
        def features(images: tf.Tensor) -> tuple:
            return method.backbone.support_features(method.theta(), images)

        return features

    @cached_property
    def query_features(self) -> Callable[..., tf.Tensor]:
        """Features [N, D] of queries [N, H, W, channels], from these and such statistics."""
        method = self._method

        @tf.function(reduce_retracing=True)
        def features(images: tf.Tensor, statistics: list[tf.Tensor] | None) -> tf.Tensor:
            return method.backbone.query_features(method.theta(), images, statistics)

        return features

    @cached_property
    def of_features(self) -> Callable[..., tf.Tensor]:
        """Logits [N, C] from support features [M, D], labels [M], query features [N, D] and C."""
        return self._answering(self._method.predictions_of_features, self._features)

    @cached_property
    def of_pictures(self) -> Callable[..., tf.Tensor]:
        """The same from pictures in the place of features, where steps move the backbone."""
        return self._answering(self._method.predictions, self._shown)

    def _answering(self, predictions: Callable, rows: tf.TensorSpec) -> Callable[..., tf.Tensor]:
        integers = tf.TensorSpec((None,), tf.int32)

        @tf.function(input_signature=(rows, integers, rows, tf.TensorSpec((), tf.int32)))
        def answer(
            support: tf.Tensor, labels: tf.Tensor, queries: tf.Tensor, ways: tf.Tensor
        ) -> tf.Tensor:
            unknown = tf.zeros(tf.shape(queries)[:1], tf.int32)
            arrays = (support, labels, queries, unknown)
            task = Episodes(*(array[tf.newaxis] for array in arrays), ways)
            with weighing(self._balanced):
                return predictions(task, self._at).logits[0, 0]

        return answer


def calls_of(method: Method, steps: int, balanced: bool) -> Calls:
    """The compiled functions of a method, for a number of steps; they are kept with the method.

    Args:
        method: as for `Calls`.
        steps: as for `Calls`.
        balanced: as for `Calls`.
    """
    key = (Calls, int(steps), bool(balanced))
    return kept_with(method, key, lambda: Calls(method, steps, balanced))
