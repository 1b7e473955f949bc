"""MAML: an initialization for tasks with one fixed number of classes."""

from __future__ import annotations

from hidra_tf.methods.gradient import GradientMethod


class Maml(GradientMethod):
    """Model-Agnostic Meta-Learning, equations 2.1 and 2.2 of the HIDRA paper.

    Finn, Abbeel and Levine (2017), https://arxiv.org/abs/1703.03400. Its head has neurons of its
    own for each class; the arguments are those of `GradientMethod`.

    Example:
        >>> from hidra_tf import Backbone, FixedHead, InnerLoop, Maml, conv4
        >>> backbone = Backbone(conv4((28, 28, 1), filters=8), norm="support")
        >>> inner = InnerLoop(steps=1, learning_rate=0.4)
        >>> head = FixedHead.of(backbone, ways=5)
        >>> Maml(backbone=backbone, inner=inner, head=head).check_ways(20)
        Traceback (most recent call last):
        data_gen.errors.UserError: the head was made for 5 ways and has no neurons for other numbers; received 20. `method=hidra` takes any number of ways
    """  # noqa: E501 — a message
