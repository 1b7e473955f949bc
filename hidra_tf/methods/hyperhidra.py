"""HyperHIDRA: HyperMAML's idea for any number of classes from one checkpoint."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from hidra_tf.heads.hyper_heads import AnyWayHyperHead
from hidra_tf.heads.midpoint_head import MidpointHyperHead
from hidra_tf.heads.neurons import HeadWeights
from hidra_tf.methods import Parts, check_loss
from hidra_tf.methods.hyper import HyperMethod
from hidra_tf.methods.objective import Objective
from hidra_tf.options import check_choice

# By the names in `options.CORRECTIONS`.
_HEADS: dict[str, type[AnyWayHyperHead]] = {"midpoint": MidpointHyperHead, "step": AnyWayHyperHead}


class HyperHidra(HyperMethod):
    """HIDRA's exact first step, corrected by a hypernetwork; this project's own.

    ψ_c = φ + step_c + Δ_c, where step_c is that of `closed_form.first_step` and Δ_c what a
    hypernetwork says of class c beside the others: `MidpointHyperHead`, or `AnyWayHyperHead` in
    runs that were begun before there was the former. A tied head's predictions
    are uniform, so those of the head after that step take their place. Δ = 0 to begin with: the
    untrained method is HIDRA with one step. The ideas are those of HyperMAML
    (https://arxiv.org/abs/2205.15745) and HIDRA (https://arxiv.org/abs/1910.12749).

    Example:
        >>> from hidra_tf import Backbone, HyperHidra, InnerLoop, MidpointHyperHead, conv4
        >>> backbone = Backbone(conv4((28, 28, 1), filters=8), norm="support")
        >>> inner = InnerLoop(steps=1, learning_rate=0.4)
        >>> head = MidpointHyperHead.of(backbone, width=32)
        >>> HyperHidra(backbone=backbone, inner=inner, head=head).check_ways(20)

    Args:
        **settings: the arguments of `HyperMethod`, with an `AnyWayHyperHead` of either kind.

    Raises:
        TypeError: if the head is of another class.
        UserError: if the first step would have no closed form.
    """

    head_class = AnyWayHyperHead
    head_options = ("correction",)

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 — those of the method above
        super().__init__(**settings)
        check_loss("hyperhidra", self.inner.loss)

    @classmethod
    def make_head(
        cls,
        parts: Parts,
        correction: str = "midpoint",
        **network: Any,  # noqa: ANN401 — of the head
    ) -> AnyWayHyperHead:
        """A head for the backbone's features; see `HyperMethod`.

        Args:
            parts: what the method is made of.
            correction: the form of the correction, one of `options.CORRECTIONS`.
            **network: see `HyperMethod`.
        """
        check_choice("correction", correction, _HEADS)
        return _HEADS[correction].of(parts.backbone, head=parts.head, **network)

    def first_step(
        self, head: HeadWeights, features: tf.Tensor, labels: tf.Tensor, objective: Objective
    ) -> HeadWeights:
        """ψ_c = φ + step_c + Δ_c."""
        stepped = super().first_step(head, features, labels, objective)
        step = HeadWeights(stepped.kernel - head.kernel, stepped.bias - head.bias)
        unit = self.inner.step_size(tf.shape(head.bias)[-1], features.dtype)
        update = self.head.update(step, unit, features, labels)
        return HeadWeights(stepped.kernel + update.kernel, stepped.bias + update.bias)
