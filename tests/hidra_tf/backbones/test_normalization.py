"""`TaskNormalization`: the formula, the stored statistics, and derivatives of both orders."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from hidra_tf.backbones.normalization import TaskNormalization, normalise

EPSILON = 1e-3
SHAPE = (3, 2, 2, 2)


def make_layer(channels, rng):
    layer = TaskNormalization(dtype="float64")
    layer.build((None, None, None, channels))
    layer.gamma.assign(rng.normal(size=channels))
    layer.beta.assign(rng.normal(size=channels))
    return layer


def normalised(layer, images, mean, variance):
    gamma, beta = layer.gamma.numpy(), layer.beta.numpy()
    return gamma * (images - mean) / np.sqrt(variance + EPSILON) + beta


def moments(images):
    return images.mean(axis=(0, 1, 2)), images.var(axis=(0, 1, 2))


@settings(deadline=None, max_examples=15)
@given(
    shape=st.tuples(*[st.integers(1, 4)] * 4),
    scale=st.sampled_from([1e-3, 1.0, 100.0]),
    shift=st.sampled_from([0.0, 5.0]),
    seed=st.integers(0, 99),
)
def test_training_normalises_by_the_statistics_of_the_batch(shape, scale, shift, seed):
    rng = np.random.default_rng(seed)
    layer, images = make_layer(shape[-1], rng), shift + scale * rng.normal(size=shape)
    expected = normalised(layer, images, *moments(images))
    np.testing.assert_allclose(layer(images, training=True), expected, rtol=1e-10, atol=1e-10)


def test_training_stores_the_mean_and_the_biased_variance():
    rng = np.random.default_rng(0)
    layer, images = make_layer(2, rng), rng.normal(size=SHAPE)
    layer(images, training=True)
    np.testing.assert_allclose(layer.mean, images.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(layer.variance, images.var(axis=(0, 1, 2), ddof=0), rtol=1e-12)


def test_only_the_last_batch_is_remembered():
    rng = np.random.default_rng(0)
    layer, first, last = make_layer(2, rng), rng.normal(size=SHAPE), 3 + rng.normal(size=SHAPE)
    layer(first, training=True)
    layer(last, training=True)
    np.testing.assert_allclose(layer.mean, last.mean(axis=(0, 1, 2)), rtol=1e-12)


def test_before_any_batch_it_scales_as_the_published_programs_do():
    rng = np.random.default_rng(0)
    layer, images = make_layer(2, rng), rng.normal(size=SHAPE)
    expected = layer.gamma.numpy() * images / np.sqrt(1.001) + layer.beta.numpy()
    np.testing.assert_allclose(layer(images, training=False), expected, rtol=1e-12, atol=1e-12)


def test_inference_uses_the_stored_statistics():
    rng = np.random.default_rng(0)
    layer, seen, images = make_layer(2, rng), 2 + rng.normal(size=SHAPE), rng.normal(size=SHAPE)
    layer(seen, training=True)
    expected = normalised(layer, images, *moments(seen))
    np.testing.assert_allclose(layer(images, training=False), expected, rtol=1e-12, atol=1e-12)


def test_inference_stores_nothing():
    rng = np.random.default_rng(0)
    layer = make_layer(2, rng)
    layer(5 + rng.normal(size=SHAPE), training=False)
    assert layer.mean.numpy().tolist() == [0, 0]
    assert layer.variance.numpy().tolist() == [1, 1]


def test_inference_is_the_default():
    rng = np.random.default_rng(0)
    layer, images = make_layer(2, rng), rng.normal(size=SHAPE)
    np.testing.assert_array_equal(layer(images), layer(images, training=False))


def test_a_stateless_call_returns_the_statistics_and_leaves_the_variables_alone():
    rng = np.random.default_rng(0)
    layer, images = make_layer(2, rng), rng.normal(size=SHAPE)
    theta = [layer.gamma.value, layer.beta.value]
    state = [layer.mean.value, layer.variance.value]
    _, (mean, variance) = layer.stateless_call(theta, state, tf.constant(images), training=True)
    np.testing.assert_allclose([mean, variance], moments(images), rtol=1e-12)
    assert layer.mean.numpy().tolist() == [0, 0]


def weighted_sum(layer, weights):
    """(x, γ, β) → a smooth scalar of the normalised images."""

    def function(images, gamma, beta):
        state = [tf.zeros(2, tf.float64), tf.ones(2, tf.float64)]
        outputs, _ = layer.stateless_call([gamma, beta], state, images, training=True)
        return tf.reduce_sum(weights * tf.tanh(outputs))

    return function


def arguments(layer, rng):
    return [tf.constant(a) for a in (rng.normal(size=SHAPE), layer.gamma, layer.beta)]


def with_argument(function, arguments, position):
    """`function` of one argument, the others kept."""

    def of_one(value):
        return function(*arguments[:position], tf.constant(value), *arguments[position + 1 :])

    return of_one


@pytest.mark.parametrize("position", [0, 1, 2], ids=["images", "gamma", "beta"])
def test_first_derivative(position, numerical_gradient):
    rng = np.random.default_rng(1)
    layer = make_layer(2, rng)
    function, point = weighted_sum(layer, rng.normal(size=SHAPE)), arguments(layer, rng)
    with tf.GradientTape() as tape:
        tape.watch(point)
        value = function(*point)
    gradient = tape.gradient(value, point[position])
    expected = numerical_gradient(with_argument(function, point, position), point[position])
    assert np.max(np.abs(expected)) > 0.01
    np.testing.assert_allclose(np.ravel(gradient), expected, rtol=1e-6, atol=1e-8)


def test_stored_statistics_pass_the_gradient_on(numerical_gradient):
    """With `norm="support"` the queries' loss reaches the weights through the support set too."""
    rng = np.random.default_rng(2)
    layer, queries = make_layer(2, rng), rng.normal(size=SHAPE)
    weights = rng.normal(size=SHAPE)
    theta = [layer.gamma.value, layer.beta.value]
    state = [layer.mean.value, layer.variance.value]

    def function(support):
        _, statistics = layer.stateless_call(theta, state, support, training=True)
        outputs, _ = layer.stateless_call(theta, statistics, queries, training=False)
        return tf.reduce_sum(weights * tf.tanh(outputs))

    support = tf.constant(rng.normal(size=SHAPE))
    with tf.GradientTape() as tape:
        tape.watch(support)
        value = function(support)
    expected = numerical_gradient(lambda x: function(tf.constant(x)), support)
    assert np.max(np.abs(expected)) > 0.01
    np.testing.assert_allclose(
        np.ravel(tape.gradient(value, support)), expected, rtol=1e-6, atol=1e-8
    )


