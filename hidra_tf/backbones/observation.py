"""What was seen of a task's passes through backbones: batch statistics, and features."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import tensorflow as tf

# The share of a new meta-batch in running statistics: that of PyTorch's batch normalisation.
MOMENTUM = 0.1


class Observed:
    """What a backbone's normalisation layers measured in the passes of one task, and its features.

    Of the passes of a task two are those in which a test of it uses running statistics: the first
    one of the support set, under θ, and the last one of the queries, under the adapted weights.

    Attributes:
        support_features: [N, D] of the first pass of the support set; None before.
        query_features: [N, D] of the last pass of the queries; None before.
    """

    def __init__(self) -> None:
        self.support_features: tf.Tensor | None = None
        self.query_features: tf.Tensor | None = None
        self._support: list[tf.Tensor] | None = None
        self._query: list[tf.Tensor] | None = None

    def note_support(self, statistics: list[tf.Tensor], features: tf.Tensor) -> None:
        """Notes a pass of the support set, or of all pictures of a minibatch."""
        self._support = self._support or statistics
        if self.support_features is None:
            self.support_features = features

    def note_query(self, statistics: list[tf.Tensor], features: tf.Tensor) -> None:
        """Notes a pass of the queries, or of support set and queries together."""
        self._query, self.query_features = statistics, features

    def mean(self) -> list[tf.Tensor]:
        """The mean over the one or two passes.

        Raises:
            ValueError: if no pass was seen.
        """
        # What was computed inside of a compiled loop, as Reptile's steps are, cannot be had here.
        passes = [p for p in (self._support, self._query) if p is not None and _is_here(p[0])]
        if not passes:
            raise ValueError("expected a pass through the backbone, of which statistics are kept")
        return [tf.add_n(values) / len(passes) for values in zip(*passes, strict=True)]


class Observable(Protocol):
    """A backbone, whose passes can be watched."""

    def observed(self) -> contextlib.AbstractContextManager[Observed]:
        """Notes the batch statistics of the passes within it."""


@contextlib.contextmanager
def observing(backbones: Sequence[Observable]) -> Iterator[Callable[[], list[tf.Tensor]]]:
    """Watches the passes through some backbones.

    Args:
        backbones: those that keep running statistics.

    Yields:
        A function that returns the statistics of the passes so far, in the order of
        `Backbone.statistics` of each backbone.
    """
    with contextlib.ExitStack() as stack:
        seen = [stack.enter_context(backbone.observed()) for backbone in backbones]
        yield lambda: [value for one in seen for value in one.mean()]


def _is_here(tensor: tf.Tensor) -> bool:
    """Whether a tensor belongs to the graph that is being built, or was computed eagerly."""
    return tf.executing_eagerly() or tensor.graph is tf.compat.v1.get_default_graph()
