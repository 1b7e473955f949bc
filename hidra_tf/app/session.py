"""What one visitor of the page has taught: classes with their pictures, and a classifier."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from data_gen.errors import UserError
from hidra_tf.app.bounds import check_pictures, checked_name
from hidra_tf.classifier.estimator import FewShotClassifier
from hidra_tf.classifier.initialization import Initialization
from hidra_tf.classifier.pictures import Prepared


class Session:
    """Classes that a visitor names, the pictures of each, and what is learned from them.

    A class may be without pictures for a while; the classifier then does not know it. Calls may
    come from several threads.

    Args:
        start: what every task starts from; it is shared by all visitors.
        steps: the number of inner steps; None is that of the initialization.

    Attributes:
        pictures: class → its pictures, uint8 arrays of the network's size, framed if the network
            wants that, in the order in which both came.
    """

    def __init__(self, start: Initialization, steps: int | None = None) -> None:
        self.start = start
        self.pictures: dict[str, list[np.ndarray]] = {}
        self._steps = steps
        self._classifier = self._new_classifier()
        self._lock = threading.RLock()

    def __deepcopy__(self, memory: dict) -> Session:
        """Itself: whoever copies it, such as a page for its visitor, means this session."""
        return self

    @property
    def steps(self) -> int:
        """The number of inner steps."""
        return self._steps or self.start.steps

    @property
    def takes_steps(self) -> bool:
        """Whether the method has inner steps, whose number may be chosen."""
        return getattr(self.start.method, "inner", None) is not None

    @property
    def taught(self) -> list[str]:
        """The classes that have pictures."""
        return [name for name, pictures in self.pictures.items() if pictures]

    def name_class(self, name: str) -> str:
        """Adds a class without pictures; returns its name.

        Raises:
            UserError: if the name cannot be taken.
        """
        with self._lock:
            name = checked_name(name, list(self.pictures))
            self.pictures[name] = []
            return name

    def teach(self, name: str, pictures: Sequence[np.ndarray]) -> None:
        """Adds pictures to a class, all or none.

        Raises:
            UserError: if there is no such class, or if there are too many pictures or classes.
        """
        with self._lock:
            there = self._of(name)
            check_pictures(name, len(there), len(pictures))
            self._classifier.partial_fit(_prepared(pictures), [name] * len(pictures))
            there.extend(pictures)

    def forget(self, name: str) -> None:
        """Drops a class with its pictures.

        Raises:
            UserError: if there is no such class.
        """
        with self._lock:
            if self._of(name):
                self._unlearn(name)
            del self.pictures[name]

    def forget_picture(self, name: str, place: int) -> None:
        """Drops one picture of a class, by its place among them.

        Raises:
            UserError: if there is no such picture.
        """
        with self._lock:
            there = self._of(name)
            if not 0 <= place < len(there):
                raise UserError(f"“{name}” has no picture number {place + 1} any longer.")
            rest = there[:place] + there[place + 1 :]
            self._unlearn(name)
            self.pictures[name] = []
            if rest:
                self.teach(name, rest)

    def set_steps(self, steps: int) -> None:
        """Learns everything anew with another number of inner steps ≥ 1."""
        with self._lock:
            if steps != self.steps:
                self._steps = steps
                self._classifier = self._learned() if self.taught else self._new_classifier()

    def probabilities(self, picture: np.ndarray) -> dict[str, float]:
        """The probability of each class that has pictures; none while there are fewer than two."""
        with self._lock:
            if len(self.taught) < 2:
                return {}
            found = self._classifier.predict_proba(_prepared([picture]))[0]
            return dict(zip(self._classifier.classes_.tolist(), found.tolist(), strict=True))

    def classifier(self) -> FewShotClassifier:
        """A classifier of its own that has learned the same.

        Raises:
            UserError: if there are fewer than two classes with pictures.
        """
        with self._lock:
            if len(self.taught) < 2:
                raise UserError("Please teach at least two classes before you download them.")
            return self._learned()

    def _of(self, name: str) -> list[np.ndarray]:
        if name not in self.pictures:
            raise UserError(f"There is no class “{name}” any longer.")
        return self.pictures[name]

    def _unlearn(self, name: str) -> None:
        if len(self.taught) > 1:
            self._classifier.forget(name)
        else:
            self._classifier = self._new_classifier()

    def _new_classifier(self) -> FewShotClassifier:
        return FewShotClassifier(self.start, n_steps=self._steps)

    def _learned(self) -> FewShotClassifier:
        every = [(p, name) for name, pictures in self.pictures.items() for p in pictures]
        pictures, names = zip(*every, strict=True)
        return self._new_classifier().partial_fit(_prepared(pictures), names)


def _prepared(pictures: Sequence[np.ndarray]) -> list[Prepared]:
    return [Prepared(one) for one in pictures]
