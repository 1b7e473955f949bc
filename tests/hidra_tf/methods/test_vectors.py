"""Vectors in the place of pictures, for a backbone of layers or one that only returns them."""

import keras
import numpy as np
import pytest

from data_gen.class_pool import ClassPool
from hidra_tf import Backbone, EpisodeSampler, Evaluator, InnerLoop, MetaUpdates, make_optimizer
from hidra_tf.backbones.meta_training import meta_training
from hidra_tf.methods import build

RATE = 0.1


IDENTITY = keras.layers.Identity(dtype="float64")


def backbone(layer):
    """One layer; the identity has no weight."""
    vectors = keras.Input((2,), dtype="float64")
    return Backbone(keras.Model(vectors, layer(vectors)), norm="none")


@pytest.fixture(scope="module")
def pool():
    """Four clouds of points in the plane, 20 points each."""
    rng = np.random.default_rng(0)
    points = [rng.normal(center, 0.5, (20, 2)) for center in ([0, 2], [0, -2], [2, 0], [-2, 0])]
    return ClassPool(np.concatenate(points), (20,) * 4, ("up", "down", "right", "left"))


def sampler(pool):
    return EpisodeSampler(pool, (2,), 5, 10, 2, 0, "meta_train", "float64")


def made(name, layer=IDENTITY, steps=1):
    inner = InnerLoop(steps=steps, learning_rate=RATE)
    # With the enhancement, no gradient passes through what the head says about the support set.
    network = {"hyper_layers": 2, "hyper_width": 16, "enhancement": False}
    return build(name, backbone(layer), inner, (2,), **network)


def descended(kernel, bias, vectors, labels, steps):
    """Gradient descent of a linear classifier by NumPy: mean cross-entropy of a softmax."""
    for _ in range(steps):
        logits = vectors @ kernel + bias
        odds = np.exp(logits - logits.max(1, keepdims=True))
        error = odds / odds.sum(1, keepdims=True) - np.eye(2)[labels]
        kernel = kernel - RATE * vectors.T @ error / len(vectors)
        bias = bias - RATE * error.mean(0)
    return kernel, bias


def test_mamls_steps_are_those_of_a_linear_classifier(pool):
    method, episodes = made("maml"), sampler(pool)(0)
    found = method.predictions(episodes, (0, 1, 3))
    for task in range(2):
        support, labels, queries = (part[task].numpy() for part in episodes[:3])
        first = tuple(w.numpy() for w in method.head.initial(2))
        for column, steps in enumerate((0, 1, 3)):
            kernel, bias = descended(*first, support, labels, steps)
            ours = found.logits[task, column]
            np.testing.assert_allclose(ours, queries @ kernel + bias, rtol=1e-10, atol=1e-12)
            norm = np.linalg.norm(kernel - first[0])
            np.testing.assert_allclose(found.metrics["head_update/weight"][task, column], norm)


@pytest.mark.parametrize("name", ["maml", "hypermaml", "hidra", "hyperhidra"])
def test_meta_gradients_are_slopes_of_the_query_loss(name, pool):
    start = keras.initializers.GlorotUniform(seed=0)
    layer = keras.layers.Dense(3, "tanh", kernel_initializer=start, dtype="float64")
    method, episodes = made(name, layer, 1 if "hyper" in name else 2), sampler(pool)(0)
    moved, step = method.variables[0], 1e-6  # the layer's kernel

    def loss():
        with meta_training(0):
            return method.meta_gradients(episodes)

    before, gradient = moved.numpy(), loss().gradients[0].numpy()
    direction = np.random.default_rng(1).normal(size=before.shape)
    ends = []
    for sign in (1, -1):
        moved.assign(before + sign * step * direction)
        ends.append(float(loss().loss))
    slope = (ends[0] - ends[1]) / (2 * step)
    assert abs(slope) > 1e-3
    np.testing.assert_allclose(np.sum(gradient * direction), slope, rtol=1e-5)


def test_a_training_and_an_evaluation_compile(pool):
    method = made("hypermaml")
    updates = MetaUpdates(method, sampler(pool), make_optimizer(method.variables, 1e-2), 0.0)
    result = updates(0, 60)
    evaluator = Evaluator(method, pool, (2,), (0, 1), 5, 10, seed=0, stream="evaluation")
    without, adapted = evaluator.rows(20)
    assert int(result.step) == 60
    assert without.accuracy < 0.7 < 0.97 < adapted.accuracy
