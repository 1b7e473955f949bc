"""MAML: an initialization for tasks with one fixed number of classes."""

from __future__ import annotations

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.neurons import make_head
from hidra_tf.methods.base import GradientMethod


class Maml(GradientMethod):
    """Model-Agnostic Meta-Learning (Finn, Abbeel and Levine, 2017), equations 2.1 and 2.2.

    Args:
        backbone: f_θ.
        inner: the inner loop of meta-training.
        ways: C, the number of classes of every task where the head is `per_class`.
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
        neurons = make_head(head, backbone.feature_size, ways, seed, backbone.dtype)
        super().__init__(backbone, neurons, inner, task_map)
