"""HyperMAML: a hypernetwork in place of MAML's gradient steps."""

from __future__ import annotations

import tensorflow as tf

from data_gen.episodes import Episodes
from data_gen.errors import UserError
from hidra_tf.adaptation import InnerLoop
from hidra_tf.backbones import Backbone
from hidra_tf.heads import HeadWeights
from hidra_tf.hyper_heads import HyperHead
from hidra_tf.methods.base import GradientMethod, MetaGradients
from hidra_tf.methods.hyper import HyperMethod


class HyperMaml(HyperMethod):
    """Przewięźlikowski, Przybysz, Tabor, Zięba and Spurek (2022), Algorithm 2.

    The universal classifier moves by θ′ = θ + H(E, Ŷ, Y) (equation 5), the encoder not at all; the
    query loss under θ′ trains θ, encoder and hypernetwork (equation 6).

    With a `switch` (m₁, m₂) the loss of meta-update s is p·L_MAML + (1 − p)·L_HyperMAML, as in
    appendix B, with p = 1 up to m₁, falling evenly to 0 at m₂. Only what counts is computed. (The
    paper's equation 7 mixes the two updates of θ instead of the two losses.)

    Args:
        backbone: f_θ, the paper's encoder.
        inner: the inner loop of MAML, and of steps after the hypernetwork's update.
        ways: C, the number of classes of every task.
        seed: of the initial values.
        head: `per_class`.
        task_map: see `hidra_tf.task_map`.
        hyper_layers: of the hypernetwork.
        hyper_width: of the hypernetwork.
        enhancement: whether the hypernetwork sees labels and universal predictions.
        switch: m₁ < m₂, in meta-updates; None: no MAML.

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
        if head != "per_class":
            raise UserError(
                f"head: hypermaml has a per_class head, received {head}; "
                "--method=hyperhidra has a tied one"
            )
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
        # MAML of the same backbone and universal classifier.
        self.warm_up = GradientMethod(backbone, neurons, inner, task_map)

    def first_step(self, head: HeadWeights, features: tf.Tensor, labels: tf.Tensor) -> HeadWeights:
        """θ′ = θ + H(E, Ŷ, Y), equation 5."""
        update = self.head.update(head, features, labels)
        return HeadWeights(head.kernel + update.kernel, head.bias + update.bias)

    def meta_gradients(self, episodes: Episodes, step: tf.Tensor | int = 0) -> MetaGradients:
        """Of equation 6, or of the switch's mixture; see `GradientMethod.meta_gradients`."""
        if self.switch is None:
            return super().meta_gradients(episodes, step)
        first, last = self.switch
        p = self.maml_share(step, episodes.support_images.dtype)

        def maml() -> MetaGradients:
            return self.warm_up.meta_gradients(episodes, step)

        def hyper() -> MetaGradients:
            return GradientMethod.meta_gradients(self, episodes, step)

        def both() -> MetaGradients:
            return tf.nest.map_structure(lambda m, h: p * m + (1 - p) * h, maml(), hyper())

        step = tf.convert_to_tensor(step)
        phase = tf.cast(step > first, tf.int32) + tf.cast(step >= last, tf.int32)
        return tf.switch_case(phase, [maml, both, hyper])

    def maml_share(self, step: tf.Tensor | int, dtype: tf.DType = tf.float32) -> tf.Tensor:
        """p, MAML's share in the loss of a meta-update; 1 − λ of equation 7."""
        first, last = self.switch
        return tf.clip_by_value((last - tf.cast(step, dtype)) / (last - first), 0, 1)
