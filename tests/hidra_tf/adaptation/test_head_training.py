"""New heads: the order of minibatches, and loops of the graph; test_transfer.py has the numbers."""

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.adaptation import steps
from hidra_tf.adaptation.head_sgd import PUBLISHED, HeadSgd
from hidra_tf.adaptation.head_training import HeadTraining
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.heads.neurons import HeadWeights

TASKS, WAYS, IMAGES, SIZE = 2, 3, 7, 4
INNER = InnerLoop(1, 0.3)


def test_every_pass_has_an_order_of_its_own_that_seed_and_number_decide():
    training, other = (HeadTraining(INNER, PUBLISHED, seed) for seed in (1, 2))
    orders = [training.order(taken, 30).numpy() for taken in range(3)]
    for taken, order in enumerate(orders):
        assert sorted(order) == list(range(30))
        np.testing.assert_array_equal(training.order(tf.constant(taken), tf.constant(30)), order)
        assert not np.array_equal(other.order(taken, 30), order)
    assert not np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[1], orders[2])


@pytest.mark.parametrize("sgd", [PUBLISHED, HeadSgd(momentum=0.5)], ids=["minibatches", "whole"])
def test_a_loop_of_the_graph_makes_the_passes_that_are_made_one_by_one(sgd, monkeypatch):
    rng = np.random.default_rng(0)
    features = tf.constant(rng.normal(size=(TASKS, IMAGES, SIZE)))
    labels = tf.constant(rng.integers(0, WAYS, (TASKS, IMAGES)), tf.int32)
    start = HeadWeights(
        tf.constant(rng.normal(size=(TASKS, SIZE, WAYS))), tf.constant(rng.normal(size=(TASKS, 3)))
    )
    training = HeadTraining(INNER, sgd, seed=3)
    eager = training.heads_at(start, features, labels, (0, 1, 4))
    for ours, theirs in zip(eager[0], start, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert np.max(np.abs(eager[2].kernel - eager[1].kernel)) > 1e-3
    monkeypatch.setattr(steps, "UNROLLED", 0)
    # As in an evaluation, no size is a constant of the graph but that of a feature vector.
    shapes = [((None, None, SIZE), tf.float64), ((None, None), tf.int32)]
    shapes += [((None, SIZE, None), tf.float64), ((None, None), tf.float64)]

    @tf.function(autograph=False, input_signature=[tf.TensorSpec(*shape) for shape in shapes])
    def looped(features, labels, kernel, bias):
        return training.heads_at(HeadWeights(kernel, bias), features, labels, (0, 1, 4))

    found = looped(features, labels, *start)
    for ours, theirs in zip(tf.nest.flatten(found), tf.nest.flatten(eager), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
