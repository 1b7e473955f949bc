"""The closed form of a tied head's first step against a descent by NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.adaptation.closed_form import first_step
from hidra_tf.heads.neurons import HeadWeights

TASKS, WAYS, SIZE = 2, 4, 3
# Uneven classes, each of which weighs the same.
LABELS = np.array([[0, 0, 1, 2, 3, 3], [1, 1, 1, 0, 2, 3]], np.int32)


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(TASKS, LABELS.shape[1], SIZE))


@pytest.fixture
def head():
    """Four equal neurons."""
    neuron = np.random.default_rng(1).normal(size=(SIZE, 1))
    return HeadWeights(tf.constant(np.tile(neuron, WAYS)), tf.constant(np.full(WAYS, 0.7)))


def descended(head, features, labels, rates):
    """One step down the mean over classes of their mean cross-entropy, (p − y)ᵀf by NumPy."""
    kernel, bias = (weight.numpy() for weight in head)
    odds = np.exp(features @ kernel + bias)
    residual = (odds / odds.sum(axis=-1, keepdims=True) - np.eye(WAYS)[labels]) / WAYS
    residual /= np.bincount(labels)[labels][:, None]
    return kernel - rates[0] * features.T @ residual, bias - rates[1] * residual.sum(axis=0)


@pytest.mark.parametrize("rate", [0.4, (0.4, 0.1)])
def test_the_step_of_each_task_is_one_of_gradient_descent(rate, head, features):
    found = first_step(head, tf.constant(features), tf.constant(LABELS), rate)
    rates = rate if isinstance(rate, tuple) else (rate, rate)
    for task in range(TASKS):
        expected = descended(head, features[task], LABELS[task], rates)
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours[task], theirs, rtol=1e-12, atol=1e-14)
    # With every class of the same weight the biases stay where they are.
    np.testing.assert_allclose(found.bias, np.broadcast_to(head.bias, (TASKS, WAYS)), atol=1e-14)


def test_it_is_not_the_step_of_neurons_that_differ(head, features):
    untied = head._replace(kernel=head.kernel + np.arange(WAYS))
    found = first_step(untied, tf.constant(features[0]), tf.constant(LABELS[0]), 0.4)
    expected = descended(untied, features[0], LABELS[0], (0.4, 0.4))
    assert np.max(np.abs(found.kernel - expected[0])) > 1e-3


@pytest.mark.parametrize("first_order", [False, True])
def test_the_gradient_stops_at_the_step_where_that_is_asked_for(first_order, head, features):
    inputs = tf.constant(features[0])
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        found = first_step(head, inputs, tf.constant(LABELS[0]), 0.4, first_order)
        total = tf.reduce_sum(found.kernel**2)
    slope = tape.gradient(total, inputs, unconnected_gradients="zero")
    # ∂ψ/∂f of the formula: α/N·Σ_c 2ψ_c·(1[y = c] − 1/C).
    residual = np.eye(WAYS)[LABELS[0]] - 1 / WAYS
    residual /= np.bincount(LABELS[0])[LABELS[0]][:, None]
    expected = 0.4 / WAYS * residual @ (2 * found.kernel.numpy()).T
    np.testing.assert_allclose(slope, 0 * expected if first_order else expected, atol=1e-13)
    assert np.max(np.abs(expected)) > 1e-3
