"""HyperMAML: a hypernetwork in place of MAML's gradient steps."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from hidra_tf.adaptation.head_steps import heads_at
from hidra_tf.heads.hyper_heads import HyperHead
from hidra_tf.heads.neurons import HeadWeights
from hidra_tf.methods import Parts
from hidra_tf.methods.hyper import HyperMethod
from hidra_tf.methods.objective import Objective


class HyperMaml(HyperMethod):
    """Przewięźlikowski, Przybysz, Tabor, Zięba and Spurek (2022), Algorithm 2.

    The universal classifier moves by θ′ = θ + H(E, Ŷ, Y) (equation 5), the encoder not at all; the
    query loss under θ′ trains θ, encoder and hypernetwork (equation 6).

    With a `switch` (m₁, m₂) training warms θ up by MAML's step, of the classifier alone as in the
    published program (equation 7, with p = 1 − λ):

        θ′ = θ + (1 − p)·H(E, Ŷ, Y) − p·α·∇_θ L_support(θ),

    where p = 1 up to meta-update m₁, falling evenly to 0 at m₂. Predictions are made with p = 0 at
    all times, so that checkpoints are chosen by what will be tested. See
    https://arxiv.org/abs/2205.15745.

    Example:
        >>> from hidra_tf import Backbone, HyperHead, HyperMaml, InnerLoop, conv4
        >>> backbone = Backbone(conv4((28, 28, 1), filters=8), norm="support")
        >>> inner = InnerLoop(steps=1, learning_rate=0.01)
        >>> head = HyperHead.of(backbone, ways=5, width=32)
        >>> method = HyperMaml(backbone=backbone, inner=inner, head=head, switch=(100, 300))
        >>> float(method.maml_share(step=200))
        0.5

    Args:
        switch: the meta-updates m₁ < m₂; None for p = 0 throughout.
        **settings: the arguments of `HyperMethod`, with a `HyperHead`.

    Raises:
        TypeError: if the head is of another class.
        ValueError: if the switch is no such pair.
    """

    head_class = HyperHead

    def __init__(
        self,
        *,
        switch: tuple[int, int] | None = None,
        **settings: Any,  # noqa: ANN401 — those of the method above
    ) -> None:
        super().__init__(**settings)
        if switch is not None and not 0 <= switch[0] < switch[1]:
            raise ValueError(f"switch: expected two ascending meta-updates; received {switch!r}")
        self.switch = switch

    @classmethod
    def make_head(cls, parts: Parts, **network: Any) -> HyperHead:  # noqa: ANN401
        """A head for the backbone's features; see `HyperMethod`."""
        return HyperHead.of(parts.backbone, ways=parts.ways, **network)

    def first_step(
        self, head: HeadWeights, features: tf.Tensor, labels: tf.Tensor, objective: Objective
    ) -> HeadWeights:
        """θ′ of equation 5, or of equation 7 in the meta-updates of a switch."""
        update = self.head.update(head, features, labels)
        hyper = HeadWeights(head.kernel + update.kernel, head.bias + update.bias)
        if self.switch is None or objective.step is None:
            return hyper
        # Both, even where one counts for nothing: it is cheap next to the backbone.
        (maml,) = heads_at(
            self.inner,
            head,
            self.head.tied,
            features,
            labels,
            [1],
            derivatives=objective.derivatives,
        )
        p = self.maml_share(objective.step, features.dtype)
        return HeadWeights(*(p * m + (1 - p) * h for m, h in zip(maml, hyper, strict=True)))

    def maml_share(self, step: tf.Tensor | int, dtype: tf.DType = tf.float32) -> tf.Tensor:
        """MAML's share p in the update of θ in a meta-update; 1 − λ of equation 7."""
        first, last = self.switch
        return tf.clip_by_value((last - tf.cast(step, dtype)) / (last - first), 0, 1)
