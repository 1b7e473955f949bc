"""The baseline without meta-learning: gradient steps from a random initialization."""

from __future__ import annotations

from hidra_tf.heads.neurons import RandomHead
from hidra_tf.methods import Parts
from hidra_tf.methods.gradient import GradientMethod


class RandomInit(GradientMethod):
    """The papers' random initialization: the inner loop from untrained weights, for any C.

    Nothing is meta-trained; the arguments are those of `GradientMethod`, with a `RandomHead`. See
    the HIDRA paper, section 5 (https://arxiv.org/abs/1910.12749).

    Example:
        >>> from hidra_tf import Backbone, InnerLoop, RandomHead, RandomInit, conv4
        >>> backbone = Backbone(conv4((28, 28, 1), filters=8), norm="support")
        >>> inner = InnerLoop(steps=5, learning_rate=0.1)
        >>> RandomInit(backbone=backbone, inner=inner, head=RandomHead.of(backbone)).check_ways(9)
    """

    @classmethod
    def assembled(cls, parts: Parts) -> RandomInit:
        """The method from what the registry's `build` is given."""
        return cls(
            backbone=parts.backbone,
            inner=parts.inner,
            head=RandomHead.of(parts.backbone, seed=parts.seed),
            task_map=parts.task_map,
        )
