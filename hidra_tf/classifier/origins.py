"""Where classifiers come from, and where they are kept."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any

from hidra_tf import shipped
from hidra_tf.classifier import starts, storage
from hidra_tf.classifier.contents import SETTINGS
from hidra_tf.classifier.initialization import Initialization
from hidra_tf.classifier.state import State

if TYPE_CHECKING:
    from typing import Self


class Origins(State):
    """How a `FewShotClassifier` is made of runs, initializations and saved classifiers."""

    @classmethod
    def from_run(
        cls,
        run_dir: str | os.PathLike,
        checkpoint: str | None = None,
        norm: str | None = None,
        backbone: str | None = None,
        **settings: Any,  # noqa: ANN401 — of the constructor
    ) -> Self:
        """A classifier that starts from what a run has learned, by whatever method.

        Args:
            run_dir: the run's folder.
            checkpoint: `best`, `last`, `ensemble` or a step; None takes `best` where there is one.
            norm: another norm than the run's, such as `support` for a run with `transductive`.
            backbone: "module:function", if the run's network is code of your own, which then runs.
            **settings: those of the constructor, but for `backbone`.

        Raises:
            UserError: if there is no such run or checkpoint, or if predictions would depend on
                other pictures.
        """
        return cls(starts.of_run(run_dir, checkpoint, norm, backbone), **settings)

    @classmethod
    def from_pretrained(cls, name: str = "omniglot", **settings: Any) -> Self:  # noqa: ANN401
        """A classifier that starts from an initialization that comes with the package.

        Args:
            name: a key of `hidra_tf.initializations()`.
            **settings: those of the constructor, but for `backbone`.

        Raises:
            UserError: if there is no such initialization.
        """
        return cls(_shipped(name), **settings)

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """A classifier that `save` wrote; nothing of what the folder holds is executed.

        Raises:
            UserError: if there is none, or it is damaged or of another version.
        """
        settings, start, memory = storage.load(path)
        if start.pictures is None:
            rate = start.method.inner.learning_rate
            classifier = cls(None, n_steps=start.steps, learning_rate=rate, **settings)
        else:
            classifier = cls(start, **settings)
        classifier.check_settings()
        if memory is not None:
            classifier._start_from(start)
            classifier._keep(memory)
            if start.pictures is None:
                classifier.n_features_in_ = start.backbone.feature_size
        return classifier

    def save(self, path: str | os.PathLike) -> None:
        """Writes the classifier into a new folder, with what it has learned so far.

        Raises:
            UserError: if something is at `path` already or cannot be written there, if a label is
                neither text nor a number, or as for `starting_point`.
        """
        start = self.starting_point()
        settings = {
            name: value for name, value in self.get_params(deep=False).items() if name in SETTINGS
        }
        storage.save(path, settings, start, getattr(self, "memory_", None))


@functools.lru_cache(maxsize=8)
def _shipped(name: str) -> Initialization:
    """An initialization that comes with the package: all get the same compiled functions."""
    return storage.load(shipped.folder_of(name))[1]
