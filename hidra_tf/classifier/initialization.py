"""What a classifier adapts from: weights that were learned before, and how pictures reach them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from data_gen.errors import UserError
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.classifier.pictures import PictureFormat
from hidra_tf.evaluation.temperature import Temperature
from hidra_tf.methods.interface import Method
from hidra_tf.runs.config import Config


@dataclass(frozen=True, repr=False)
class Initialization:
    """Weights from which a task of any number of classes is learned.

    It is never changed, so that many classifiers may share it.

    Attributes:
        method: how a task is learned, with its weights.
        steps: the number U of inner steps.
        pictures: how pictures are shown to the network; None where features are given instead.
        temperature: what logits are divided by before the softmax, for any number of pictures.
        standardized: whether features are centred and scaled by those of the support set. This is
            so where they were not learned for the method.
        origin: the configuration of the run that the weights are from; None for a model or for
            features.
    """

    method: Method
    steps: int
    pictures: PictureFormat | None
    temperature: Temperature = field(default_factory=Temperature)
    standardized: bool = False
    origin: Config | None = None

    @property
    def backbone(self) -> Backbone:
        """The network, with its weights."""
        return self.method.backbone

    @property
    def closed_form(self) -> bool:
        """Whether a task is learned from the means of its classes' features alone."""
        return self.method.needs_class_means_only((self.steps,))

    def check_no_code(self, purpose: str) -> None:
        """Raises `UserError` if a function prepares pictures, which no file can hold.

        Args:
            purpose: what is to be done, such as `save`.
        """
        if self.pictures is not None and self.pictures.preprocess is not None:
            raise UserError(
                f"preprocess: expected none to {purpose}, for a function is code; make it a layer "
                "of the model (keras.layers.Rescaling …)"
            )

    def __deepcopy__(self, memory: dict[int, Any]) -> Initialization:
        return self

    def __repr__(self) -> str:
        origin = "" if self.origin is None else f" of {self.origin.dataset}"
        return f"<{type(self.method).__name__}{origin}, {self.steps} steps>"
