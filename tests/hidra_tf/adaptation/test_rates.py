"""Learned rates of the inner loop, by NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.adaptation.inner_loop import InnerLoop, TaskWeights
from hidra_tf.adaptation.rates import InnerRates, WeightRates
from hidra_tf.adaptation.steps import rates_at
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.neurons import FixedHead, HeadWeights, ZeroHead

LABELS = np.array([0, 1, 2, 2])


def test_there_is_a_rate_for_every_step_and_weight_that_moves(make_backbone):
    inner = InnerLoop(3, 0.3)
    # Four kernels, and with `adapt_norm` four γ and four β; then the head's kernel and bias.
    for adapt_norm, moving in ((False, 4 + 2), (True, 12 + 2)):
        rates = InnerRates.of(inner, make_backbone("support", adapt_norm=adapt_norm))
        np.testing.assert_array_equal(rates.values, np.full((3, moving), 0.3))
        assert rates.values.dtype == tf.float64


def test_there_is_a_rate_for_every_entry_of_what_moves(make_backbone):
    backbone = make_backbone("support", adapt_norm=True)
    own = [tuple(variable.shape) for variable in backbone.variables]
    size = backbone.feature_size
    # Equal neurons share theirs, so that these are for any number of ways.
    for head, shapes in (
        (FixedHead.of(backbone, ways=5), [(size, 5), (5,)]),
        (ZeroHead.of(backbone), [(size, 1), (1,)]),
    ):
        rates = WeightRates.of(InnerLoop(3, 0.3), backbone, head)
        assert [tuple(value.shape) for value in rates.values] == own + shapes
        assert list(rates.trainable_variables) == rates.values
        for value, given in zip(rates.values, rates.of_steps(), strict=True):
            np.testing.assert_array_equal(value, np.full(value.shape, 0.3))
            np.testing.assert_array_equal(given, value[tf.newaxis])
            np.testing.assert_array_equal(rates_at([given], 7)[0], value)


@pytest.mark.parametrize(("step", "row"), [(0, 0), (1, 1), (2, 1), (9, 1)])
def test_steps_beyond_the_learned_ones_have_the_last_rates(step, row):
    values = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(rates_at(tf.constant(values), step), values[row])
    np.testing.assert_array_equal(rates_at(tf.constant(values), tf.constant(step)), values[row])
    assert rates_at(None, step) is None


def rates_of_tensors(rng):
    """One rate for each of three weights at each of two steps, and how they are given."""
    rates = rng.uniform(0.1, 0.9, (2, 3))
    return [rates[0], rates[1], rates[1]], tf.constant(rates)


def rates_of_entries(rng):
    """A rate for every entry of the three weights, the same at all steps."""
    rates = [rng.uniform(0.1, 0.9, shape) for shape in ((3, 2), (2, 3), (3,))]
    return [rates] * 3, [tf.constant(own[np.newaxis]) for own in rates]


def rates_of_neurons(rng):
    """The same where the neurons share theirs."""
    rates = [rng.uniform(0.1, 0.9, shape) for shape in ((3, 2), (2, 1), (1,))]
    return [rates] * 3, [tf.constant(own[np.newaxis]) for own in rates]


@pytest.mark.parametrize("draw", [rates_of_tensors, rates_of_entries, rates_of_neurons])
def test_each_weight_moves_by_its_own_rate_of_the_step(draw):
    rng = np.random.default_rng(0)
    images, (expected_rates, rates) = rng.normal(size=(4, 1, 1, 3)), draw(rng)
    theta, kernel, bias = rng.normal(size=(3, 2)), rng.normal(size=(2, 3)), rng.normal(size=3)
    layers = [
        keras.Input((1, 1, 3), dtype="float64"),
        keras.layers.Flatten(dtype="float64"),
        keras.layers.Dense(2, use_bias=False, dtype="float64"),
    ]
    backbone = Backbone(keras.Sequential(layers), "none")
    start = TaskWeights([tf.constant(theta)], HeadWeights(tf.constant(kernel), tf.constant(bias)))
    found = InnerLoop(2, 0.3).trajectory(
        backbone,
        start,
        False,
        tf.constant(images),
        tf.constant(LABELS),
        (1, 2, 3),
        rates,
    )
    inputs = images.reshape(4, 3)
    for weights, own in zip(found, expected_rates, strict=True):
        odds = np.exp(inputs @ theta @ kernel + bias)
        residual = (odds / odds.sum(axis=1, keepdims=True) - np.eye(3)[LABELS]) / 3
        residual /= np.bincount(LABELS)[LABELS][:, None]  # all classes weigh the same
        theta, kernel, bias = (
            theta - own[0] * (inputs.T @ residual @ kernel.T),
            kernel - own[1] * ((inputs @ theta).T @ residual),
            bias - own[2] * residual.sum(axis=0),
        )
        expected = (theta, kernel, bias)
        for ours, theirs in zip([*weights.backbone, *weights.head], expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)
