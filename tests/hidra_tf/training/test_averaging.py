"""Averages of weights against their rule, written out in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from data_gen.class_pool import ClassPool
from data_gen.episodes import EpisodeSampler
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.normalization import TaskNormalization
from hidra_tf.methods import build
from hidra_tf.training.averaging import WeightAverages
from hidra_tf.training.optimizers import make_optimizer
from hidra_tf.training.updates import MetaUpdates

UPDATES = 12


class Training:
    """Meta-updates of a tiny prototypical network that keeps running statistics."""

    def __init__(self, decay):
        images = np.random.default_rng(0).integers(0, 256, (12, 4, 4, 1)).astype(np.uint8)
        pool = ClassPool(images, (3,) * 4, tuple("abcd"))
        dense = keras.layers.Dense(3, kernel_initializer=keras.initializers.GlorotUniform(0))
        layers = [keras.Input((4, 4, 1)), keras.layers.Flatten(), dense, TaskNormalization()]
        backbone = Backbone(keras.Sequential(layers), "running")
        self.method = build("protonet", backbone, InnerLoop(1, 0.1), (2,))
        self.optimizer = make_optimizer(self.method.variables, 0.1)
        sampler = EpisodeSampler(pool, (2,), 1, 1, 1, 0, "meta_train")
        self.moved = [*self.method.variables, *self.method.statistics]
        self.averages = WeightAverages(self.moved, decay, self.optimizer)
        self.updates = MetaUpdates(self.method, sampler, self.optimizer, 10.0, self.averages)

    def run(self, first, last):
        assert self.updates(tf.constant(first), tf.constant(last)).finite
        return values(self.moved)


def values(variables):
    return [tf.convert_to_tensor(v).numpy().astype(np.float64) for v in variables]


@pytest.mark.parametrize("decay", [0.5, 0.3, 0.999])
def test_averages_follow_their_rule(decay):
    """One is bounded by the decay after nine updates, one almost at once, one never so early."""
    variables = [tf.Variable([1.0, -2.0], dtype=tf.float64), tf.Variable(3.0, dtype=tf.float64)]
    optimizer = make_optimizer(variables, 0.1, kind="sgd")
    averages = WeightAverages(variables, decay, optimizer)
    expected = values(variables)

    @tf.function
    def update(gradient):
        optimizer.apply([gradient * tf.ones_like(v) for v in variables], variables)
        averages.follow()

    for t in range(1, UPDATES + 1):
        update(tf.constant(float(t % 5 - 2), tf.float64))
        kept = min(decay, (1 + t) / (10 + t))
        expected = [
            kept * a + (1 - kept) * w for a, w in zip(expected, values(variables), strict=True)
        ]
    for ours, theirs in zip(values(averages.values), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.fixture(scope="module")
def plain():
    """A training without averages after each of its updates, the start first."""
    training = Training(0.0)
    assert training.averages.values == []
    states = [values(training.moved)]
    return states + [training.run(t, t + 1) for t in range(UPDATES)]


@pytest.fixture(scope="module")
def training():
    """The same with averages, not begun."""
    return Training(0.9)


def test_averages_change_no_weight_and_follow_every_update_with_its_statistics(plain, training):
    assert training.method.statistics
    ends = training.run(0, UPDATES)
    for with_them, without in zip(ends, plain[-1], strict=True):
        np.testing.assert_array_equal(with_them, without)
    expected = plain[0]
    for t, state in enumerate(plain[1:], 1):
        kept = min(0.9, (1 + t) / (10 + t))
        expected = [kept * a + (1 - kept) * w for a, w in zip(expected, state, strict=True)]
    with training.averages.in_place():
        in_place = values(training.moved)
    for ours, theirs, raw in zip(in_place, expected, ends, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)
        assert not np.allclose(ours, raw, rtol=1e-3)
    for after, before in zip(values(training.moved), ends, strict=True):
        np.testing.assert_array_equal(after, before)


def test_an_update_that_is_not_finite_moves_no_average(training):
    training.run(0, 1)
    before = values(training.averages.values)
    training.method.variables[0].assign(tf.fill(training.method.variables[0].shape, np.nan))
    assert not training.updates(tf.constant(1), tf.constant(2)).finite
    for one, other in zip(values(training.averages.values), before, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("decay", [-0.1, 1.0, float("nan"), "0.9"])
def test_a_decay_out_of_range_is_refused(decay):
    weight = tf.Variable(1.0)
    with pytest.raises(ValueError, match=r"^decay: expected a number from 0, below 1; received"):
        WeightAverages([weight], decay, make_optimizer([weight], 1e-3))
