"""The hypernetwork H_η: what is known of a class → how its output neuron is to change."""

from __future__ import annotations

import keras
import tensorflow as tf

from hidra_tf.options import check_count
from hidra_tf.seeds import derive


class Hypernetwork(tf.Module):
    """Fully connected layers with ReLU between them, the same for every class.

    HyperMAML (Przewięźlikowski et al., 2022, https://arxiv.org/abs/2205.15745), appendix E.1: two
    or three layers, 256 or 512 wide.

    Args:
        inputs: the number I of values that are known of a class.
        outputs: the number O of values of one neuron, its weights and its bias.
        layers: the number of layers, the last included, at least 1.
        width: the number of units in each layer but the last, at least 1.
        seed: the seed of the Glorot-uniform kernels.
        dtype: the type of the variables.
        silent: whether the last layer starts at zero, so that the network says nothing at first.

    Raises:
        ValueError: if a number is too small.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        layers: int = 3,
        width: int = 256,
        seed: int = 0,
        dtype: str = "float32",
        silent: bool = False,
    ) -> None:
        super().__init__(name="hypernetwork")
        check_count("layers", layers, 1)
        check_count("width", width, 1)
        sizes = [inputs, *[width] * (layers - 1), outputs]
        self.kernels, self.biases = [], []
        for i in range(layers):
            draw = keras.initializers.GlorotUniform(derive(seed, f"hypernetwork_{i}"))
            kernel = draw((sizes[i], sizes[i + 1]), dtype=dtype)
            if silent and i == layers - 1:
                kernel = tf.zeros_like(kernel)
            self.kernels.append(tf.Variable(kernel, name=f"hyper_kernel_{i}"))
            self.biases.append(tf.Variable(tf.zeros(sizes[i + 1], dtype), name=f"hyper_bias_{i}"))

    def __call__(self, classes: tf.Tensor) -> tf.Tensor:
        """[..., C, I] → [..., C, O]."""
        values = classes
        for i, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True)):
            values = tf.linalg.matmul(tf.nn.relu(values) if i else values, kernel) + bias
        return values


def class_means(values: tf.Tensor, labels: tf.Tensor, ways: tf.Tensor | int) -> tf.Tensor:
    """Means over the images of each class: values [..., N, D], labels [..., N] → [..., C, D]."""
    belongs = tf.one_hot(labels, ways, dtype=values.dtype)
    counts = tf.reduce_sum(belongs, axis=-2)
    return tf.linalg.matmul(belongs, values, transpose_a=True) / counts[..., tf.newaxis]
