"""BOIL: the inner loop adapts the backbone only."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from hidra_tf.adaptation.steps import Rates
from hidra_tf.methods.gradient import GradientMethod


class Boil(GradientMethod):
    """Body Only update in the Inner Loop: MAML whose steps leave the head alone.

    Oh, Yoo, Kim and Yun (2021), https://arxiv.org/abs/2008.08882. The neurons stay where the outer
    loop has put them, so a step must bring the features of a class to its neuron: the opposite of
    `Anil`. As in their program, the outer loop learns the head as it learns the backbone. The
    program also has a variant whose neurons stay at orthonormal initial values for ever.

    Neurons that begin equal are refused. They give the features no gradient, so no step would move
    anything.

    Example:
        >>> from hidra_tf import Backbone, Boil, FixedHead, InnerLoop, MasterHead, conv4
        >>> backbone = Backbone(conv4((28, 28, 1), filters=8), norm="transductive")
        >>> inner = InnerLoop(steps=1, learning_rate=0.5)
        >>> head = FixedHead.of(backbone, ways=5)
        >>> Boil(backbone=backbone, inner=inner, head=head).learned_rates()[-1].numpy()
        array([0.], dtype=float32)
        >>> Boil(backbone=backbone, inner=inner, head=MasterHead.of(backbone))
        Traceback (most recent call last):
        ValueError: head: expected neurons that differ, received a MasterHead, which gives the backbone no gradient

    Args:
        **settings: the arguments of `GradientMethod` but for `learn_inner_lr`, with a head that is
            not tied.

    Raises:
        ValueError: if the head is tied.
    """  # noqa: E501 — a message

    # The head does not move.
    metrics = ()

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 — those of the method above
        super().__init__(learn_inner_lr=False, **settings)
        if self.head.tied:
            raise ValueError(
                f"head: expected neurons that differ, received a {type(self.head).__name__}, which "
                "gives the backbone no gradient"
            )

    def learned_rates(self) -> Rates:
        """What takes the place of learned rates: α for the backbone's weights, 0 for the head's."""
        moving = sum(self.backbone.adapted)
        alpha = tf.constant([self.inner.learning_rate], self.backbone.dtype)
        return [*[alpha] * moving, *[tf.zeros_like(alpha)] * 2]
