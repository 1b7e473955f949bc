"""`ConvBlock` against the four layers that it stands for, written as plain operations."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from hidra_tf.backbones import conv_block, normalization
from hidra_tf.backbones.conv_block import ConvBlock, output_moments

EPSILON = 1e-3
# 9 values of a patch, or 27, against the filters: statistics by patches, or by the outputs.
CHANNELS_AND_FILTERS = {"patches": (1, 10), "outputs": (3, 4)}
branches = pytest.mark.parametrize("branch", CHANNELS_AND_FILTERS)
# What other blocks than those of Conv-4 do about the sides of their input.
SHAPES = [("valid", True), ("valid", False), ("same", False)]
shapes = pytest.mark.parametrize(("padding", "pool"), SHAPES)


def make_block(branch, use_bias=True, normalised=True, dtype="float64", **shape):
    """No weight is as initialized; γ has both signs, and is zero for the last filter."""
    channels, filters = CHANNELS_AND_FILTERS[branch]
    zeros = keras.initializers.Zeros()
    block = ConvBlock(filters, normalised, use_bias, zeros, dtype=dtype, **shape)
    block.build((None, None, None, channels))
    rng = np.random.default_rng(0)
    for variable in block.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    if normalised:
        block.norm.gamma.assign(np.append(np.linspace(-1.5, 1.5, filters - 1), 0))
        block.norm.beta.assign(np.append(block.norm.beta[:-1], 0.7))
        block.norm.store(rng.normal(size=filters), rng.uniform(0.5, 2, size=filters))
    return block


def images_for(branch, sides=(6, 5), count=4, seed=1, dtype="float64"):
    shape = (count, *sides, CHANNELS_AND_FILTERS[branch][0])
    return tf.constant(1 + np.random.default_rng(seed).normal(size=shape), dtype)


def weights_of(block):
    theta = [tf.convert_to_tensor(v) for v in block.trainable_variables]
    return theta, [tf.convert_to_tensor(v) for v in block.non_trainable_variables]


def ours(block):
    """(θ, statistics, images, training) → outputs, statistics."""

    def call(theta, statistics, images, training):
        return block.stateless_call(theta, statistics, images, training=training)

    return call


def plain(block):
    """The same, in the papers' order."""

    def call(theta, statistics, images, training):
        names = [v.path.rsplit("/", 1)[-1] for v in block.trainable_variables]
        named = dict(zip(names, theta, strict=True))
        outputs = tf.nn.conv2d(images, named["kernel"], 1, block.padding.upper())
        outputs += named.get("bias", 0.0)
        if block.norm is not None:
            if training:
                mean = tf.reduce_mean(outputs, (0, 1, 2))
                statistics = [mean, tf.reduce_mean((outputs - mean) ** 2, (0, 1, 2))]
            mean, variance = statistics
            outputs = (outputs - mean) / tf.sqrt(variance + EPSILON)
            outputs = outputs * named["gamma"] + named["beta"]
        outputs = tf.nn.relu(outputs)
        return tf.nn.max_pool2d(outputs, 2, 2, "VALID") if block.pool else outputs, statistics

    return call


def smooth(outputs, seed=2):
    weights = np.random.default_rng(seed).normal(size=outputs.shape)
    return tf.reduce_mean(tf.constant(weights, outputs.dtype) * tf.tanh(outputs))


def queried(call, theta, state, images, mode):
    """Outputs for the first images: by their own statistics, the last images', or given ones."""
    half = len(images) // 2
    if mode == "support":
        _, state = call(theta, state, images[half:], True)
    return call(theta, state, images[:half], mode == "own")[0]


def value_and_gradients(call, block, images, mode):
    theta, state = weights_of(block)
    sources = [*theta, *state, images]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        outputs = queried(call, theta, state, images, mode)
        value = smooth(outputs)
    return [outputs, *tape.gradient(value, sources, unconnected_gradients="zero")]


def assert_close(ours, theirs, **tolerance):
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, **tolerance)


