"""How the output neurons of a task start out."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from hidra_tf.heads.neurons import FixedHead, HeadWeights, MasterHead, RandomHead, tile_master


def test_logits_are_those_of_a_linear_layer():
    rng = np.random.default_rng(0)
    features, kernel, bias = rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)
    logits = HeadWeights(tf.constant(kernel), tf.constant(bias)).logits(tf.constant(features))
    np.testing.assert_allclose(logits, features @ kernel + bias, rtol=1e-12)


@settings(deadline=None, max_examples=20)
@given(size=st.integers(1, 6), ways=st.integers(1, 9))
def test_every_neuron_is_the_master(size, ways):
    master = np.random.default_rng(0).normal(size=size)
    tiled = tile_master(tf.constant(master), ways).numpy()
    assert tiled.shape == (size, ways)
    assert all(np.array_equal(neuron, master) for neuron in tiled.T)


@settings(deadline=None, max_examples=20)
@given(shape=st.sampled_from([(), (3,), (2, 3)]), ways=st.integers(2, 9))
def test_the_gradient_of_the_master_is_the_mean_over_its_copies(shape, ways):
    """Line 20 of Algorithm 1; the plain derivative would be their sum."""
    rng = np.random.default_rng(0)
    master, weights = tf.constant(rng.normal(size=shape)), rng.normal(size=(*shape, ways))
    with tf.GradientTape() as tape:
        tape.watch(master)
        loss = tf.reduce_sum(weights * tile_master(master, ways))
    gradient = tape.gradient(loss, master)
    assert gradient.shape == shape
    np.testing.assert_allclose(gradient, weights.mean(axis=-1), rtol=1e-12)


def test_a_compiled_function_may_choose_the_number_of_neurons():
    master = tf.constant([1.0, 2.0])

    @tf.function(input_signature=[tf.TensorSpec((), tf.int32)])
    def gradient(ways):
        with tf.GradientTape() as tape:
            tape.watch(master)
            loss = tf.reduce_sum(tile_master(master, ways) ** 2)
        return tape.gradient(loss, master)

    for ways in (2, 5):
        np.testing.assert_allclose(gradient(tf.constant(ways)), [2.0, 4.0])


def test_a_master_head_tiles_its_variables():
    head = MasterHead(4, dtype="float64")
    head.bias.assign(3.0)
    kernel, bias = head.initial(3)
    np.testing.assert_array_equal(kernel, np.stack([head.kernel] * 3, axis=1))
    assert bias.numpy().tolist() == [3, 3, 3]


def test_a_master_head_has_one_neuron_for_any_number_of_ways():
    head = MasterHead(4)
    assert [tuple(v.shape) for v in head.trainable_variables] == [(), (4,)]
    assert head.fixed_ways is None


def test_a_fixed_head_starts_from_its_own_neurons():
    head = FixedHead(4, ways=3)
    kernel, bias = head.initial(3)
    np.testing.assert_array_equal(kernel, head.kernel)
    np.testing.assert_array_equal(bias, head.bias)
    assert np.any(kernel[:, 0] != kernel[:, 1])


def test_a_fixed_head_serves_one_number_of_ways():
    head = FixedHead(4, ways=3)
    assert head.fixed_ways == 3


@pytest.mark.parametrize("make", [MasterHead, lambda *args: FixedHead(args[0], 3, args[1])])
def test_initial_neurons_follow_the_seed(make):
    first, again, other = (make(6, seed).kernel.numpy() for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.all(first != other)


def test_a_random_head_draws_the_same_neurons_every_time():
    kernel = RandomHead(6, seed=1).initial(3).kernel
    np.testing.assert_array_equal(kernel, RandomHead(6, seed=1).initial(3).kernel)
    assert np.all(kernel != RandomHead(6, seed=2).initial(3).kernel)


@settings(deadline=None, max_examples=15)
@given(few=st.integers(2, 6), more=st.integers(7, 20), seed=st.integers(0, 2**31 - 1))
def test_a_random_heads_first_neurons_are_the_same_but_for_glorots_bound(few, more, seed):
    head = RandomHead(4, seed, "float64")
    small, large = (head.initial(ways).kernel * np.sqrt(4 + ways) for ways in (few, more))
    np.testing.assert_allclose(small, large[:, :few], rtol=1e-12)


def test_a_random_head_fills_glorots_interval():
    kernel = RandomHead(50).initial(10).kernel.numpy()
    bound = np.sqrt(6 / (50 + 10))
    assert 0.98 * bound < kernel.max() < bound
    assert -bound < kernel.min() < -0.98 * bound
    assert abs(kernel.mean()) < 0.1 * bound


def test_a_random_head_has_no_bias_and_nothing_to_train():
    head = RandomHead(4)
    assert head.initial(3).bias.numpy().tolist() == [0, 0, 0]
    assert not head.trainable_variables
    assert head.fixed_ways is None


def test_a_compiled_function_draws_the_same_random_head():
    head = RandomHead(4)
    compiled = tf.function(head.initial)(tf.constant(3))
    np.testing.assert_array_equal(compiled.kernel, head.initial(3).kernel)
