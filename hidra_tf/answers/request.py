"""What is asked about a person's pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from data_gen.own_pictures import OwnPictures
from data_gen.picture_tree import PictureTree


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be learned, from what, and what is to be predicted.

    Attributes:
        support: the pictures to be learned, by class; None learns nothing.
        queries: the pictures to be predicted; None predicts nothing.
        output_dir: the folder for the predictions, which is new or empty; None without queries.
        save: the new folder for the classifier; None keeps none.
        run_dir: the run to start from, or None.
        initialization: the name of the initialization to start from, or None.
        classifier: the folder of the classifier to start from, or None. One of the three is given.
        checkpoint: the checkpoint of the run; see `FewShotClassifier.from_run`.
        norm: the norm of the run; see there.
        backbone: the function that makes the run's network, if that is code which may run.
        n_steps: the number of inner steps, or None for that of the initialization.
        invert: whether pictures are inverted, or None for what the initialization does.
        frame: whether drawings are framed, or None for what the initialization does.
        unknown_below: the probability below which the answer is `unknown`, or None.
    """

    support: OwnPictures | None = None
    queries: PictureTree | None = None
    output_dir: Path | None = None
    save: Path | None = None
    run_dir: Path | None = None
    initialization: str | None = None
    classifier: Path | None = None
    checkpoint: str | None = None
    norm: str | None = None
    backbone: str | None = None
    n_steps: int | None = None
    invert: bool | None = None
    frame: bool | None = None
    unknown_below: float | None = None

    @property
    def start(self) -> str:
        """What is started from, in words."""
        if self.run_dir is not None:
            return f"the run {self.run_dir}"
        if self.classifier is not None:
            return f"the classifier {self.classifier}"
        return f"the initialization {self.initialization}"
