"""Losses and accuracy against NumPy, and losses of one's own."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.adaptation.losses import (
    LOSSES,
    accuracy,
    cross_entropy,
    loss_function,
    one_versus_rest,
    squared_error,
)
from hidra_tf.methods import build
from hidra_tf.options import LOSSES as NAMES

shapes = st.tuples(st.sampled_from([(), (1,), (3,), (2, 3)]), st.integers(1, 5), st.integers(2, 6))


def drawn(shape, scale=1.0):
    leading, images, ways = shape
    rng = np.random.default_rng(sum(leading) + 10 * images + 100 * ways)
    labels = rng.integers(ways, size=(*leading, images)).astype(np.int32)
    return labels, scale * rng.normal(size=(*leading, images, ways))


@settings(deadline=None, max_examples=20)
@given(shape=shapes, scale=st.sampled_from([0.1, 1.0, 300.0]))
def test_cross_entropy_is_the_mean_over_the_images_of_each_task(shape, scale):
    labels, logits = drawn(shape, scale)
    largest = logits.max(axis=-1, keepdims=True)
    logarithm = largest[..., 0] + np.log(np.exp(logits - largest).sum(axis=-1))
    own = np.take_along_axis(logits, labels[..., None], axis=-1)[..., 0]
    np.testing.assert_allclose(
        cross_entropy(labels, tf.constant(logits)),
        (logarithm - own).mean(axis=-1),
        rtol=1e-12,
        atol=1e-12,
    )


@settings(deadline=None, max_examples=20)
@given(shape=shapes, scale=st.sampled_from([0.1, 1.0, 30.0]))
def test_one_versus_rest_sums_over_the_neurons_and_means_over_the_images(shape, scale):
    labels, logits = drawn(shape, scale)
    own = np.eye(shape[-1])[labels]
    # −log σ(z) for the image's own class, −log(1 − σ(z)) for the others.
    losses = np.logaddexp(0, np.where(own == 1, -logits, logits))
    np.testing.assert_allclose(
        one_versus_rest(labels, tf.constant(logits)),
        losses.sum(axis=-1).mean(axis=-1),
        rtol=1e-12,
        atol=1e-12,
    )


@settings(deadline=None, max_examples=20)
@given(shape=shapes, scale=st.sampled_from([0.1, 1.0, 30.0]))
def test_squared_error_is_the_mean_over_neurons_and_images(shape, scale):
    labels, logits = drawn(shape, scale)
    scores = 1 / (1 + np.exp(-logits))
    expected = ((scores - np.eye(shape[-1])[labels]) ** 2).mean(axis=(-2, -1))
    np.testing.assert_allclose(squared_error(labels, tf.constant(logits)), expected, rtol=1e-10)


@settings(deadline=None, max_examples=20)
@given(shape=shapes)
def test_accuracy_is_the_share_of_hits_in_each_task(shape):
    labels, logits = drawn(shape)
    expected = (logits.argmax(axis=-1) == labels).mean(axis=-1)
    np.testing.assert_allclose(accuracy(tf.constant(labels), tf.constant(logits)), expected)


def test_every_name_has_its_loss():
    assert set(LOSSES) == set(NAMES)
    assert loss_function("softmax") is cross_entropy


def test_an_unknown_loss_is_refused():
    message = r"^loss: expected one of softmax, sigmoid, mse or a function .*; received 'hinge'$"
    with pytest.raises(ValueError, match=message):
        loss_function("hinge")


def test_a_loss_that_forgets_the_tasks_is_refused():
    labels, logits = drawn(((2,), 3, 4))
    total = loss_function(lambda labels, logits: tf.reduce_mean(cross_entropy(labels, logits)))
    with pytest.raises(ValueError, match=r"^loss: expected the mean over the last axis.*\(2, 3\)"):
        total(tf.constant(labels), tf.constant(logits))


def squared(labels, logits):
    """Mean squared distance of the logits from one-hot labels."""
    targets = tf.one_hot(labels, tf.shape(logits)[-1], dtype=logits.dtype)
    return tf.reduce_mean(tf.reduce_sum((logits - targets) ** 2, axis=-1), axis=-1)


@pytest.mark.parametrize("name", ["hidra", "anil", "protonet", "reptile"])
def test_a_method_learns_under_a_loss_of_ones_own(name, make_backbone, make_episodes):
    method = build(name, make_backbone("none"), InnerLoop(2, 0.1, loss=squared), (3,))
    episodes = make_episodes(3, 2, 2, tasks=2)
    logits = method.query_logits(episodes, [2])[:, 0]
    expected = np.mean(squared(episodes.query_labels, logits))
    np.testing.assert_allclose(method.meta_gradients(episodes).loss, expected, rtol=1e-12)


def test_under_a_loss_of_ones_own_no_step_has_a_closed_form(make_backbone, make_episodes):
    """Not even under one that happens to be the softmax's: nobody can know."""
    backbone, episodes = make_backbone("affine"), make_episodes(3, 2, 2)
    own, named = (
        build("hidra", backbone, InnerLoop(1, 0.3, loss=loss), (3,))
        for loss in (lambda labels, logits: cross_entropy(labels, logits), "softmax")
    )
    assert named.needs_features_only((1,))
    assert not own.needs_features_only((1,))
    np.testing.assert_allclose(
        own.query_logits(episodes, [1]), named.query_logits(episodes, [1]), rtol=1e-9
    )
