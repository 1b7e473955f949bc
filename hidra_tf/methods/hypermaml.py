"""HyperMAML: a hypernetwork in place of MAML's gradient steps."""

from __future__ import annotations

import tensorflow as tf

from hidra_tf.adaptation.head_steps import heads_at
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.hyper_heads import HyperHead
from hidra_tf.heads.neurons import HeadWeights
from hidra_tf.methods import check_head_and_loss
from hidra_tf.methods.hyper import HyperMethod
from hidra_tf.methods.phases import Phase


class HyperMaml(HyperMethod):
    """Przewięźlikowski, Przybysz, Tabor, Zięba and Spurek (2022), Algorithm 2.

    The universal classifier moves by θ′ = θ + H(E, Ŷ, Y) (equation 5), the encoder not at all; the
    query loss under θ′ trains θ, encoder and hypernetwork (equation 6).

    With a `switch` (m₁, m₂) training warms θ up by MAML's step, of the classifier alone as in the
    published program (equation 7, with p = 1 − λ):

        θ′ = θ + (1 − p)·H(E, Ŷ, Y) − p·α·∇_θ L_support(θ),

    where p = 1 up to meta-update m₁, falling evenly to 0 at m₂. Predictions are made with p = 0 at
    all times, so that checkpoints are chosen by what will be tested.

    Args:
        backbone: f_θ, the paper's encoder.
        inner: of the switch's gradient step, and of steps after the update.
        ways: C, the number of classes of every task.
        seed: of the initial values.
        head: `per_class`.
        task_map: see `hidra_tf.methods.task_map`.
        hyper_layers: of the hypernetwork.
        hyper_width: of the hypernetwork.
        enhancement: whether the hypernetwork sees labels and universal predictions.
        switch: m₁ < m₂, in meta-updates; None: p = 0 throughout.

    Raises:
        UserError: if another head is asked for.
    """

    def __init__(
        self,
        backbone: Backbone,
        inner: InnerLoop,
        ways: int,
        seed: int = 0,
        head: str = "per_class",
        task_map: str = "auto",
        hyper_layers: int = 3,
        hyper_width: int = 256,
        enhancement: bool = True,
        switch: tuple[int, int] | None = None,
    ) -> None:
        check_head_and_loss("hypermaml", head, inner.loss)
        neurons = HyperHead(
            backbone.feature_size,
            ways,
            hyper_layers,
            hyper_width,
            enhancement,
            seed,
            backbone.dtype,
        )
        super().__init__(backbone, neurons, inner, task_map)
        self.switch = switch
        # p of equation 7; None: zero.
        self._share: tf.Tensor | None = None

    def first_step(self, head: HeadWeights, features: tf.Tensor, labels: tf.Tensor) -> HeadWeights:
        """θ′ of equation 5, or of equation 7 in the meta-updates of a switch."""
        update = self.head.update(head, features, labels)
        hyper = HeadWeights(head.kernel + update.kernel, head.bias + update.bias)
        if self._share is None:
            return hyper
        # Both, even where one counts for nothing: it is cheap next to the backbone.
        (maml,) = heads_at(self.inner, head, self.head.tied, features, labels, [1])
        p = self._share
        return HeadWeights(*(p * m + (1 - p) * h for m, h in zip(maml, hyper, strict=True)))

    def maml_share(self, step: tf.Tensor | int, dtype: tf.DType = tf.float32) -> tf.Tensor:
        """p, MAML's share in the update of θ in a meta-update; 1 − λ of equation 7."""
        first, last = self.switch
        return tf.clip_by_value((last - tf.cast(step, dtype)) / (last - first), 0, 1)

    def _during(self, phase: Phase, step: tf.Tensor | int) -> HyperMaml:
        during = super()._during(phase, step)
        if self.switch is not None:
            during._share = self.maml_share(step, self.backbone.dtype)
        return during
