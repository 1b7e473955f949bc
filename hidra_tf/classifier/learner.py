"""Solves one task at a time by compiled calls: whatever the pictures, in fixed portions."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from hidra_tf.classifier.calls import calls_of
from hidra_tf.classifier.initialization import Initialization
from hidra_tf.classifier.kept import kept_with
from hidra_tf.classifier.memory import ClassSums, Examples, Memory, Support
from hidra_tf.classifier.scaling import Scaling

# Pictures, and features, per call. What a call computes for one of them depends on the size of the
# call in its last bits, so that all calls have one size, and what is missing is filled up.
PICTURES, FEATURES = 32, 256


class Learner:
    """Learns the tasks of one classifier from an initialization.

    The compiled functions are those of all classifiers that learn in this way; what was looked at
    of a support set stays here.

    Args:
        initialization: what every task starts from.
        balanced: whether all classes weigh the same, or all pictures.
    """

    def __init__(self, initialization: Initialization, balanced: bool = True) -> None:
        self._method, self._at = initialization.method, (initialization.steps,)
        self._standardized, self._balanced = initialization.standardized, balanced
        self._calls = calls_of(self._method, initialization.steps, balanced)
        self.dtype = self._method.backbone.dtype
        self._last: tuple | None = None
        # An ensemble puts one member after the other into its method while it answers.
        self._turn = kept_with(self._method, "turn", threading.RLock)

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
        if not self.keeps_features:
            return seen
        with self._turn:
            return _in_portions(self._calls.features, PICTURES, seen)

    def logits(self, support: Support, seen: np.ndarray) -> np.ndarray:
        """Logits [N, C] of pictures [N, H, W, channels], given the support set of the task.

        Of several threads whose classifiers share a method, one answers after the other.
        """
        with self._turn:
            return self._logits(support, seen)

    def _logits(self, support: Support, seen: np.ndarray) -> np.ndarray:
        ways = int(support.labels.max()) + 1
        if self.keeps_features:
            return self._of_features(support.examples, support.labels, self.examples(seen), ways)
        if not self._method.keeps_features(self._at):
            shown = tf.constant(support.examples, self.dtype)
            return _in_portions(
                lambda part: self._calls.of_pictures(shown, support.labels, part, ways),
                PICTURES,
                seen,
            )
        features, statistics = self._looked_at(support)
        queries = _in_portions(
            lambda part: self._calls.query_features(part, statistics), PICTURES, seen
        )
        return self._of_features(features, support.labels, queries, ways)

    def _looked_at(self, support: Support) -> tuple[np.ndarray, list[tf.Tensor] | None]:
        """Features [M, D] and statistics of a support set; those of the last one are kept."""
        # Another thread may look at another support set meanwhile: `_last` is read only once.
        last = self._last
        if last is None or last[0] is not support:
            shown = tf.constant(support.examples, self.dtype)
            features, statistics = self._calls.support_features(shown)
            self._last = last = (support, features.numpy(), statistics)
        return last[1:]

    def _of_features(
        self, features: np.ndarray, labels: np.ndarray, queries: np.ndarray, ways: int
    ) -> np.ndarray:
        if self._standardized:
            scaling = Scaling.of(Support(features, labels))
            features, queries = scaling(features), scaling(queries)
        shown = tf.constant(features, self.dtype)
        return _in_portions(
            lambda part: self._calls.of_features(shown, labels, part, ways), FEATURES, queries
        )


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