@branches
@pytest.mark.parametrize("mode", ["own", "support", "given"])
@pytest.mark.parametrize("use_bias", [True, False], ids=["bias", "no_bias"])
def test_values_and_gradients_are_those_of_four_layers(branch, mode, use_bias):
    block, images = make_block(branch, use_bias), images_for(branch, (7, 5))
    expected = value_and_gradients(plain(block), block, images, mode)
    assert np.mean(np.any(expected[0], axis=(0, 1, 2))) > 0.7
    assert all(np.any(gradient) for gradient in expected[1 : 4 if use_bias else 3])
    assert_close(
        value_and_gradients(ours(block), block, images, mode), expected, rtol=1e-9, atol=1e-12
    )


@branches
def test_without_a_normalisation_too(branch):
    block, images = make_block(branch, normalised=False), images_for(branch)
    expected = value_and_gradients(plain(block), block, images, "given")
    assert len(expected) == 4
    assert_close(
        value_and_gradients(ours(block), block, images, "given"), expected, rtol=1e-9, atol=1e-12
    )


@branches
@pytest.mark.parametrize("use_bias", [True, False], ids=["bias", "no_bias"])
def test_training_stores_the_statistics_of_the_convolution_and_its_bias(branch, use_bias):
    block, images = make_block(branch, use_bias), images_for(branch)
    _, expected = plain(block)(*weights_of(block), images, True)
    block(images, training=True)
    assert_close([block.norm.mean, block.norm.variance], expected, rtol=1e-10, atol=1e-12)


@branches
def test_inference_is_the_default_and_stores_nothing(branch):
    block, images = make_block(branch), images_for(branch)
    before = weights_of(block)[1]
    np.testing.assert_array_equal(block(images), block(images, training=False))
    assert np.max(np.abs(block(images) - block(images, training=True))) > 0.01
    block.norm.store(*before)
    block(images)
    assert_close(weights_of(block)[1], before, rtol=0)


@branches
def test_few_channels_have_their_statistics_from_patches(branch, monkeypatch):
    calls = []

    def spy(*arguments):
        calls.append(arguments)
        return output_moments(*arguments)

    monkeypatch.setattr(conv_block, "output_moments", spy)
    block = make_block(branch)
    block(images_for(branch), training=True)
    assert len(calls) == (branch == "patches")


def meta_gradients(call, block, images, mode):
    """Of a loss after a step of SGD, at the weights and the images."""
    theta, state = weights_of(block)
    with tf.GradientTape() as outer:
        outer.watch([*theta, images])
        with tf.GradientTape() as inner:
            inner.watch(theta)
            value = smooth(queried(call, theta, state, images, mode))
        steps = inner.gradient(value, theta)
        moved = [w - 5.0 * g for w, g in zip(theta, steps, strict=True)]
        after = smooth(queried(call, moved, state, images[::-1], mode), seed=3)
    return outer.gradient(after, [*theta, images])


@branches
@pytest.mark.parametrize("mode", ["own", "support"])
def test_the_gradient_through_a_step_is_that_of_four_layers(branch, mode):
    block, images = make_block(branch), images_for(branch)
    expected = meta_gradients(plain(block), block, images, mode)
    assert_close(meta_gradients(ours(block), block, images, mode), expected, rtol=1e-8, atol=1e-11)


@shapes
@branches
def test_blocks_that_do_not_pad_or_pool_are_those_of_plain_operations(branch, padding, pool):
    block, images = make_block(branch, padding=padding, pool=pool), images_for(branch, (7, 5))
    for mode in ("own", "support", "given"):
        expected = value_and_gradients(plain(block), block, images, mode)
        assert_close(
            value_and_gradients(ours(block), block, images, mode), expected, rtol=1e-9, atol=1e-12
        )
    expected = meta_gradients(plain(block), block, images, "own")
    assert_close(meta_gradients(ours(block), block, images, "own"), expected, rtol=1e-8, atol=1e-11)


