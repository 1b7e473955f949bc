"""Learned rates of the inner loop, by NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.adaptation.inner_loop import InnerLoop, TaskWeights
from hidra_tf.adaptation.rates import InnerRates
from hidra_tf.adaptation.steps import rates_at
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.neurons import HeadWeights

LABELS = np.array([0, 1, 2, 2])


def test_there_is_a_rate_for_every_step_and_weight_that_moves(make_backbone):
    inner = InnerLoop(3, 0.3)
    # Four kernels, and with `adapt_norm` four γ and four β; then the head's kernel and bias.
    for adapt_norm, moving in ((False, 4 + 2), (True, 12 + 2)):
        rates = InnerRates.of(inner, make_backbone("support", adapt_norm=adapt_norm))
        np.testing.assert_array_equal(rates.values, np.full((3, moving), 0.3))
        assert rates.values.dtype == tf.float64


@pytest.mark.parametrize(("step", "row"), [(0, 0), (1, 1), (2, 1), (9, 1)])
def test_steps_beyond_the_learned_ones_have_the_last_rates(step, row):
    values = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(rates_at(tf.constant(values), step), values[row])
    np.testing.assert_array_equal(rates_at(tf.constant(values), tf.constant(step)), values[row])
    assert rates_at(None, step) is None


def test_each_weight_moves_by_its_own_rate_of_the_step():
    rng = np.random.default_rng(0)
    images, rates = rng.normal(size=(4, 1, 1, 3)), rng.uniform(0.1, 0.9, (2, 3))
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
        tf.constant(rates),
    )
    inputs = images.reshape(4, 3)
    for weights, own in zip(found, rates[[0, 1, 1]], strict=True):
        odds = np.exp(inputs @ theta @ kernel + bias)
        residual = (odds / odds.sum(axis=1, keepdims=True) - np.eye(3)[LABELS]) / 3
        residual /= np.bincount(LABELS)[LABELS][:, None]  # all classes weigh the same
        theta, kernel, bias = (
            theta - own[0] * inputs.T @ residual @ kernel.T,
            kernel - own[1] * (inputs @ theta).T @ residual,
            bias - own[2] * residual.sum(axis=0),
        )
        expected = (theta, kernel, bias)
        for ours, theirs in zip([*weights.backbone, *weights.head], expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)
