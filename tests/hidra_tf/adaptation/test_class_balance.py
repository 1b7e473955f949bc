"""Every class weighs the same, however many pictures it has."""

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.adaptation.class_balance import balanced, picture_weights
from hidra_tf.adaptation.losses import LOSSES

EQUAL = np.repeat(np.arange(7), 3)
UNEQUAL = np.array([[0, 0, 0, 1, 2, 2], [2, 1, 0, 1, 1, 1]])


def logits_of(labels, ways, dtype="float32"):
    return tf.constant(np.random.default_rng(0).normal(size=(*labels.shape, ways)), dtype)


def test_weights_are_the_inverse_counts_and_add_up_to_the_number_of_pictures():
    weights = picture_weights(tf.constant(UNEQUAL), 3, tf.float64).numpy()
    expected = [[2 / 3, 2 / 3, 2 / 3, 2, 1, 1], [2, 1 / 2, 2, 1 / 2, 1 / 2, 1 / 2]]
    np.testing.assert_allclose(weights, expected, rtol=1e-15)


@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_is_the_mean_over_classes_of_their_means(name):
    logits = logits_of(UNEQUAL, 3, "float64")
    found = balanced(LOSSES[name], tf.constant(UNEQUAL), logits).numpy()
    for task, labels in enumerate(UNEQUAL):
        each = [
            LOSSES[name](labels[labels == c], logits[task].numpy()[labels == c]) for c in range(3)
        ]
        assert found[task] == pytest.approx(np.mean(each), rel=1e-12)
    assert not np.allclose(found, LOSSES[name](tf.constant(UNEQUAL), logits))


@pytest.mark.parametrize("name", LOSSES)
def test_with_equal_counts_it_is_the_plain_mean_bit_for_bit_with_all_derivatives(name):
    """In float32, where 21 equal weights that were only nearly 1 would show."""
    labels, logits = tf.constant(EQUAL), logits_of(EQUAL, 7)

    def plain(x):
        return LOSSES[name](labels, x)

    def ours(x):
        return balanced(LOSSES[name], labels, x)

    found = []
    for loss in (plain, ours):
        with tf.GradientTape() as outer:
            outer.watch(logits)
            with tf.GradientTape() as inner:
                inner.watch(logits)
                value = loss(logits)
            slope = inner.gradient(value, logits)
            total = tf.reduce_sum(slope**2)
        found.append((value, slope, outer.gradient(total, logits)))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
