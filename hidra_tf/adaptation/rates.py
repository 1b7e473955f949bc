"""Learned rates of the inner loop: MAML++'s LSLR (Antoniou, Edwards and Storkey, 2019).

Step u moves weight w by its own learned rate,  w ← w − α_{u,w}·∇_w L_support.  As in their program
(https://arxiv.org/abs/1810.09502) a "layer" is one weight tensor: a kernel and its bias have a rate
each.
"""

from __future__ import annotations

import tensorflow as tf

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone


class InnerRates(tf.Module):
    """A rate for every inner step and every weight tensor that the inner loop moves.

    Args:
        steps: the number U of inner steps; evaluation with more steps repeats the last one's rates.
        weights: the number P of tensors that move, in the order of the backbone, then the head's
            two.
        initial: the rate α at which all of them start.
        dtype: the type of the rates.

    Attributes:
        values: the rates [U, P].
    """

    def __init__(self, steps: int, weights: int, initial: float, dtype: str) -> None:
        super().__init__(name="inner_rates")
        self.values = tf.Variable(tf.constant(initial, dtype, (steps, weights)), name="rates")

    @classmethod
    def of(cls, inner: InnerLoop, backbone: Backbone) -> InnerRates:
        """Those of an inner loop that moves a backbone's `adapted` weights and a head."""
        return cls(inner.steps, sum(backbone.adapted) + 2, inner.learning_rate, backbone.dtype)
