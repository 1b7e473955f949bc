"""Meta-SGD: MAML that also learns a rate for every single weight."""

from __future__ import annotations

from typing import Any

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.adaptation.rates import WeightRates
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.registry import Head
from hidra_tf.methods.gradient import GradientMethod


class MetaSgd(GradientMethod):
    """Meta-SGD: the initialization θ and the inner rates α are learned together.

        θ′ = θ − α∘∇L_support(θ)

    Li, Zhou, Chen and Li (2017), https://arxiv.org/abs/1707.09835. α has the shape of θ, and the
    sign of an entry may change: α says the direction of a step as well as its length. The paper
    takes one step; here, further steps have the same α.

    All entries of α begin at `inner.learning_rate`, as those of any method's rate do, so that a
    comparison of methods begins with equal steps, and a training is a function of fewer draws.

    With a tied head the C neurons share their rates, one for each feature and one for the bias
    (`WeightRates`). So the method then takes any number of ways, and the first step keeps its
    closed form: neurons that are equal give the features no gradient, whatever their rates are.

    Example:
        >>> from hidra_tf import Backbone, FixedHead, InnerLoop, MetaSgd, conv4
        >>> backbone = Backbone(conv4((28, 28, 1), filters=8), norm="support")
        >>> inner = InnerLoop(steps=1, learning_rate=0.05)
        >>> head = FixedHead.of(backbone, ways=5)
        >>> method = MetaSgd(backbone=backbone, inner=inner, head=head)
        >>> [tuple(alpha.shape) for alpha in method.rates.values[-2:]]
        [(8, 5), (5,)]

    Args:
        backbone: the backbone f with its weights θ.
        inner: the inner loop of meta-training.
        head: the output neurons' initialization.
        **settings: the other arguments of `GradientMethod` but for `learn_inner_lr`.

    Attributes:
        rates: the learned rates α.
    """

    def __init__(
        self,
        *,
        backbone: Backbone,
        inner: InnerLoop,
        head: Head,
        **settings: Any,  # noqa: ANN401 — those of the method above
    ) -> None:
        super().__init__(
            backbone=backbone, inner=inner, head=head, learn_inner_lr=False, **settings
        )
        self.rates = WeightRates.of(inner, self.backbone, head)
