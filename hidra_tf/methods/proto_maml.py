"""Proto-MAML: a head that starts from the class means, and MAML's steps from there."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from data_gen.episodes import Episodes
from hidra_tf.adaptation.inner_loop import TaskWeights
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.hypernetwork import class_means
from hidra_tf.heads.neurons import HeadWeights, ZeroHead
from hidra_tf.methods import Parts
from hidra_tf.methods.gradient import GradientMethod
from hidra_tf.methods.interface import Predictions
from hidra_tf.methods.objective import PREDICTION, Objective


class ProtoMaml(GradientMethod):
    """Proto-MAML of Meta-Dataset (Triantafillou et al., 2020), section 3.2, for any number of ways.

    The head of a task starts out as the linear form of a prototypical network,

        W_c = 2·p_c,    b_c = −‖p_c‖²,    p_c = 1/K_c Σ_{i: y_i = c} f_θ(x_i),

    and then U inner steps move the backbone and the head. After 0 steps the method is a
    prototypical network. An inner step takes the head as given, and does not differentiate the
    prototypes. The meta-gradient does: it reaches θ through the prototypes as well as through the
    steps. With `first_order` each step counts as a constant that was added to the weights, and the
    prototypes are still differentiated. The published program does both in the same way, and
    its published settings are first order with six steps of 0.31
    (https://arxiv.org/abs/1903.03096).

    Example:
        >>> from hidra_tf import Backbone, InnerLoop, ProtoMaml, conv4
        >>> backbone = Backbone(conv4((28, 28, 1), filters=8), norm="support")
        >>> method = ProtoMaml(backbone=backbone, inner=InnerLoop(steps=3, learning_rate=0.01))
        >>> method.check_ways(200)

    Args:
        backbone: the backbone f with its weights θ.
        **settings: the other arguments of `GradientMethod` but for `head`: no variable of the head
            is learned.
    """

    def __init__(self, *, backbone: Backbone, **settings: Any) -> None:  # noqa: ANN401
        # Before the support set is seen the neurons are zeros, which say how many there are.
        super().__init__(backbone=backbone, head=ZeroHead.of(backbone), **settings)

    @classmethod
    def assembled(cls, parts: Parts, **options: Any) -> ProtoMaml:  # noqa: ANN401
        """The method from what the registry's `build` is given; `options` of the constructor."""
        return cls(backbone=parts.backbone, inner=parts.inner, task_map=parts.task_map, **options)

    @property
    def free_steps(self) -> int:
        """Prototypes differ, so that the first step already moves the backbone."""
        return 0

    def adaptation(
        self, task: Episodes, objective: Objective = PREDICTION
    ) -> Callable[[Sequence[int]], list[TaskWeights]]:
        """The adaptation of a gradient method, from prototypes.

        The first step differentiates the features that the prototypes are made of.
        """
        return functools.partial(super().adaptation(task, objective), first_head=with_prototypes)

    def task_head(
        self, features: tf.Tensor, labels: tf.Tensor, ways: tf.Tensor | int, steps: int
    ) -> HeadWeights:
        """The output layer of one task from prototypes alone; see `Method`."""
        del steps
        return with_prototypes(self.head.initial(ways), features, labels)

    def solve_features(
        self, episodes: Episodes, at_steps: Sequence[int], objective: Objective
    ) -> Predictions:
        """Predictions for T tasks from features, by prototypes alone: no step is free."""
        del objective
        features, labels = episodes.support_images, episodes.support_labels
        head = with_prototypes(self.head.initial(episodes.ways), features, labels)
        return self.answers(episodes, head, [head] * len(at_steps))


def with_prototypes(head: HeadWeights, features: tf.Tensor, labels: tf.Tensor) -> HeadWeights:
    """The head W_c = 2·p_c, b_c = −‖p_c‖², whose logits are −‖f − p_c‖² up to a term without c.

    Args:
        head: C neurons, of which only the number counts.
        features: features of the support images, [..., N, D]; leading axes are tasks.
        labels: integers in 0 … C−1, [..., N].

    Returns:
        Kernel [..., D, C] and bias [..., C].
    """
    means = class_means(features, labels, tf.shape(head.bias)[-1])
    squares = tf.reduce_sum(tf.square(means), axis=-1)
    return HeadWeights(2 * tf.linalg.matrix_transpose(means), -squares)
