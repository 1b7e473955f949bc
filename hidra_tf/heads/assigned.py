"""A head with more neurons than a task has classes: each class is assigned to some at random."""

from __future__ import annotations

import tensorflow as tf

from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.neurons import FixedHead, HeadWeights
from hidra_tf.options import check_count
from hidra_tf.seeds import derive

# Of all heads' assignments.
_SEED = (derive(0, "assignments"), 0)


class AssignedHead(tf.Module):
    """O neurons, to which the C ≤ O classes of a task are assigned J times without overlap.

    Lee, Kim, Lee and Kwak (2024), Algorithm 1 (https://arxiv.org/abs/2401.05097): J = ⌊O/C⌋
    assignments, each of which gives every class a neuron of its own, and no neuron is in two of
    them. So almost all neurons take part in every task.

    The paper draws the assignments anew for each task. Here the tasks of one meta-update share the
    draw, a pure function of the number of the meta-update; since the sampler brings the classes of
    each task in a random order, a class is still assigned at random for each task. Outside of
    training the draw is that of meta-update 0, so that predictions depend on nothing but the
    weights and the task. No seed of the run is needed for this: it acts on the neurons' values.

    Example:
        >>> from hidra_tf import AssignedHead
        >>> kernel, bias = AssignedHead(feature_size=64, outputs=30).initial(ways=7)
        >>> kernel.shape, bias.shape
        (TensorShape([4, 64, 7]), TensorShape([4, 7]))

    Args:
        feature_size: the number D of features.
        outputs: the number O ≥ 2 of neurons.
        assignments: the largest number J ≥ 1 of assignments; None for as many as do not overlap.
        seed: the seed of the Glorot-uniform kernel.
        dtype: the type of the variables.

    Attributes:
        neurons: the neurons, kernel [D, O] and bias [O].

    Raises:
        ValueError: if a number is too small.
    """

    tied = False
    fixed_ways = None

    def __init__(
        self,
        feature_size: int,
        outputs: int = 30,
        assignments: int | None = None,
        seed: int = 0,
        dtype: str = "float32",
    ) -> None:
        super().__init__(name="assigned_head")
        check_count("outputs", outputs, 2)
        if assignments is not None:
            check_count("assignments", assignments, 1)
        self.outputs, self.assignments = outputs, assignments
        self.neurons = FixedHead(feature_size, outputs, seed, dtype)

    @classmethod
    def of(
        cls,
        backbone: Backbone,
        *,
        outputs: int = 30,
        assignments: int | None = None,
        seed: int = 0,
    ) -> AssignedHead:
        """Neurons for a backbone's features, of their type."""
        return cls(backbone.feature_size, outputs, assignments, seed, backbone.dtype)

    def initial(self, ways: tf.Tensor | int) -> HeadWeights:
        """The neurons of a task outside of training: kernel [J, D, C] and bias [J, C]."""
        return self.at(ways, 0)

    def at(self, ways: tf.Tensor | int, step: tf.Tensor | int) -> HeadWeights:
        """The neurons of the tasks of a meta-update: kernel [J, D, C] and bias [J, C].

        Args:
            ways: the number C of classes, at most O.
            step: the number of the meta-update.
        """
        assigned = self.draw(ways, step)
        kernel, bias = self.neurons.initial(self.outputs)
        return HeadWeights(
            tf.transpose(tf.gather(kernel, assigned, axis=1), (1, 0, 2)), tf.gather(bias, assigned)
        )

    def draw(self, ways: tf.Tensor | int, step: tf.Tensor | int) -> tf.Tensor:
        """The assignments [J, C] of a meta-update: distinct numbers of neurons in 0 … O−1."""
        seed = tf.random.fold_in(tf.constant(_SEED), tf.cast(step, tf.int32), alg="philox")
        noise = tf.random.stateless_uniform((self.outputs,), seed, alg="philox")
        count = self.outputs // tf.convert_to_tensor(ways)
        if self.assignments is not None:
            count = tf.minimum(count, self.assignments)
        return tf.reshape(tf.argsort(noise)[: count * ways], tf.stack([count, ways]))
