"""HIDRA: one master neuron for any number of classes."""

from __future__ import annotations

from hidra_tf.methods.gradient import GradientMethod


class Hidra(GradientMethod):
    """Algorithm 1 of Drumond, Brinkmeyer, Grabocka and Schmidt-Thieme (2020).

    MAML whose head is one master neuron φ tiled C times (equation 3.6), so that meta-batches may
    differ in their number of classes and one checkpoint serves every C
    (https://arxiv.org/abs/1910.12749). The arguments are those of `GradientMethod`.

    Example:
        >>> from hidra_tf import Backbone, Hidra, InnerLoop, MasterHead, conv4
        >>> backbone = Backbone(conv4((28, 28, 1), filters=8), norm="transductive")
        >>> inner = InnerLoop(steps=1, learning_rate=0.4)
        >>> method = Hidra(backbone=backbone, inner=inner, head=MasterHead.of(backbone))
        >>> [method.initialization(ways).head.kernel.shape[-1] for ways in (2, 20)]
        [2, 20]
    """
