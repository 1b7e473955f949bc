"""Heads: how the C output neurons ψ_c of a task start out.

A head's weights for one task are a pair (kernel [D, C], bias [C]); logits_c = ψ_c·f + b_c. A head
is an initialization of such pairs: `initial(ways)`, whose neurons are all equal where it is `tied`,
for any number of ways where `fixed_ways` is None. `of(backbone)` makes one for its features.
"""

from __future__ import annotations

from typing import NamedTuple

import keras
import tensorflow as tf

from hidra_tf.backbones.backbone import Backbone
from hidra_tf.options import check_count
from hidra_tf.seeds import derive


class HeadWeights(NamedTuple):
    """The output layer of a task, `kernel` [D, C] and `bias` [C]; or of tasks, [..., D, C]."""

    kernel: tf.Tensor
    bias: tf.Tensor

    def logits(self, features: tf.Tensor) -> tf.Tensor:
        """Features [..., N, D] → logits [..., N, C]."""
        return tf.linalg.matmul(features, self.kernel) + self.bias[..., tf.newaxis, :]

    def for_each(self, tasks: tf.Tensor) -> HeadWeights:
        """The same for tasks of a shape, such as [T]: kernel [T, D, C] and bias [T, C]."""
        return HeadWeights(*(tf.broadcast_to(w, tf.concat([tasks, tf.shape(w)], 0)) for w in self))


@tf.custom_gradient
def tile_master(master: tf.Tensor, ways: tf.Tensor) -> tuple[tf.Tensor, object]:
    """Tiles one master neuron into C neurons: [..., ] → [..., C].

    HIDRA, equation 3.6. The gradient is the *mean* over the C copies, not their sum, because
    Algorithm 1 (line 20) sets the master to the mean of the updated neurons.
    """
    tiled = tf.repeat(master[..., tf.newaxis], ways, axis=-1)
    return tiled, lambda upstream: (tf.reduce_mean(upstream, axis=-1), None)


class MasterHead(tf.Module):
    """HIDRA's head: one master neuron φ, tiled C times at the start of every task.

    Drumond et al. (2020), equation 3.6 (https://arxiv.org/abs/1910.12749).

    Example:
        >>> from hidra_tf import MasterHead
        >>> kernel, bias = MasterHead(feature_size=64).initial(ways=5)
        >>> kernel.shape, bias.shape
        (TensorShape([64, 5]), TensorShape([5]))

    Args:
        feature_size: the number D of features.
        seed: the seed of the Glorot-uniform master (fan-in D, fan-out 1).
        dtype: the type of the variables.
    """

    tied = True
    fixed_ways = None

    def __init__(self, feature_size: int, seed: int = 0, dtype: str = "float32") -> None:
        super().__init__(name="master_head")
        self.kernel = tf.Variable(
            _glorot((feature_size, 1), seed, dtype)[:, 0], name="master_kernel"
        )
        self.bias = tf.Variable(tf.zeros((), dtype), name="master_bias")

    @classmethod
    def of(cls, backbone: Backbone, *, seed: int = 0) -> MasterHead:
        """A master neuron for a backbone's features, of their type."""
        return cls(backbone.feature_size, seed, backbone.dtype)

    def initial(self, ways: tf.Tensor | int) -> HeadWeights:
        """C copies of the master: kernel [D, C], bias [C]."""
        return HeadWeights(tile_master(self.kernel, ways), tile_master(self.bias, ways))


