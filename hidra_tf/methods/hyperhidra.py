"""HyperHIDRA: HyperMAML's idea for any number of classes from one checkpoint."""

from __future__ import annotations

import tensorflow as tf

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.hyper_heads import AnyWayHyperHead
from hidra_tf.heads.neurons import HeadWeights
from hidra_tf.methods import check_head_and_loss
from hidra_tf.methods.hyper import HyperMethod


class HyperHidra(HyperMethod):
    """HIDRA's exact first step, corrected by a hypernetwork; this project's own.

    ψ_c = φ + step_c + Δ_c, where step_c is that of `closed_form.first_step` and Δ_c what a
    hypernetwork says of class c beside the others (`AnyWayHyperHead`). A tied head's predictions
    are uniform, so those of the head after that step take their place. Δ = 0 to begin with: the
    untrained method is HIDRA with one step.

    Args:
        backbone: f_θ.
        inner: of the first step, and of steps after the update.
        seed: of the initial values.
        ways: not used: any number.
        head: `master` or `zero`.
        task_map: see `hidra_tf.methods.task_map`.
        hyper_layers: of the hypernetwork.
        hyper_width: of the hypernetwork.
        enhancement: whether the hypernetwork sees the one-step head's logits.

    Raises:
        UserError: if the first step would have no closed form.
    """

    def __init__(
        self,
        backbone: Backbone,
        inner: InnerLoop,
        seed: int = 0,
        ways: int | None = None,
        head: str = "master",
        task_map: str = "auto",
        hyper_layers: int = 3,
        hyper_width: int = 256,
        enhancement: bool = True,
    ) -> None:
        del ways
        check_head_and_loss("hyperhidra", head, inner.loss)
        neurons = AnyWayHyperHead(
            backbone.feature_size,
            hyper_layers,
            hyper_width,
            enhancement,
            head,
            seed,
            backbone.dtype,
        )
        super().__init__(backbone, neurons, inner, task_map)

    def first_step(self, head: HeadWeights, features: tf.Tensor, labels: tf.Tensor) -> HeadWeights:
        """ψ_c = φ + step_c + Δ_c."""
        stepped = self.inner.exact_first_step(head, features, labels)
        step = HeadWeights(stepped.kernel - head.kernel, stepped.bias - head.bias)
        unit = self.inner.step_size(tf.shape(head.bias)[-1], features.dtype)
        update = self.head.update(step, unit, features, labels)
        return HeadWeights(stepped.kernel + update.kernel, stepped.bias + update.bias)
