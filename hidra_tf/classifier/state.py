"""What a classifier starts from, and what it has learned so far."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import validate_data

from hidra_tf.classifier import starts
from hidra_tf.classifier.initialization import Initialization
from hidra_tf.classifier.labels import as_labels, classes_array
from hidra_tf.classifier.learner import Learner
from hidra_tf.classifier.manners import Manners
from hidra_tf.classifier.memory import Memory
from hidra_tf.evaluation.temperature import Temperature

if TYPE_CHECKING:
    from typing import Self

Examples = np.ndarray | Sequence[Any]
Labels = np.ndarray | Sequence[Hashable]


class State(Manners):
    """The initialization and the memory of a `FewShotClassifier`, and how they change."""

    def starting_point(self) -> Initialization:
        """What tasks start from: what the classifier learned from, or what its settings mean.

        Raises:
            ValueError: if the settings cannot be meant, or only would be after another fit, or if
                the classifier is one of features and has not seen any.
        """
        if hasattr(self, "initialization_"):
            self.check_as_learned()
            return self.initialization_
        self.check_settings()
        return self._start(None)

    def temperature_of_tasks(self) -> Temperature:
        """What logits are divided by: the setting `temperature`, or else the initialization's."""
        if self.temperature is None:
            return self.starting_point().temperature
        return Temperature.of(self.temperature)

    @contextlib.contextmanager
    def unchanged_on_error(self) -> Iterator[None]:
        """Lets a call that fails leave everything as it was."""
        before = dict(self.__dict__)
        try:
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _begin(self, X: Examples) -> None:
        """Chooses what to start from, for pictures or features like these."""
        self.check_settings()
        self._start_from(self._start(X))

    def _start_from(self, start: Initialization) -> None:
        self.initialization_ = start
        self._learned_with = self.settings_of_learning()
        self._learner = Learner(start, bool(self.balanced))

    def _start(self, X: Examples | None) -> Initialization:
        """The initialization that the settings mean."""
        if self.backbone is None and X is not None:
            size = validate_data(self, X, dtype=np.float64).shape[1]
            return starts.of_features(size, self.n_steps, self.learning_rate)
        return starts.of_backbone(
            self.backbone,
            self.n_steps,
            self.learning_rate,
            self.preprocess,
            self.invert,
            self.frame,
        )

    def _shown(self, X: Examples, y: Labels, first: bool) -> tuple[np.ndarray, list[Hashable]]:
        """What is to be kept of pictures, and their labels."""
        seen = self._seen(X, first)
        labels = as_labels(y, len(seen))
        return self._learner.examples(seen), labels

    def _seen(self, X: Examples, first: bool) -> np.ndarray:
        """Pictures [N, H, W, channels] as the network sees them, or features [N, D]."""
        dtype = self.initialization_.backbone.dtype
        if self.initialization_.pictures is None:
            return validate_data(self, X, dtype=np.dtype(dtype), reset=first)
        return self.initialization_.pictures.seen(X, dtype)

    def _learn(self, examples: np.ndarray, labels: list[Hashable], memory: Memory) -> Self:
        """Adds examples to a memory, all or none."""
        ways = len(set(labels) | set(memory.counts))
        if ways > 1:
            self.initialization_.method.check_ways(ways)
        memory.add(examples, labels)
        self._keep(memory)
        return self

    def _keep(self, memory: Memory) -> None:
        self.memory_ = memory
        # The same object until what was learned changes, so that it is looked at once.
        self._support = memory.support() if memory.counts else None
        self.classes_ = classes_array(memory.classes)

    def __getstate__(self) -> dict[str, Any]:
        # Compiled functions, and what memory gives, are made anew.
        state = super().__getstate__().items()
        return {name: value for name, value in state if name not in ("_learner", "_support")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if hasattr(self, "initialization_"):
            learned_with = self._learned_with
            self._start_from(self.initialization_)
            self._learned_with = learned_with
        if hasattr(self, "memory_"):
            self._keep(self.memory_)
