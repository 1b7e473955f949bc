"""`max_pool` against TensorFlow's own, bit for bit: value and derivatives of both orders."""

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.backbones.pooling import max_pool, shifted_relu_pool

SIDES = [(4, 6), (5, 4), (5, 7), (3, 2)]


def tensorflows(images):
    return tf.nn.max_pool2d(images, 2, 2, "VALID")


def distinct(shape, rng):
    return rng.normal(size=shape)


def rectified(shape, rng):
    """Many windows are zero all over."""
    return np.maximum(rng.normal(size=shape) - 0.8, 0)


def few_values(shape, rng):
    """Ties of every kind, at every position of a window."""
    return rng.integers(3, size=shape) - 1.0


def constant(shape, rng):
    return np.full(shape, 0.3)


def derivatives(pool, images, weights, direction):
    """A pooling's value, and both derivatives of a curved function of it.

    The curve is a square, in whose derivatives no order of operations changes a bit.
    """
    with tf.GradientTape() as outer:
        outer.watch(images)
        with tf.GradientTape() as inner:
            inner.watch(images)
            pooled = pool(images)
            value = tf.reduce_sum(weights * tf.square(pooled))
        first = inner.gradient(value, images)
        along = tf.reduce_sum(direction * first)
    return pooled, first, outer.gradient(along, images)


def points(kind, sides, dtype, batches=()):
    """Images, weights and a direction."""
    rng = np.random.default_rng(0)
    height, width = sides
    shape, pooled = (*batches, 3, *sides, 2), (*batches, 3, height // 2, width // 2, 2)
    arrays = kind(shape, rng), rng.normal(size=pooled), rng.normal(size=shape)
    return [tf.constant(array, dtype) for array in arrays]


def assert_identical(ours, theirs):
    for name, mine, other in zip(("value", "first", "second"), ours, theirs, strict=True):
        assert np.any(other), name
        np.testing.assert_array_equal(mine, other, name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize("kind", [distinct, rectified, few_values, constant])
def test_value_and_both_derivatives_are_tensorflows(kind, sides, dtype):
    arguments = points(kind, sides, dtype)
    assert_identical(derivatives(max_pool, *arguments), derivatives(tensorflows, *arguments))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_they_are_so_in_a_compiled_loop(dtype):
    arguments = points(few_values, (5, 6), dtype, batches=(3,))

    @tf.function
    def looped(*arguments):
        return tf.map_fn(
            lambda parts: derivatives(max_pool, *parts), arguments, fn_output_signature=(dtype,) * 3
        )

    each = [derivatives(tensorflows, *parts) for parts in zip(*arguments, strict=True)]
    expected = [np.stack(parts) for parts in zip(*each, strict=True)]
    assert_identical(looped(*arguments), expected)


def test_they_are_so_in_a_compiled_function_of_any_size():
    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 2))] * 3)
    def compiled(*arguments):
        return derivatives(max_pool, *arguments)

    for sides in SIDES:
        arguments = points(rectified, sides, "float32")
        assert_identical(compiled(*arguments), derivatives(tensorflows, *arguments))


def test_the_second_derivative_does_not_search_the_windows_again():
    """Why it exists: TensorFlow's operation for this is slow."""
    arguments = points(distinct, (4, 4), "float32")

    def operations(pool):
        traced = tf.function(lambda *arguments: derivatives(pool, *arguments), autograph=False)
        graph = traced.get_concrete_function(*arguments).graph
        return {operation.type for operation in graph.get_operations()}

    assert "MaxPoolGradGrad" in operations(tensorflows)
    assert "MaxPoolGradGrad" not in operations(max_pool)


def one_by_one(images, shift):
    return max_pool(tf.nn.relu(images + shift))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("side", [6, 7])
def test_shift_relu_and_pooling_in_one_have_the_derivatives_of_the_three(side, dtype):
    rng = np.random.default_rng(side)
    images = tf.constant(rng.normal(size=(3, side, side, 4)), dtype)
    shift, weights = (tf.constant(rng.normal(size=4), dtype) for _ in range(2))

    def derivatives(function):
        with tf.GradientTape() as outer:
            outer.watch([images, shift])
            with tf.GradientTape() as inner:
                inner.watch([images, shift])
                pooled = function(images, shift)
                loss = tf.reduce_sum(weights * tf.tanh(pooled))
            first = inner.gradient(loss, [images, shift])
            after = tf.reduce_sum(tf.square(first[0])) + tf.reduce_sum(tf.sin(first[1]))
        return [pooled, *first, *outer.gradient(after, [images, shift])]

    ours, theirs = derivatives(shifted_relu_pool), derivatives(one_by_one)
    for mine, expected in zip(ours, theirs, strict=True):
        assert np.any(expected)
        np.testing.assert_allclose(mine, expected, rtol=1e-5, atol=1e-6)


def test_bfloat16_adds_up_the_shifts_gradient_in_float32():
    """TensorFlow's kernel for it adds in the images' precision: 78,400 ones would be 256 or 512."""
    images = tf.ones((100, 56, 56, 8), "bfloat16")
    shift = tf.zeros(8)
    with tf.GradientTape() as tape:
        tape.watch(shift)
        total = tf.reduce_sum(tf.cast(shifted_relu_pool(images, shift), tf.float32))
    gradient = tape.gradient(total, shift)
    assert gradient.dtype == tf.float32
    np.testing.assert_array_equal(gradient, np.full(8, 78400))
