"""The baseline without meta-learning: gradient steps from a random initialization."""

from __future__ import annotations

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.neurons import RandomHead
from hidra_tf.methods.base import GradientMethod


class RandomInit(GradientMethod):
    """The papers' random initialization: the inner loop from untrained weights, for any C.

    Args:
        backbone: f_θ, as it was initialised.
        inner: the inner loop.
        seed: of the head's neurons.
        task_map: see `hidra_tf.methods.task_map`.
    """

    def __init__(
        self, backbone: Backbone, inner: InnerLoop, seed: int = 0, task_map: str = "auto"
    ) -> None:
        head = RandomHead(backbone.feature_size, seed, backbone.dtype)
        super().__init__(backbone, head, inner, task_map)
