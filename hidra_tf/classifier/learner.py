"""Compiled calls of a method for one task at a time: whatever the pictures, in fixed portions."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import tensorflow as tf

from data_gen.episodes import Episodes
from hidra_tf.adaptation.class_balance import weighing
from hidra_tf.classifier.initialization import Initialization
from hidra_tf.classifier.memory import ClassSums, Examples, Memory, Support
from hidra_tf.classifier.scaling import Scaling

# Pictures, and features, per call. What a call computes for one of them depends on the size of the
# call in its last bits, so that all calls have one size, and what is missing is filled up.
PICTURES, FEATURES = 32, 256


class Learner:
    """Learns tasks from an initialization.

    Args:
        initialization: what every task starts from.
        balanced: whether all classes weigh the same, or all pictures.
    """

    def __init__(self, initialization: Initialization, balanced: bool = True) -> None:
        self._method, self._at = initialization.method, (initialization.steps,)
        self._standardized, self._balanced = initialization.standardized, balanced
        self.dtype = self._method.backbone.dtype
        self._last: tuple | None = None

    @property
    def keeps_features(self) -> bool:
        """Whether a picture's features depend on that picture alone, and no step moves them."""
        # The members of an ensemble have features of their own each.
        return self._method.keeps_features(self._at) and self._method.needs_features_only(self._at)

    def new_memory(self) -> Memory:
        """A memory of what this way to learn needs."""
        means = self.keeps_features and self._method.needs_class_means_only(self._at)
        return ClassSums() if means and self._balanced else Examples()

    def examples(self, seen: np.ndarray) -> np.ndarray:
        """What is kept of pictures [N, H, W, channels]: their features [N, D] where these stay."""
        return _in_portions(self._features, PICTURES, seen) if self.keeps_features else seen

    def logits(self, support: Support, seen: np.ndarray) -> np.ndarray:
        """Logits [N, C] of pictures [N, H, W, channels], given the support set of the task."""
        ways = int(support.labels.max()) + 1
        if self.keeps_features:
            return self._of_features(support.examples, support.labels, self.examples(seen), ways)
        if not self._method.keeps_features(self._at):
            shown = tf.constant(support.examples, self.dtype)
            return _in_portions(
                lambda part: self._of_pictures(shown, support.labels, part, ways), PICTURES, seen
            )
        features, statistics = self._looked_at(support)
        queries = _in_portions(lambda part: self._query(part, statistics), PICTURES, seen)
        return self._of_features(features, support.labels, queries, ways)

    def _looked_at(self, support: Support) -> tuple[np.ndarray, list[tf.Tensor] | None]:
        """Features [M, D] and statistics of a support set; those of the last one are kept."""
        if self._last is None or self._last[0] is not support:
            features, statistics = self._support_features(tf.constant(support.examples, self.dtype))
            self._last = (support, features.numpy(), statistics)
        return self._last[1:]

    def _of_features(
        self, features: np.ndarray, labels: np.ndarray, queries: np.ndarray, ways: int
    ) -> np.ndarray:
        if self._standardized:
            scaling = Scaling.of(Support(features, labels))
            features, queries = scaling(features), scaling(queries)
        shown = tf.constant(features, self.dtype)
        return _in_portions(lambda part: self._answer(shown, labels, part, ways), FEATURES, queries)

    @cached_property
    def _features(self) -> Callable[..., tf.Tensor]:
        return tf.function(self._method.features, reduce_retracing=True)

    @cached_property
    def _support_features(self) -> Callable[..., tuple]:
        backbone = self._method.backbone

        @tf.function(reduce_retracing=True)
        def features(images: tf.Tensor) -> tuple:
            return backbone.support_features(self._method.theta(), images)

        return features

    @cached_property
    def _query(self) -> Callable[..., tf.Tensor]:
        backbone = self._method.backbone

        @tf.function(reduce_retracing=True)
        def features(images: tf.Tensor, statistics: list[tf.Tensor] | None) -> tf.Tensor:
            return backbone.query_features(self._method.theta(), images, statistics)

        return features

    @cached_property
    def _answer(self) -> Callable[..., tf.Tensor]:
        return self._answering(self._method.predictions_of_features, rank=2)

    @cached_property
    def _of_pictures(self) -> Callable[..., tf.Tensor]:
        return self._answering(self._method.predictions, rank=4)

    def _answering(self, predictions: Callable, rank: int) -> Callable[..., tf.Tensor]:
        """A compiled function of support set, labels, queries and ways to logits [N, C]."""
        model = self._method.backbone.model
        shape = (model.output_shape if rank == 2 else model.input_shape)[1:]
        one = tf.TensorSpec((None, *shape), self.dtype)
        integers = tf.TensorSpec((None,), tf.int32)

        @tf.function(input_signature=(one, integers, one, tf.TensorSpec((), tf.int32)))
        def answer(
            support: tf.Tensor, labels: tf.Tensor, queries: tf.Tensor, ways: tf.Tensor
        ) -> tf.Tensor:
            unknown = tf.zeros(tf.shape(queries)[:1], tf.int32)
            arrays = (support, labels, queries, unknown)
            task = Episodes(*(array[tf.newaxis] for array in arrays), ways)
            with weighing(self._balanced):
                return predictions(task, self._at).logits[0, 0]

        return answer


def _in_portions(
    function: Callable[[tf.Tensor], tf.Tensor], size: int, rows: np.ndarray
) -> np.ndarray:
    """A function of `size` rows, applied to all rows; the last portion is filled up with zeros."""
    parts = []
    for first in range(0, len(rows), size):
        part = rows[first : first + size]
        filled = np.zeros((size, *rows.shape[1:]), rows.dtype)
        filled[: len(part)] = part
        parts.append(function(tf.constant(filled)).numpy()[: len(part)])
    return np.concatenate(parts)
