"""The hypernetwork's layers, and class means, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.heads.hypernetwork import Hypernetwork, class_means

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_it_is_linear_layers_with_relu_between_them(layers):
    network = Hypernetwork(4, 3, layers, width=5, dtype="float64")
    for bias in network.biases:
        bias.assign(RNG.normal(size=bias.shape))
    classes = RNG.normal(size=(2, 6, 4))
    expected = classes @ network.kernels[0].numpy() + network.biases[0].numpy()
    for kernel, bias in zip(network.kernels[1:], network.biases[1:], strict=True):
        expected = np.maximum(expected, 0) @ kernel.numpy() + bias.numpy()
    np.testing.assert_allclose(network(tf.constant(classes)), expected, rtol=1e-12)
    assert len(network.trainable_variables) == 2 * layers
    assert {kernel.shape[1] for kernel in network.kernels[:-1]} <= {5}


def test_a_silent_one_says_zero():
    network = Hypernetwork(4, 3, silent=True)
    assert not np.any(network(tf.constant(RNG.normal(size=(6, 4)), tf.float32)))


def test_the_seed_decides_its_weights():
    one, same, other = (Hypernetwork(4, 3, seed=seed) for seed in (0, 0, 1))
    for a, b, c in zip(one.kernels, same.kernels, other.kernels, strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.all(a.numpy() != c.numpy())


def test_means_over_the_images_of_each_class():
    values, labels = RNG.normal(size=(2, 6, 3)), np.array([[0, 1, 2, 0, 1, 2], [2, 2, 1, 1, 0, 0]])
    means = class_means(tf.constant(values), tf.constant(labels), 3)
    for task in range(2):
        for c in range(3):
            expected = values[task][labels[task] == c].mean(axis=0)
            np.testing.assert_allclose(means[task, c], expected, rtol=1e-12)
