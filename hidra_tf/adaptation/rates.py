"""Learned rates of the inner loop: those of MAML++ and those of Meta-SGD.

Step u moves weight w by a learned rate,  w ← w − α_{u,w}·∇_w L_support.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.adaptation.steps import Rates
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.registry import Head


class InnerRates(tf.Module):
    """A rate for every inner step and every weight tensor that the inner loop moves.

    This is the LSLR of MAML++ (Antoniou, Edwards and Storkey, 2019). As in their program
    (https://arxiv.org/abs/1810.09502) a "layer" is one weight tensor: a kernel and its bias have a
    rate each.

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

    def of_steps(self) -> Rates:
        """The rates [U, P] as they are now."""
        return tf.convert_to_tensor(self.values)


class WeightRates(tf.Module):
    """A rate for every entry of every weight that the inner loop moves, the same at all steps.

    This is the α of Meta-SGD (Li, Zhou, Chen and Li, 2017, https://arxiv.org/abs/1707.09835), of
    the shape of θ. Where all neurons of a head begin equal, they share their rates: one for each
    feature, and one for the bias. So the rates are for any number of ways, as the head is, and the
    order of the classes does not matter.

    Args:
        shapes: the shapes of the rates of the P tensors that move, in the order of the backbone,
            then the head's two.
        initial: the rate at which all of them start.
        dtype: the type of the rates.

    Attributes:
        values: P variables of these shapes.
    """

    def __init__(self, shapes: Sequence[Sequence[int]], initial: float, dtype: str) -> None:
        super().__init__(name="weight_rates")
        self.values = [
            tf.Variable(tf.constant(initial, dtype, shape), name="rates") for shape in shapes
        ]

    @classmethod
    def of(cls, inner: InnerLoop, backbone: Backbone, head: Head) -> WeightRates:
        """Those of an inner loop that moves a backbone's `adapted` weights and a head."""
        pairs = zip(backbone.variables, backbone.adapted, strict=True)
        moving = [variable.shape for variable, moves in pairs if moves]
        # The last axis of a shared rate is spread over the neurons.
        neurons = 1 if head.tied else head.fixed_ways
        shapes = [*moving, (backbone.feature_size, neurons), (neurons,)]
        return cls(shapes, inner.learning_rate, backbone.dtype)

    def of_steps(self) -> Rates:
        """The rates as they are now, P tensors with an axis of one step, after which it repeats."""
        return [tf.convert_to_tensor(value)[tf.newaxis] for value in self.values]
