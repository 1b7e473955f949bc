"""What scikit-learn's tools want of an estimator that starts from shared weights."""

from __future__ import annotations

import abc
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags

from hidra_tf.classifier.errors import InputError
from hidra_tf.classifier.initialization import Initialization
from hidra_tf.classifier.memory import Memory
from hidra_tf.options import check_count, check_positive


class Manners(ClassifierMixin, BaseEstimator):
    """Tags, clones and pickles of `FewShotClassifier`, and checks of its settings."""

    @abc.abstractmethod
    def _start_from(self, start: Initialization) -> None:
        """Prepares what learns from an initialization."""

    @abc.abstractmethod
    def _keep(self, memory: Memory) -> None:
        """Takes over what was learned."""

    def check_settings(self) -> None:
        """Raises `ValueError` if a setting cannot be meant."""
        if self.n_steps is not None:
            check_count("n_steps", self.n_steps, 1)
        for name in ("learning_rate", "temperature"):
            if getattr(self, name) is not None:
                check_positive(name, getattr(self, name))
        if not isinstance(self.balanced, bool | np.bool_):
            raise InputError(f"balanced: expected True or False; received {self.balanced!r}")
        below = self.unknown_below
        if below is not None and not 0 <= below <= 1:
            raise InputError(f"unknown_below: expected 0 to 1; received {below!r}")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        vectors = self.backbone is None
        tags.input_tags.two_d_array = vectors
        tags.input_tags.three_d_array = not vectors
        return tags

    def __sklearn_clone__(self) -> Manners:
        # Weights are never changed, so that clones share them.
        return type(self)(**self.get_params(deep=False))

    def __getstate__(self) -> dict[str, Any]:
        # Compiled functions, and what memory gives, are made anew.
        state = super().__getstate__().items()
        return {name: value for name, value in state if name not in ("_learner", "_support")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if hasattr(self, "initialization_"):
            self._start_from(self.initialization_)
        if hasattr(self, "memory_"):
            self._keep(self.memory_)
