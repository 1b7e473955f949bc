"""HIDRA: one master neuron for any number of classes."""

from __future__ import annotations

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.neurons import make_head
from hidra_tf.methods.base import GradientMethod


class Hidra(GradientMethod):
    """Algorithm 1 of Drumond, Brinkmeyer, Grabocka and Schmidt-Thieme (2020).

    MAML whose head is one master neuron φ tiled C times (equation 3.6), so that meta-batches may
    differ in their number of classes and one checkpoint serves every C.

    Args:
        backbone: f_θ.
        inner: the inner loop of meta-training.
        seed: of the master's initial value.
        ways: C, where `head` is `per_class`.
        head: another kind of head, of `options.HEADS`.
        task_map: see `hidra_tf.methods.task_map`.
    """

    def __init__(
        self,
        backbone: Backbone,
        inner: InnerLoop,
        seed: int = 0,
        ways: int | None = None,
        head: str = "master",
        task_map: str = "auto",
    ) -> None:
        neurons = make_head(head, backbone.feature_size, ways, seed, backbone.dtype)
        super().__init__(backbone, neurons, inner, task_map)
