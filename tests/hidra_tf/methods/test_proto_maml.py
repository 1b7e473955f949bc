"""Proto-MAML against a linear backbone that is adapted by hand in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from data_gen.episodes import Episodes
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.methods import build
from hidra_tf.methods.phases import Phase

ALPHA, SIZE = 0.2, 4
# Classes of two, one and three pictures.
LABELS, QUERY_LABELS = np.array([0, 0, 1, 2, 2, 2]), np.array([2, 1, 0, 0])


def linear(steps, **options):
    """Proto-MAML on features x·θ, and its task."""
    dense = keras.layers.Dense(3, use_bias=False, dtype="float64")
    backbone = Backbone(keras.Sequential([keras.Input((SIZE,), dtype="float64"), dense]), "none")
    rng = np.random.default_rng(3)
    dense.kernel.assign(rng.normal(size=(SIZE, 3)))
    recompute = options.pop("recompute", False)
    inner = InnerLoop(steps, ALPHA, recompute=recompute)
    method = build("proto_maml", backbone, inner, (3,), **options)
    images = [rng.normal(size=(1, len(labels), SIZE)) for labels in (LABELS, QUERY_LABELS)]
    arrays = (images[0], LABELS[None], images[1], QUERY_LABELS[None])
    return method, Episodes(*map(tf.constant, arrays), tf.constant(3))


def prototypes(features):
    means = np.stack([features[c == LABELS].mean(axis=0) for c in range(3)])
    return 2 * means.T, -np.sum(means**2, axis=1)


def residuals(logits, labels):
    """The derivative at the logits of the cross-entropy, its mean over classes of their means."""
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    slopes = odds / odds.sum(axis=1, keepdims=True) - np.eye(3)[labels]
    return slopes / (3 * np.bincount(labels)[labels][:, None])


def step_by_hand(images, theta, kernel, bias):
    """A step of all three on the support loss, which takes the head for what it is."""
    features = images @ theta
    at_logits = residuals(features @ kernel + bias, LABELS)
    return (
        theta - ALPHA * images.T @ (at_logits @ kernel.T),
        kernel - ALPHA * features.T @ at_logits,
        bias - ALPHA * at_logits.sum(axis=0),
    )


def by_hand(episodes, theta, steps):
    """θ, kernel and bias after some steps from the prototypes."""
    images = episodes.support_images[0].numpy()
    weights = (theta, *prototypes(images @ theta))
    for _ in range(steps):
        weights = step_by_hand(images, *weights)
    return weights


def test_the_head_begins_at_the_prototypes_and_makes_the_steps_made_by_hand():
    method, episodes = linear(2)
    queries, found = episodes.query_images[0].numpy(), method.query_logits(episodes, [0, 1, 3])[0]
    theta = method.variables[0].numpy()
    for ours, steps in zip(found, (0, 1, 3), strict=True):
        adapted, kernel, bias = by_hand(episodes, theta, steps)
        np.testing.assert_allclose(ours, queries @ adapted @ kernel + bias, rtol=1e-10)


def test_without_steps_it_is_a_prototypical_network(make_backbone, make_episodes):
    backbone, episodes = make_backbone("support"), make_episodes(3, 2, 2, tasks=2)
    ours, theirs = (
        tf.nn.softmax(build(name, backbone, InnerLoop(1, 0.1), (3,)).query_logits(episodes, [0]))
        for name in ("proto_maml", "protonet")
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    assert np.ptp(ours) > 0.1


def test_first_order_steps_are_constants_and_prototypes_are_not(numerical_gradient):
    method, episodes = linear(2, first_order=True)
    images, queries = episodes.support_images[0].numpy(), episodes.query_images[0].numpy()
    theta = method.variables[0].numpy()
    start, end = (by_hand(episodes, theta, steps) for steps in (0, 2))
    added = [after - before for before, after in zip(start, end, strict=True)]

    def loss(moved):
        weights = (moved, *prototypes(images @ moved))
        adapted, kernel, bias = (w + step for w, step in zip(weights, added, strict=True))
        logits = queries @ adapted @ kernel + bias
        log_sums = np.log(np.sum(np.exp(logits), axis=1))
        return np.mean(log_sums - logits[np.arange(len(logits)), QUERY_LABELS])

    result = method.meta_gradients(episodes)
    np.testing.assert_allclose(result.loss, loss(theta), rtol=1e-10)
    expected = numerical_gradient(loss, theta).reshape(theta.shape)
    np.testing.assert_allclose(result.gradients[0], expected, rtol=1e-6, atol=1e-8)
    full = linear(2)[0].meta_gradients(episodes).gradients[0]
    assert np.max(np.abs(full - expected)) > 1e-2


@pytest.mark.parametrize(
    "options", [{"recompute": True}, {"learn_inner_lr": True}, {"second_order_after": 1}]
)
def test_what_saves_memory_or_helps_begins_with_the_same_gradients(options):
    """After the first meta-update, where the aid has an end; learned rates begin at α."""
    plain, episodes = linear(2)
    expected = plain.meta_gradients(episodes)
    found = linear(2, **options)[0].meta_gradients(episodes, tf.constant(1))
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-12)
    np.testing.assert_allclose(found.gradients[0], expected.gradients[0], rtol=1e-10)


def test_the_first_step_has_the_first_of_the_learned_rates():
    method, episodes = linear(2, learn_inner_lr=True)
    rates = method.rates.values
    rates.assign([[ALPHA] * 3, [0.0] * 3])
    expected = linear(1)[0].query_logits(episodes, [1])
    np.testing.assert_allclose(method.query_logits(episodes, [2]), expected, rtol=1e-12)


def test_every_step_of_the_multi_step_loss_counts():
    method, episodes = linear(2, multi_step_loss=10)
    assert method.annealing.phases(2)[0] == Phase(10, False, True)
    logits = method.query_logits(episodes, [1, 2])[0]
    labels = tf.tile(episodes.query_labels, (2, 1))
    expected = np.mean(method.loss(labels, logits))
    np.testing.assert_allclose(method.meta_gradients(episodes, 0).loss, expected, rtol=1e-12)


def test_the_features_of_the_first_step_are_those_of_the_prototypes(monkeypatch):
    method, episodes = linear(2)
    calls, original = [], Backbone.support_features

    def spy(backbone, weights, images):
        calls.append(weights)
        return original(backbone, weights, images)

    monkeypatch.setattr(Backbone, "support_features", spy)
    tf.function(method.meta_gradients).get_concrete_function(episodes)
    assert len(calls) == 2
