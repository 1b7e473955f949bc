"""What is kept of the pictures that a classifier was shown."""

from __future__ import annotations

import abc
import statistics
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from hidra_tf.classifier.labels import ordered


class Support(NamedTuple):
    """A support set, as a method takes it.

    Attributes:
        examples: [M, …], features or pictures; of a class's pictures perhaps only their mean.
        labels: int32 [M] in 0 … C−1.
    """

    examples: np.ndarray
    labels: np.ndarray


class Memory(abc.ABC):
    """What was shown of each class; classes may come and go."""

    @property
    @abc.abstractmethod
    def counts(self) -> dict[Hashable, int]:
        """Label → the number of its pictures."""

    @property
    def classes(self) -> list[Hashable]:
        """The labels, in their order."""
        return ordered(set(self.counts))

    @property
    def pictures(self) -> float:
        """The harmonic mean of the counts; see `Temperature`."""
        return statistics.harmonic_mean(list(self.counts.values()))

    @abc.abstractmethod
    def add(self, examples: np.ndarray, labels: Sequence[Hashable]) -> None:
        """Keeps further examples [N, …]; none of what is kept changes."""

    @abc.abstractmethod
    def forget(self, label: Hashable) -> None:
        """Keeps no example of a class any longer, as if it had never been shown."""

    @abc.abstractmethod
    def copy(self) -> Memory:
        """Another memory of the same examples."""

    @abc.abstractmethod
    def support(self) -> Support:
        """The support set of all classes, in the order of `classes`."""


class ClassSums(Memory):
    """Sums of features and counts per class: all that a step in closed form needs.

    The sums are of 64 bits, so that the order in which pictures come does not show.
    """

    def __init__(self) -> None:
        self.sums: dict[Hashable, np.ndarray] = {}
        self._counts: dict[Hashable, int] = {}

    @property
    def counts(self) -> dict[Hashable, int]:
        """Label → the number of its pictures."""
        return self._counts

    def add(self, examples: np.ndarray, labels: Sequence[Hashable]) -> None:
        """Adds features [N, D] to the sums."""
        for label, feature in zip(labels, examples.astype(np.float64), strict=True):
            self.add_sum(label, feature, 1)

    def add_sum(self, label: Hashable, features: np.ndarray, count: int) -> None:
        """Adds a sum [D] of the features of some pictures."""
        self.sums[label] = self.sums.get(label, 0.0) + features
        self._counts[label] = self._counts.get(label, 0) + count

    def forget(self, label: Hashable) -> None:
        """Drops the sum of a class."""
        del self.sums[label], self._counts[label]

    def copy(self) -> ClassSums:
        """Another memory of the same sums."""
        twin = ClassSums()
        twin.sums, twin._counts = dict(self.sums), dict(self._counts)
        return twin

    def support(self) -> Support:
        """The mean [D] of each class, in the place of its pictures."""
        means = [self.sums[label] / self._counts[label] for label in self.classes]
        return Support(np.stack(means), np.arange(len(means), dtype=np.int32))


class Examples(Memory):
    """All examples, features or pictures."""

    def __init__(self) -> None:
        self.kept: dict[Hashable, list[np.ndarray]] = {}

    @property
    def counts(self) -> dict[Hashable, int]:
        """Label → the number of its pictures."""
        return {label: len(examples) for label, examples in self.kept.items()}

    def add(self, examples: np.ndarray, labels: Sequence[Hashable]) -> None:
        """Keeps examples [N, …]."""
        for label, example in zip(labels, examples, strict=True):
            self.kept.setdefault(label, []).append(example)

    def forget(self, label: Hashable) -> None:
        """Drops the examples of a class."""
        del self.kept[label]

    def copy(self) -> Examples:
        """Another memory of the same examples."""
        twin = Examples()
        twin.kept = {label: list(examples) for label, examples in self.kept.items()}
        return twin

    def support(self) -> Support:
        """All examples, class by class."""
        each = [np.stack(self.kept[label]) for label in self.classes]
        labels = np.repeat(np.arange(len(each), dtype=np.int32), [len(one) for one in each])
        return Support(np.concatenate(each), labels)
