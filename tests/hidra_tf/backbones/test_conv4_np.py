"""Conv-4 without pooling in its last blocks, against plain operations in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.conv4_np import conv4_np
from tests.plain_network import convolved, pooled

EPSILON = 1e-3


def published(images, kernels, norm):
    """ConvNetNopool of the program of Chen et al.: only the first two blocks pool, without pads."""
    for number, kernel in enumerate(kernels):
        first = number < 2
        images = convolved(images, kernel, 0 if first else 1)
        if norm == "transductive":
            mean, variance = images.mean((0, 1, 2)), images.var((0, 1, 2))
            images = (images - mean) / np.sqrt(variance + EPSILON)
        images = np.maximum(images, 0)
        images = pooled(images) if first else images
    return images.reshape(len(images), -1)


@pytest.mark.parametrize("norm", ["transductive", "none"])
def test_features_are_those_of_the_published_encoder(norm):
    model = conv4_np((20, 17, 2), filters=3, norm=norm, dtype="float64")
    kernels = [v.numpy() for v in model.trainable_variables if v.name == "kernel"]
    images = np.random.default_rng(0).random((4, 20, 17, 2))
    theta = [tf.convert_to_tensor(v) for v in model.trainable_variables]
    features, _ = Backbone(model, norm).support_features(theta, tf.constant(images))
    expected = published(images, kernels, norm)
    assert expected.shape == (4, 3 * 2 * 3)
    np.testing.assert_allclose(features, expected, rtol=1e-9, atol=1e-11)


def test_its_size_is_that_of_the_published_encoder():
    assert conv4_np((84, 84, 3)).output_shape == (None, 64 * 19 * 19)
    assert conv4_np((28, 28, 1)).output_shape == (None, 64 * 5 * 5)
