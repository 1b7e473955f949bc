"""Cosine heads: logits are the cosines of the angles between features and neurons, scaled."""

from __future__ import annotations

from typing import NamedTuple

import keras
import tensorflow as tf

from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.hypernetwork import class_means
from hidra_tf.options import check_count
from hidra_tf.seeds import derive

# More classes than this want larger logits, so that a softmax over them can be sure of one.
FEW_CLASSES = 200
SCALE_OF_FEW, SCALE_OF_MANY = 2.0, 10.0
# What the published program adds to a feature vector's length.
EPSILON = 1e-5
# Squared lengths below this count as it: a length has no derivative at zero.
_LEAST_SQUARE = 1e-24
# The root mean square length of a neuron whose D weights are uniform in ±1/√D, as in PyTorch.
_USUAL_LENGTH = 3**-0.5


class CosineWeights(NamedTuple):
    """The output layer of a task, `directions` [D, C] and `lengths` [C]; or of tasks, [..., D, C].

    A neuron is its length times its direction of length 1 (weight normalisation, Salimans and
    Kingma, 2016, https://arxiv.org/abs/1602.07868); that of `directions` does not count.
    """

    directions: tf.Tensor
    lengths: tf.Tensor

    def logits(self, features: tf.Tensor) -> tf.Tensor:
        """Features [..., N, D] → logits s·g_c·cos(f, v_c), [..., N, C]."""
        features = features / (_length(features, axis=-1) + EPSILON)
        neurons = self.directions / _length(self.directions, axis=-2)
        cosines = tf.linalg.matmul(features, neurons)
        scale = scale_of(tf.shape(self.lengths)[-1], features.dtype)
        return scale * self.lengths[..., tf.newaxis, :] * cosines


def scale_of(classes: tf.Tensor | int, dtype: str | tf.DType) -> tf.Tensor:
    """The published factor s of the logits: 2 for at most 200 classes, 10 for more."""
    few = tf.convert_to_tensor(classes) <= FEW_CLASSES
    return tf.where(few, tf.constant(SCALE_OF_FEW, dtype), tf.constant(SCALE_OF_MANY, dtype))


def class_directions(
    features: tf.Tensor, labels: tf.Tensor, ways: tf.Tensor | int
) -> CosineWeights:
    """Neurons that point at the mean of their class's normalised features, all of one length.

    That length, and the one of `directions`, is the usual one of a neuron that PyTorch draws.

    Args:
        features: [..., N, D], the features of the support images.
        labels: integers in 0 … C−1, [..., N].
        ways: the number C of classes.

    Returns:
        Directions [..., D, C] and lengths [..., C].
    """
    normalised = features / (_length(features, axis=-1) + EPSILON)
    # Features that are all zero point nowhere; the constant gives them a direction.
    means = tf.linalg.matrix_transpose(class_means(normalised, labels, ways)) + 1e-9
    directions = _USUAL_LENGTH * means / _length(means, axis=-2)
    return CosineWeights(directions, tf.fill(tf.shape(means[..., 0, :]), _cast(means)))


class CosineHead(tf.Module):
    """A classifier of `ways` classes by cosines: the last layer of Baseline++.

    Chen, Liu, Kira, Wang and Huang (2019), https://arxiv.org/abs/1904.04232. As in their program, a
    neuron's length is learned, and there is no bias.

    Example:
        >>> import tensorflow as tf
        >>> from hidra_tf import CosineHead
        >>> head = CosineHead(feature_size=64, ways=5)
        >>> head.initial(5).logits(tf.ones((1, 64))).shape
        TensorShape([1, 5])

    Args:
        feature_size: the number D of features.
        ways: the number C ≥ 1 of neurons.
        seed: the seed of the kernel, uniform in ±1/√D.
        dtype: the type of the variables.

    Raises:
        ValueError: if `ways` is no such number.
    """

    tied = False

    def __init__(self, feature_size: int, ways: int, seed: int = 0, dtype: str = "float32") -> None:
        super().__init__(name="cosine_head")
        check_count("ways", ways, 1)
        self.fixed_ways = ways
        bound = feature_size**-0.5
        draw = keras.initializers.RandomUniform(-bound, bound, derive(seed, "head"))
        kernel = draw((feature_size, ways), dtype=dtype)
        self.directions = tf.Variable(kernel, name="cosine_directions")
        self.lengths = tf.Variable(tf.norm(kernel, axis=0), name="cosine_lengths")

    @classmethod
    def of(cls, backbone: Backbone, *, ways: int, seed: int = 0) -> CosineHead:
        """Neurons for a backbone's features, of their type."""
        return cls(backbone.feature_size, ways, seed, backbone.dtype)

    def initial(self, ways: tf.Tensor | int) -> CosineWeights:
        """The neurons themselves; `ways` is `fixed_ways`."""
        del ways
        return CosineWeights(*map(tf.convert_to_tensor, (self.directions, self.lengths)))


def _length(vectors: tf.Tensor, axis: int) -> tf.Tensor:
    """Lengths along an axis, which stays, with a size of 1."""
    squares = tf.reduce_sum(tf.square(vectors), axis=axis, keepdims=True)
    return tf.sqrt(tf.maximum(squares, _LEAST_SQUARE))


def _cast(like: tf.Tensor) -> tf.Tensor:
    """The usual length in the type of another tensor."""
    return tf.constant(_USUAL_LENGTH, like.dtype)