@shapes
def test_such_blocks_know_their_shape_and_what_makes_them(padding, pool):
    block, images = make_block("outputs", padding=padding, pool=pool), images_for("outputs", (8, 7))
    sides = [(side - 2 * (padding == "valid")) // (1 + pool) for side in (8, 7)]
    assert block(images).shape == block.compute_output_shape(images.shape) == (4, *sides, 4)
    twin = ConvBlock.from_config(block.get_config())
    twin.build(images.shape)
    twin.set_weights(block.get_weights())
    np.testing.assert_array_equal(twin(images), block(images))


@branches
def test_float32_is_close_to_float64(branch):
    """It takes other kernels."""
    single, double = (make_block(branch, dtype=dtype) for dtype in ("float32", "float64"))
    parts = [
        [
            *value_and_gradients(ours(block), block, images, "own"),
            *meta_gradients(ours(block), block, images, "own"),
        ]
        for block, images in (
            (single, images_for(branch, dtype="float32")),
            (double, images_for(branch)),
        )
    ]
    assert_close(*parts, rtol=1e-4, atol=2e-6)


@branches
@pytest.mark.parametrize("sides", [(2, 2), (3, 5), (8, 7)])
def test_both_sides_are_halved_rounding_down(branch, sides):
    block, images = make_block(branch), images_for(branch, sides)
    expected = (4, sides[0] // 2, sides[1] // 2, block.filters)
    assert block(images).shape == block(images, training=True).shape == expected
    assert block.compute_output_shape(images.shape) == expected
    assert block.compute_output_shape((None, *images.shape[1:])) == (None, *expected[1:])


@settings(deadline=None, max_examples=15)
@given(
    shape=st.tuples(*[st.integers(1, 4)] * 4),
    filters=st.integers(1, 5),
    shift=st.sampled_from([0.0, 5.0]),
)
def test_output_moments_are_those_of_the_convolution(shape, filters, shift):
    rng = np.random.default_rng(sum(shape))
    images, kernel = shift + rng.normal(size=shape), rng.normal(size=(3, 3, shape[-1], filters))
    outputs = tf.nn.conv2d(images, kernel, 1, "SAME").numpy()
    mean, variance = output_moments(tf.constant(images), tf.constant(kernel))
    np.testing.assert_allclose(mean, outputs.mean(axis=(0, 1, 2)), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(variance, outputs.var(axis=(0, 1, 2)), rtol=1e-9, atol=1e-10)


def test_bfloat16_adds_up_the_gradients_of_shift_and_scale_in_float32():
    """50,176 values per channel: sums in bfloat16 would be several times too small."""
    images = np.random.default_rng(0).random((64, 28, 28, 1)).astype(np.float32)
    gradients = []
    for policy in ("float32", "mixed_bfloat16"):
        block = ConvBlock(16, True, True, keras.initializers.GlorotUniform(1), dtype=policy)
        block.build((None, 28, 28, 1))
        block.norm.beta.assign(np.full(16, 5.0))  # far from the ReLU's kink
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.cast(block(images), tf.float32))
        gradients.append(tape.gradient(loss, [block.bias.value, block.norm.beta.value]))
    for exact, rounded in zip(*gradients, strict=True):
        np.testing.assert_allclose(rounded, exact, rtol=0.02)


@branches
@shapes
def test_plain_operations_give_the_same_numbers(branch, padding, pool):
    block = make_block(branch, padding=padding, pool=pool)
    images = tf.constant(
        np.random.default_rng(0).random((3, 6, 6, CHANNELS_AND_FILTERS[branch][0]))
    )
    for training in (True, False):
        wanted = block(images, training=training)
        kept = [variable.numpy() for variable in block.norm.non_trainable_variables]
        with normalization.plain():
            found = block(images, training=training)
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)
        assert np.ptp(found) > 0.1
        for variable, known in zip(block.norm.non_trainable_variables, kept, strict=True):
            np.testing.assert_allclose(variable, known, rtol=1e-9)