class ZeroHead(tf.Module):
    """A head that begins with zeros and has nothing to learn, for any number of ways.

    Under a softmax the master neuron does not matter (README, fact 3), so this head gives the
    numbers of `MasterHead`.

    Example:
        >>> from hidra_tf import ZeroHead
        >>> ZeroHead(feature_size=64).initial(ways=2).bias.numpy().tolist()
        [0.0, 0.0]

    Args:
        feature_size: the number D of features.
        dtype: the type of the weights.
    """

    tied = True
    fixed_ways = None

    def __init__(self, feature_size: int, dtype: str = "float32") -> None:
        super().__init__(name="zero_head")
        self.feature_size, self.dtype = feature_size, dtype

    @classmethod
    def of(cls, backbone: Backbone) -> ZeroHead:
        """Zeros for a backbone's features, of their type."""
        return cls(backbone.feature_size, backbone.dtype)

    def initial(self, ways: tf.Tensor | int) -> HeadWeights:
        """Zeros: kernel [D, C], bias [C]."""
        shape = tf.stack([self.feature_size, ways])
        return HeadWeights(tf.zeros(shape, self.dtype), tf.zeros(shape[1:], self.dtype))


class FixedHead(tf.Module):
    """MAML's head: `ways` neurons of their own, for tasks with exactly that many classes.

    Finn et al. (2017), https://arxiv.org/abs/1703.03400.

    Example:
        >>> from hidra_tf import FixedHead
        >>> FixedHead(feature_size=64, ways=5).fixed_ways
        5

    Args:
        feature_size: the number D of features.
        ways: the number C ≥ 1 of neurons.
        seed: the seed of the Glorot-uniform kernel.
        dtype: the type of the variables.

    Raises:
        ValueError: if `ways` is no such number.
    """

    tied = False

    def __init__(self, feature_size: int, ways: int, seed: int = 0, dtype: str = "float32") -> None:
        super().__init__(name="fixed_head")
        check_count("ways", ways, 1)
        self.fixed_ways = ways
        self.kernel = tf.Variable(_glorot((feature_size, ways), seed, dtype), name="head_kernel")
        self.bias = tf.Variable(tf.zeros(ways, dtype), name="head_bias")

    @classmethod
    def of(cls, backbone: Backbone, *, ways: int, seed: int = 0) -> FixedHead:
        """Neurons for a backbone's features, of their type."""
        return cls(backbone.feature_size, ways, seed, backbone.dtype)

    def initial(self, ways: tf.Tensor | int) -> HeadWeights:
        """The neurons themselves; `ways` is `fixed_ways`."""
        del ways
        return HeadWeights(tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.bias))


class RandomHead(tf.Module):
    """Untrained neurons, drawn for any number of ways: the papers' random initialization.

    The first neurons are the same for every number of ways, up to the bound of the uniform
    distribution, Glorot's √(6/(D + C)).

    Example:
        >>> from hidra_tf import RandomHead
        >>> RandomHead(feature_size=64, seed=1).initial(ways=3).kernel.shape
        TensorShape([64, 3])

    Args:
        feature_size: the number D of features.
        seed: the seed of the draw.
        dtype: the type of the weights.
    """

    tied = False
    fixed_ways = None

    def __init__(self, feature_size: int, seed: int = 0, dtype: str = "float32") -> None:
        super().__init__(name="random_head")
        self.feature_size, self.seed, self.dtype = feature_size, seed, dtype

    @classmethod
    def of(cls, backbone: Backbone, *, seed: int = 0) -> RandomHead:
        """Neurons for a backbone's features, of their type."""
        return cls(backbone.feature_size, seed, backbone.dtype)

    def initial(self, ways: tf.Tensor | int) -> HeadWeights:
        """Kernel [D, C] and a zero bias [C]."""
        ways = tf.convert_to_tensor(ways)
        shape = tf.stack([ways, self.feature_size])
        draw = tf.random.stateless_uniform(
            shape, (derive(self.seed, "head"), 0), -1.0, 1.0, self.dtype, alg="philox"
        )
        bound = tf.sqrt(6.0 / tf.cast(self.feature_size + ways, self.dtype))
        return HeadWeights(tf.transpose(bound * draw), tf.zeros(ways[tf.newaxis], self.dtype))


def _glorot(shape: tuple[int, ...], seed: int, dtype: str) -> tf.Tensor:
    return keras.initializers.GlorotUniform(derive(seed, "head"))(shape, dtype=dtype)