def meta_loss(layer, rng):
    """(kernel, γ, β) → loss on queries after a step of SGD on a support set.

    The flaw that is looked for grows with the means of the layer's input, and of the direction in
    which a step moves it: hence a kernel before the layer, and images far from zero. (The gradient
    at the layer's input itself has a sum of zero, and would hide it.)
    """
    support, query = 5 + rng.normal(size=(2, *SHAPE))
    weights = rng.normal(size=SHAPE)
    state = [tf.zeros(2, tf.float64), tf.ones(2, tf.float64)]

    def loss(images, kernel, gamma, beta):
        features = tf.linalg.matmul(tf.constant(images), kernel)
        outputs, _ = layer.stateless_call([gamma, beta], state, features, training=True)
        return tf.reduce_mean(weights * tf.tanh(outputs))

    def after_a_step(*point):
        with tf.GradientTape() as tape:
            tape.watch(point)
            value = loss(support, *point)
        moved = [p - 0.1 * g for p, g in zip(point, tape.gradient(value, point), strict=True)]
        return loss(query, *moved)

    return after_a_step


def meta_gradient_error(layer, position, numerical_gradient):
    """Relative error of the gradient of a function that contains a gradient."""
    rng = np.random.default_rng(3)
    function = meta_loss(layer, rng)
    point = [tf.constant(a) for a in (rng.normal(size=(2, 2)), layer.gamma, layer.beta)]
    with tf.GradientTape() as tape:
        tape.watch(point)
        value = function(*point)
    gradient = np.ravel(tape.gradient(value, point[position]))
    expected = numerical_gradient(with_argument(function, point, position), point[position])
    return np.linalg.norm(gradient - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("position", [0, 1, 2], ids=["kernel", "gamma", "beta"])
def test_second_derivative(position, numerical_gradient):
    layer = make_layer(2, np.random.default_rng(0))
    assert meta_gradient_error(layer, position, numerical_gradient) < 1e-7


def test_keras_batch_normalization_has_a_wrong_second_derivative(numerical_gradient):
    """Why the layer exists. Once this fails, Keras' own layer will do."""
    ours = make_layer(2, np.random.default_rng(0))
    layer = keras.layers.BatchNormalization(epsilon=EPSILON, momentum=0.0, dtype="float64")
    layer.build((None, None, None, 2))
    layer.set_weights([ours.gamma, ours.beta, ours.mean, ours.variance])
    assert meta_gradient_error(layer, 0, numerical_gradient) > 5e-4


# In float32 TensorFlow's fused kernel does it, whose second derivative is ours.


def plain(images, gamma, beta):
    """The formula; in float64 TensorFlow differentiates it rightly, as tested above."""
    return normalise(images, gamma, beta, EPSILON)


def tensorflows(images, gamma, beta):
    return tf.raw_ops.FusedBatchNormV3(
        x=images, scale=gamma, offset=beta, mean=[], variance=[], epsilon=EPSILON
    )[0]


def twice_differentiated(function, arguments, upstream, directions):
    """Value, first derivatives (x, γ, β), and those of their sum along `directions` (and g)."""
    with tf.GradientTape() as outer:
        outer.watch([*arguments, upstream])
        with tf.GradientTape() as inner:
            inner.watch(arguments)
            outputs = function(*arguments)
        first = inner.gradient(outputs, arguments, output_gradients=upstream)
        along = tf.add_n([tf.reduce_sum(d * f) for d, f in zip(directions, first, strict=True)])
    sources = [*arguments, upstream]
    second = outer.gradient(along, sources, unconnected_gradients="zero")
    return {
        "value": outputs,
        **dict(zip(("images", "gamma", "beta"), first, strict=True)),
        **dict(zip(("images²", "gamma²", "beta²", "upstream²"), second, strict=True)),
    }


def fused_errors(function, shape=(4, 5, 3, 2), compiled=False):
    """Relative errors in float32 against the formula in float64."""
    rng = np.random.default_rng(4)
    shapes = [shape, shape[-1:], shape[-1:]]
    arguments, directions = ([rng.normal(size=s) for s in shapes] for _ in range(2))
    # The flaw that is looked for grows with the mean of the images.
    arguments[0] += 5
    upstream = rng.normal(size=shape)

    def run(function, dtype):
        point = tf.nest.map_structure(
            lambda array: tf.constant(array, dtype), (arguments, upstream, directions)
        )
        return twice_differentiated(function, *point)

    expected = run(plain, "float64")
    actual = (tf.function(run) if compiled else run)(function, "float32")
    # β alone is nowhere in the first derivatives.
    np.testing.assert_array_equal(expected.pop("beta²"), 0)
    np.testing.assert_array_equal(actual.pop("beta²"), 0)
    return {
        name: np.linalg.norm(np.array(actual[name]) - np.array(value)) / np.linalg.norm(value)
        for name, value in expected.items()
    }


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("shape", [(4, 5, 3, 2), (2, 2, 1, 3), (1, 7, 4, 1)])
def test_the_fused_kernel_and_its_derivatives_are_the_formulas(shape, compiled):
    errors = fused_errors(plain, shape, compiled)
    assert max(errors.values()) < 2e-5, errors


def test_tensorflows_own_second_derivative_of_the_fused_kernel_agrees():
    """Ours is there to be fast: a flaw in TensorFlow's would not show before the third."""
    assert max(fused_errors(tensorflows).values()) < 2e-5


def test_a_third_derivative_is_refused():
    """Rather than found wrong: what it would need is not recorded."""
    rng = np.random.default_rng(5)
    images, *others = (tf.constant(rng.normal(size=size), "float32") for size in (SHAPE, 2, 2))
    directions = [tf.ones_like(part) for part in (images, *others)]
    with tf.GradientTape() as tape:
        tape.watch(images)
        parts = twice_differentiated(plain, [images, *others], images, directions)
        value = tf.reduce_sum(parts["images²"] ** 2)
    with pytest.raises(LookupError, match="no third derivative"):
        tape.gradient(value, images)


@pytest.mark.parametrize(("dtype", "fused"), [("float32", True), ("float64", False)])
def test_the_fused_kernel_serves_float32(dtype, fused):
    """Both ways of it: the first derivative by plain operations would be slow."""
    rng = np.random.default_rng(0)
    point = [tf.constant(rng.normal(size=s), dtype) for s in (SHAPE, 2, 2)]

    @tf.function
    def differentiated(*point):
        with tf.GradientTape() as tape:
            tape.watch(point)
            outputs = plain(*point)
        return tape.gradient(outputs, point)

    graph = differentiated.get_concrete_function(*point).graph
    operations = {operation.type for operation in graph.get_operations()}
    kernels = {"FusedBatchNormV3", "FusedBatchNormGradV3"}
    assert operations & kernels == (kernels if fused else set())


def test_bfloat16_images_have_bfloat16_outputs_and_float32_statistics():
    rng = np.random.default_rng(0)
    layer = TaskNormalization(dtype="mixed_bfloat16")
    layer.build((None, None, None, 2))
    images = tf.constant(3 + rng.normal(size=(4, 5, 5, 2)), tf.bfloat16)
    outputs = layer(images, training=True)
    exact = tf.cast(images, tf.float64).numpy()
    mean, variance = moments(exact)
    assert outputs.dtype == layer(images, training=False).dtype == tf.bfloat16
    assert layer.mean.dtype == layer.variance.dtype == "float32"
    np.testing.assert_allclose(layer.mean, mean, rtol=1e-6)
    np.testing.assert_allclose(layer.variance, variance, rtol=1e-5)
    # Rounded once: half of the last of eight bits.
    expected = (exact - mean) / np.sqrt(variance + EPSILON)
    np.testing.assert_allclose(tf.cast(outputs, tf.float64), expected, rtol=2**-8, atol=1e-3)


def test_bfloat16_derivatives_come_in_the_types_of_their_sources():
    rng = np.random.default_rng(0)
    images = tf.constant(rng.normal(size=SHAPE), tf.bfloat16)
    arguments = [images, tf.constant([1.5, -0.5]), tf.zeros(2)]
    with tf.GradientTape() as outer:
        outer.watch(arguments)
        with tf.GradientTape() as inner:
            inner.watch(arguments)
            value = tf.reduce_sum(tf.tanh(plain(*arguments)))
        first = inner.gradient(value, arguments)
        along = tf.add_n([tf.reduce_sum(tf.cast(f, tf.float32) ** 2) for f in first])
    second = outer.gradient(along, arguments)
    expected = [tf.bfloat16, tf.float32, tf.float32]
    assert [g.dtype for g in first] == [g.dtype for g in second] == expected
    assert all(np.any(gradient) for gradient in (*first, *second))


def gradient_through_statistics(dtype):
    """∂/∂x of a function of other images, normalised by the statistics of x."""
    rng = np.random.default_rng(6)
    layer = TaskNormalization(dtype=dtype)
    layer.build((None, None, None, 2))
    theta = [tf.constant(rng.normal(size=2), dtype) for _ in range(2)]
    support, queries, weights = (tf.constant(rng.normal(size=SHAPE), dtype) for _ in range(3))
    state = [layer.mean.value, layer.variance.value]
    with tf.GradientTape() as tape:
        tape.watch(support)
        _, statistics = layer.stateless_call(theta, state, support, training=True)
        outputs, _ = layer.stateless_call(theta, statistics, queries, training=False)
        value = tf.reduce_sum(weights * tf.tanh(outputs))
    return tape.gradient(value, support).numpy()


def test_stored_statistics_pass_the_gradient_on_in_float32_too():
    """The fused kernel also has statistics to give, but no gradient through them."""
    single, double = (gradient_through_statistics(dtype) for dtype in ("float32", "float64"))
    assert np.max(np.abs(double)) > 0.01
    np.testing.assert_allclose(single, double, atol=2e-6)
