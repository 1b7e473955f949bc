"""Conv-4 against a NumPy network, its sizes, seeds and arguments."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.conv4 import conv4
from hidra_tf.options import NORMS

EPSILON = 1e-3
IMAGE = (16, 16, 1)


def images_of(count, seed=0):
    return tf.constant(np.random.default_rng(seed).random((count, *IMAGE)))


def theta_of(backbone):
    return [tf.convert_to_tensor(v) for v in backbone.variables]


def support_features(backbone, images):
    return backbone.support_features(theta_of(backbone), images)[0].numpy()


def convolution(images, kernel):
    """3×3, zero padding: [N, H, W, channels] → [N, H, W, filters]."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    return np.einsum("nhwcij,ijcf->nhwf", windows, kernel)


def pooling(images):
    count, height, width, channels = images.shape
    halves = images[:, : height // 2 * 2, : width // 2 * 2]
    blocks = halves.reshape(count, height // 2, 2, width // 2, 2, channels)
    return blocks.max(axis=(2, 4))


def numpy_conv4(model, images, norm):
    """Features of images by themselves; ReLU first, as the papers draw it."""
    weights = {v.path.split("conv4/")[-1]: v.numpy() for v in model.trainable_variables}
    for block in range(1, 5):
        images = convolution(images, weights[f"block_{block}/kernel"])
        images = images + weights.get(f"block_{block}/bias", 0)
        if norm in ("transductive", "support", "joint"):
            mean, variance = images.mean(axis=(0, 1, 2)), images.var(axis=(0, 1, 2))
            images = (images - mean) / np.sqrt(variance + EPSILON)
        if norm in ("affine", "running"):  # of an untrained network
            images = images / np.sqrt(1.001)
        if norm != "none":
            images = (
                images * weights[f"block_{block}/norm/gamma"] + weights[f"block_{block}/norm/beta"]
            )
        images = pooling(np.maximum(images, 0))
    return images.reshape(len(images), -1)


@pytest.mark.parametrize("norm", NORMS)
def test_features_are_those_of_a_numpy_network(norm, make_backbone):
    backbone, images = make_backbone(norm), images_of(4)
    expected = numpy_conv4(backbone.model, images.numpy(), norm)
    assert np.all(np.any(expected, axis=1))
    np.testing.assert_allclose(support_features(backbone, images), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "filters", "features"), [((28, 28, 1), 64, 64), ((84, 84, 3), 32, 800)]
)
def test_sizes_of_the_papers(shape, filters, features):
    model = conv4(shape, filters)
    assert model(np.zeros((1, *shape), np.float32)).shape == (1, features)
    assert Backbone(model, "transductive").feature_size == features


@settings(deadline=None, max_examples=5)
@given(height=st.integers(16, 50), width=st.integers(16, 50), channels=st.integers(1, 4))
def test_every_block_halves_both_sides(height, width, channels):
    model = conv4((height, width, channels), filters=2, norm="none")
    assert model.output_shape == (None, (height // 16) * (width // 16) * 2)


@pytest.mark.parametrize("shape", [(15, 16, 1), (16, 15, 1)])
def test_images_that_are_too_small_are_refused(shape):
    with pytest.raises(ValueError, match=f"16 × 16 pixels, received {shape[0]} × {shape[1]}"):
        conv4(shape)


def test_an_unknown_norm_is_refused():
    with pytest.raises(ValueError, match=r"norm must be one of .*none; received 'batch'"):
        conv4(IMAGE, norm="batch")


def kernels(seed):
    model = conv4(IMAGE, filters=4, seed=seed)
    return [model.get_layer(f"block_{block}").kernel.numpy() for block in range(1, 5)]


def test_the_same_seed_gives_the_same_kernels():
    for ours, theirs in zip(kernels(3), kernels(3), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_blocks_differ():
    _, *blocks = kernels(0)
    assert len({block.tobytes() for block in blocks}) == 3


def test_seeds_share_no_kernel():
    """Not even at another block: runs with the seeds 0, 1, 2 … are to be independent."""
    theirs = {kernel.tobytes() for kernel in kernels(1)}
    assert [kernel.tobytes() in theirs for kernel in kernels(0)] == [False] * 4


@pytest.mark.parametrize("norm", ["transductive", "none"])
def test_a_bias_is_left_out_where_the_mean_is_subtracted(norm):
    assert conv4(IMAGE, 2, norm).get_layer("block_1").use_bias == (norm == "none")


def test_float64_reaches_every_variable_and_the_backbone():
    """Heads are made in the backbone's dtype."""
    model = conv4(IMAGE, 2, dtype="float64")
    assert {v.dtype for v in model.variables} == {"float64"}
    assert Backbone(model, "transductive").dtype == "float64"


def relu_first(model, weights, images):
    """The affine network in the papers' order, by plain TensorFlow operations."""
    for block in range(4):
        kernel, bias, gamma, beta = weights[4 * block : 4 * block + 4]
        images = tf.nn.conv2d(images, kernel, 1, "SAME") + bias
        images = tf.nn.relu(images / np.sqrt(1.001) * gamma + beta)
        images = tf.nn.max_pool2d(images, 2, 2, "VALID")
    return tf.reshape(images, (len(images), -1))


def test_pooling_before_the_relu_gives_the_same_gradients(make_backbone):
    backbone, images = make_backbone("affine"), images_of(3)
    theta, weights = theta_of(backbone), np.random.default_rng(1).normal(size=(3, 3))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([*theta, images])
        ours = tf.reduce_sum(weights * backbone.support_features(theta, images)[0])
        papers = tf.reduce_sum(weights * relu_first(backbone.model, theta, images))
    expected = tape.gradient(papers, [*theta, images])
    assert all(np.any(gradient) for gradient in expected)
    for mine, theirs in zip(tape.gradient(ours, [*theta, images]), expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": (28, 28)}, r"image_shape: expected three integers .*received \(28, 28\)"),
        ({"image_shape": 28}, r"image_shape: expected three integers \(height, width, channels\)"),
        ({"image_shape": (28.0, 28, 1)}, r"of at least 1, received \(28.0, 28, 1\)"),
        ({"image_shape": (28, 28, 0)}, r"of at least 1, received \(28, 28, 0\)"),
        ({"image_shape": (28, None, 1)}, r"of at least 1, received \(28, None, 1\)"),
        ({"filters": 0}, "filters: expected an integer of at least 1, received 0"),
        ({"filters": -3}, "filters: expected an integer of at least 1, received -3"),
        ({"filters": 2.5}, "filters: expected an integer of at least 1, received 2.5"),
        ({"filters": True}, "filters: expected an integer of at least 1, received True"),
        ({"norm": None}, "norm must be one of .*; received None"),
        ({"norm": ["affine"]}, r"norm must be one of .*; received \['affine'\]"),
        ({"seed": "0"}, "seed: expected an integer of at least 0, received '0'"),
        (
            {"dtype": "float"},
            "dtype: expected a Keras dtype policy .*, received 'float'",
        ),
    ],
)
def test_a_wrong_argument_is_refused_in_one_line(arguments, message):
    with pytest.raises(ValueError, match=message) as caught:
        conv4(**{"image_shape": IMAGE, "filters": 2, **arguments})
    assert "\n" not in str(caught.value)
