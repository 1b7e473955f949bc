"""First-order MAML: MAML without second derivatives."""

from __future__ import annotations

import dataclasses

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.methods.maml import Maml


class FirstOrderMaml(Maml):
    """The first-order approximation of Finn, Abbeel and Levine (2017), section 5.2.

    The meta-gradient is that of the query loss at the adapted weights: `Maml` with `first_order`.

    Args:
        backbone: f_θ.
        inner: the inner loop of meta-training.
        ways: C, where the head is `per_class`.
        seed: of the head's initial values.
        head: its kind, of `options.HEADS`.
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
        inner = dataclasses.replace(inner, first_order=True)
        super().__init__(backbone, inner, ways, seed, head, task_map)
