"""Conv-4 against a NumPy network, and what `norm` makes of it."""

import keras
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


def query_features(backbone, support, query):
    _, statistics = backbone.support_features(theta_of(backbone), support)
    return backbone.query_features(theta_of(backbone), query, statistics).numpy()


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
        if norm in ("transductive", "support"):
            mean, variance = images.mean(axis=(0, 1, 2)), images.var(axis=(0, 1, 2))
            images = (images - mean) / np.sqrt(variance + EPSILON)
        if norm == "affine":
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
    with pytest.raises(ValueError, match="transductive, support, affine, none; received 'batch'"):
        conv4(IMAGE, norm="batch")
    with pytest.raises(ValueError, match="received 'batch'"):
        Backbone(conv4(IMAGE, 2), norm="batch")


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


@pytest.mark.parametrize("norm", ["affine", "none"])
def test_per_image_features_depend_on_one_image_alone(norm, make_backbone):
    backbone, images = make_backbone(norm), images_of(4)
    together = support_features(backbone, images)
    alone = [support_features(backbone, images[i : i + 1])[0] for i in range(4)]
    np.testing.assert_allclose(together, alone, rtol=1e-12, atol=1e-14)
    assert backbone.per_image


@pytest.mark.parametrize("norm", ["transductive", "support"])
def test_batch_statistics_make_support_images_depend_on_one_another(norm, make_backbone):
    backbone, images = make_backbone(norm), images_of(4)
    difference = support_features(backbone, images)[:2] - support_features(backbone, images[:2])
    assert np.max(np.abs(difference)) > 1e-3
    assert not backbone.per_image


def other_queries_matter(backbone):
    support, query = images_of(4, seed=1), images_of(6, seed=2)
    company = query_features(backbone, support, query)[:2]
    return np.max(np.abs(company - query_features(backbone, support, query[:2])))


def support_matters(backbone):
    query = images_of(4, seed=2)
    features = [query_features(backbone, images_of(4, seed), query) for seed in (3, 4)]
    return np.max(np.abs(features[0] - features[1]))


@pytest.mark.parametrize("norm", NORMS)
def test_queries_see_one_another_only_when_transductive(norm, make_backbone):
    difference = other_queries_matter(make_backbone(norm))
    assert difference > 1e-3 if norm == "transductive" else difference < 1e-13


@pytest.mark.parametrize("norm", NORMS)
def test_queries_see_the_support_set_only_with_its_statistics(norm, make_backbone):
    difference = support_matters(make_backbone(norm))
    assert difference > 1e-3 if norm == "support" else difference == 0


@pytest.mark.parametrize("norm", NORMS)
def test_the_support_set_as_queries_has_the_features_of_the_support_set(norm, make_backbone):
    backbone, images = make_backbone(norm), images_of(4)
    np.testing.assert_allclose(
        query_features(backbone, images, images), support_features(backbone, images), atol=1e-12
    )


@pytest.mark.parametrize("norm", NORMS)
def test_calls_change_no_variable(norm, make_backbone):
    """No statistics leak from one task into the next."""
    backbone = make_backbone(norm)
    before = [v.numpy() for v in backbone.model.variables]
    query_features(backbone, images_of(4, seed=1), images_of(4, seed=2))
    for old, new in zip(before, backbone.model.variables, strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_given_weights_are_used_and_not_the_models(make_backbone):
    backbone, images = make_backbone("none"), images_of(2)
    doubled = [2 * v for v in theta_of(backbone)[:-2]]
    features, _ = backbone.support_features([*doubled, *theta_of(backbone)[-2:]], images)
    assert np.max(np.abs(features - support_features(backbone, images))) > 1e-3


@pytest.mark.parametrize("norm", ["transductive", "support", "affine"])
def test_gamma_and_beta_alone_stay_out_of_the_inner_loop(norm, make_backbone):
    backbone = make_backbone(norm)
    fixed = [v.path for v, on in zip(backbone.variables, backbone.adapted, strict=True) if not on]
    assert len(fixed) == 8
    assert all(path.endswith(("/gamma", "/beta")) for path in fixed)


@pytest.mark.parametrize("norm", NORMS)
def test_all_weights_adapt_where_the_normalisation_is_to_adapt(norm, make_backbone):
    backbone = make_backbone(norm, adapt_norm=True)
    assert backbone.adapted == [True] * len(backbone.variables)


def test_any_keras_model_can_be_a_backbone():
    inputs = keras.Input(IMAGE)
    hidden = keras.layers.Dense(5)(keras.layers.Flatten()(inputs))
    backbone = Backbone(keras.Model(inputs, keras.layers.Add()([hidden, hidden])), "none")
    assert backbone.feature_size == 5
    assert backbone.adapted == [True, True]
    images = tf.zeros((3, *IMAGE))
    assert support_features(backbone, images).shape == (3, 5)
