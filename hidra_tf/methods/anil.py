"""ANIL: the inner loop adapts the head only."""

from __future__ import annotations

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone, adapting
from hidra_tf.heads.neurons import make_head
from hidra_tf.methods.frozen import FrozenFeatures


class Anil(FrozenFeatures):
    """Almost No Inner Loop (Raghu, Raghu, Bengio and Vinyals, 2020).

    MAML whose steps move the head alone. The backbone is meta-learned through the features that
    the steps use, and these are the same at every step: no weights per task, and no second
    derivative of the backbone.

    Args:
        backbone: f_θ.
        inner: the inner loop of meta-training.
        ways: C, where the head is `per_class`.
        seed: of the head's initial values.
        head: its kind, of `options.HEADS`; with a tied one ANIL takes any number of ways.
        task_map: see `hidra_tf.methods.task_map`.
    """

    def __init__(
        self,
        backbone: Backbone,
        inner: InnerLoop,
        ways: int | None = None,
        seed: int = 0,
        head: str = "per_class",
        task_map: str = "auto",
    ) -> None:
        neurons = make_head(head, backbone.feature_size, ways, seed, backbone.dtype)
        super().__init__(adapting(backbone, False), neurons, inner, task_map)
