"""FewShotClassifier: fit, predict, add a class, forget one."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import keras
import numpy as np
from scipy.special import softmax
from sklearn.utils.validation import check_is_fitted

from hidra_tf.classifier.errors import InputError
from hidra_tf.classifier.initialization import Initialization
from hidra_tf.classifier.labels import as_labels, classes_array
from hidra_tf.classifier.origins import Origins
from hidra_tf.classifier.state import Examples, Labels


class FewShotClassifier(Origins):
    """A classifier from a few pictures of each of any number of classes.

    It starts from what was learned on other classes, and learns yours in a moment. Its manners are
    scikit-learn's. What it says of a picture never depends on which other pictures it is asked
    about.

    Example:
        >>> import numpy as np
        >>> from hidra_tf import FewShotClassifier
        >>> drawings = np.random.default_rng(0).integers(0, 256, (4, 28, 28), np.uint8)
        >>> classifier = FewShotClassifier.from_pretrained("omniglot")
        >>> classifier.fit(drawings, ["left", "left", "right", "right"]).classes_.tolist()
        ['left', 'right']
        >>> classifier.partial_fit(drawings[:1], ["up"]).predict_proba(drawings).shape
        (4, 3)

    Args:
        backbone: what to start from: an `Initialization`, as `from_run` and `from_pretrained` make
            it; or a trained Keras model from pictures to features [N, D], of which a head alone is
            learned; or None where features [N, D] take the place of pictures.
        n_steps: the number of inner steps ≥ 1; None takes as many as in meta-training, and 100
            steps of the head where nothing was meta-trained. One step of a tied head is had in
            closed form.
        learning_rate: the rate α > 0 of a step; None takes that of meta-training, and 1 where
            nothing was meta-trained (features are then scaled so that this cannot overshoot).
        balanced: whether all classes weigh the same, however many pictures they have, as in
            training; otherwise all pictures do, where the method has a loss to weigh.
        temperature: what logits are divided by before the softmax; None takes what the
            initialization was calibrated with, which depends on the number of pictures.
        unknown_below: the probability below which `predict` says `unknown_label`; None never does.
        unknown_label: the answer where no class is probable enough.
        invert: whether pictures are inverted first; None does what the initialization was trained
            with. Networks for drawings take dark strokes on a bright ground.
        frame: whether drawings of any size, place, polarity and ground are framed first, so that
            they look like Omniglot's; see `data_gen.framing.framed`. What is no drawing is only
            resized. None does what the initialization says (`omniglot` frames), unless `invert`
            is given, which frames nothing. For a Keras model both may be given: framed drawings are
            dark strokes, and `invert` makes them bright.
        preprocess: for a Keras model, the function that prepares pictures [N, H, W, channels] in
            0 … 255 for it, such as `keras.applications.resnet50.preprocess_input`; without it the
            model takes values in [0, 1].

    Attributes:
        classes_: the labels, in their order, [C].
        initialization_: what the tasks start from.
        memory_: what is kept of the pictures: sums and counts of each class where these suffice.
        n_features_in_: D, where features take the place of pictures.

    References:
        Drumond et al. (2020), https://arxiv.org/abs/1910.12749, Algorithm 1, and the closed form
        of its first step (`hidra_tf.adaptation.closed_form`).
    """

    def __init__(
        self,
        backbone: Initialization | keras.Model | None = None,
        *,
        n_steps: int | None = None,
        learning_rate: float | None = None,
        balanced: bool = True,
        temperature: float | None = None,
        unknown_below: float | None = None,
        unknown_label: Hashable = "unknown",
        invert: bool | None = None,
        frame: bool | None = None,
        preprocess: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        self.backbone = backbone
        self.n_steps, self.learning_rate = n_steps, learning_rate
        self.balanced, self.temperature = balanced, temperature
        self.unknown_below, self.unknown_label = unknown_below, unknown_label
        self.invert, self.frame, self.preprocess = invert, frame, preprocess

    def fit(self, X: Examples, y: Labels) -> FewShotClassifier:
        """Learns classes from pictures, and nothing else.

        Args:
            X: N pictures: an array [N, H, W], [N, H, W, 1] or [N, H, W, 3] of uint8 in 0 … 255 or
                of floats in [0, 1]; or a list of such pictures of any sizes, of Pillow's, or of
                names of picture files. Features [N, D] where there is no backbone.
            y: N hashable labels of at least two classes.

        Raises:
            ValueError: if pictures, labels or settings cannot be meant.
        """
        with self.unchanged_on_error():
            self._begin(X)
            examples, labels = self._shown(X, y, first=True)
            if len(set(labels)) < 2:
                raise InputError(
                    f"labels: expected at least 2 classes, for a single one leaves nothing to tell "
                    f"apart (with 1 class everything belongs to it); received only {labels[0]!r}"
                )
            return self._learn(examples, labels, self._learner.new_memory())

    def partial_fit(
        self, X: Examples, y: Labels, classes: Labels | None = None
    ) -> FewShotClassifier:
        """Learns further pictures, of classes known or new, as if all had come together.

        Args:
            X: as for `fit`.
            y: as for `fit`; one class is enough here.
            classes: all classes that may come, as scikit-learn has it; they need not be known.

        Raises:
            ValueError: as for `fit`, or if a label is none of `classes`.
        """
        first = not hasattr(self, "memory_")
        with self.unchanged_on_error():
            if first:
                self._begin(X)
            self.check_as_learned()
            examples, labels = self._shown(X, y, first)
            known = None if classes is None else set(as_labels(classes, len(classes)))
            if known is not None and (strange := set(labels) - known):
                raise InputError(
                    f"labels: expected some of `classes`; received {min(strange, key=str)!r}"
                )
            memory = self._learner.new_memory() if first else self.memory_.copy()
            return self._learn(examples, labels, memory)

    def forget(self, label: Hashable) -> FewShotClassifier:
        """Drops a class with its pictures, as if it had never been shown.

        Raises:
            ValueError: if there is no such class.
        """
        check_is_fitted(self, "memory_")
        self.check_as_learned()
        if label not in self.memory_.classes:
            known = ", ".join(map(repr, self.memory_.classes))
            raise InputError(f"label: expected one of {known}; received {label!r}")
        memory = self.memory_.copy()
        memory.forget(label)
        self._keep(memory)
        return self

    def decision_function(self, X: Examples) -> np.ndarray:
        """Logits [N, C]; for two classes [N], the second's minus the first's, as scikit-learn's."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def predict_proba(self, X: Examples) -> np.ndarray:
        """Probabilities [N, C], in the order of `classes_`."""
        return softmax(self._logits(X), axis=1)

    def predict(self, X: Examples) -> np.ndarray:
        """The most probable class of each picture, [N]; or `unknown_label`, see the class."""
        probabilities = self.predict_proba(X)
        answers = self.classes_[probabilities.argmax(axis=1)]
        if self.unknown_below is None:
            return answers
        if self.unknown_label in self.memory_.classes:
            raise InputError(
                f"unknown_label: expected none of the classes; received {self.unknown_label!r}"
            )
        unsure = probabilities.max(axis=1) < self.unknown_below
        answers = answers.astype(object)
        answers[unsure] = self.unknown_label
        return classes_array(answers.tolist()) if len(answers) else answers

    def score(self, X: Examples, y: Labels, sample_weight: np.ndarray | None = None) -> float:
        """The accuracy of `predict`, in [0, 1]; its mean with weights [N] if these are given."""
        answers = self.predict(X).tolist()
        pairs = zip(answers, as_labels(y, len(answers)), strict=True)
        return float(np.average([a == b for a, b in pairs], weights=sample_weight))

    def _logits(self, X: Examples) -> np.ndarray:
        """Logits [N, C] of 64 bits, divided by the temperature."""
        check_is_fitted(self, "memory_")
        self.check_as_learned()
        if len(self.classes_) < 2:
            raise InputError(
                f"expected at least 2 classes to tell apart; so far there is "
                f"{', '.join(map(repr, self.classes_.tolist())) or 'none'}: "
                "`partial_fit` adds more"
            )
        logits = self._learner.logits(self._support, self._seen(X, first=False))
        if not np.isfinite(logits).all():
            raise InputError(
                "expected finite logits, received others: the steps went too far; a smaller "
                "`learning_rate` or fewer `n_steps` may help"
            )
        return logits.astype(np.float64) / self.temperature_of_tasks().at(self.memory_.pictures)
