"""What scikit-learn's tools want of an estimator that starts from shared weights."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags

from hidra_tf.classifier.errors import InputError
from hidra_tf.options import check_count, check_positive

# Settings that count when classes are learned.
_LEARNING = ("n_steps", "learning_rate", "balanced", "invert", "frame")
# Those of them that are objects, of which another one that is equal may behave otherwise.
_OBJECTS = ("backbone", "preprocess")


class Manners(ClassifierMixin, BaseEstimator):
    """Tags and clones of `FewShotClassifier`, and checks of its settings."""

    def check_settings(self) -> None:
        """Raises `ValueError` if a setting cannot be meant."""
        if self.n_steps is not None:
            check_count("n_steps", self.n_steps, 1)
        for name in ("learning_rate", "temperature"):
            if getattr(self, name) is not None:
                check_positive(name, getattr(self, name))
        if not isinstance(self.balanced, bool | np.bool_):
            raise InputError(f"balanced: expected True or False; received {self.balanced!r}")
        for name in ("invert", "frame"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, bool | np.bool_):
                raise InputError(f"{name}: expected True, False or None; received {value!r}")
        if self.preprocess is not None and not callable(self.preprocess):
            raise InputError(f"preprocess: expected a function; received {self.preprocess!r}")
        below = self.unknown_below
        number = isinstance(below, numbers.Real) and not isinstance(below, bool)
        if below is not None and not (number and 0 <= below <= 1):
            raise InputError(f"unknown_below: expected 0 to 1; received {below!r}")

    def settings_of_learning(self) -> dict[str, Any]:
        """The settings that decide how classes are learned, as they are now."""
        return {name: getattr(self, name) for name in (*_LEARNING, *_OBJECTS)}

    def check_as_learned(self) -> None:
        """Raises `ValueError` if a setting cannot be meant, or only would be after another fit."""
        self.check_settings()
        now = self.settings_of_learning()
        before = self._learned_with
        changed = [name for name in _LEARNING if now[name] != before[name]]
        changed += [name for name in _OBJECTS if now[name] is not before[name]]
        if changed:
            raise InputError(
                f"{', '.join(changed)}: expected as when the classes were learned; received other "
                "values, which count after another `fit`"
            )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        vectors = self.backbone is None
        tags.input_tags.two_d_array = vectors
        tags.input_tags.three_d_array = not vectors
        return tags

    def __sklearn_clone__(self) -> Manners:
        # Weights are never changed, so that clones share them.
        return type(self)(**self.get_params(deep=False))
