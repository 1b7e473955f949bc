"""First-order MAML: MAML without second derivatives."""

from __future__ import annotations

from typing import Any

from hidra_tf.methods.maml import Maml


class FirstOrderMaml(Maml):
    """The first-order approximation of Finn, Abbeel and Levine (2017), section 5.2.

    The meta-gradient is that of the query loss at the adapted weights: `Maml` with `first_order`
    (https://arxiv.org/abs/1703.03400).

    Example:
        >>> from hidra_tf import Backbone, FirstOrderMaml, FixedHead, InnerLoop, conv4
        >>> backbone = Backbone(conv4((28, 28, 1), filters=8), norm="support")
        >>> inner = InnerLoop(steps=5, learning_rate=0.1)
        >>> head = FixedHead.of(backbone, ways=5)
        >>> FirstOrderMaml(backbone=backbone, inner=inner, head=head).annealing.first_order
        True

    Args:
        **settings: the arguments of `GradientMethod` but for `first_order`.
    """

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 — those of the method above
        super().__init__(first_order=True, **settings)
