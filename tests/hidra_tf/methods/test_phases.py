"""MAML++'s aids: multi-step loss, derivative-order annealing and learned rates."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.methods import AIDS, METHODS, build
from hidra_tf.methods.phases import Annealing, Phase, loss_weights

ALPHA, WAYS = 0.3, 3


def make(name, backbone, steps=3, recompute=False, **options):
    inner = InnerLoop(steps, ALPHA, recompute=recompute)
    method = build(name, backbone, inner, (WAYS,), seed=1, **options)
    rng = np.random.default_rng(2)
    for variable in method.head.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    return method


@pytest.fixture(scope="module")
def episodes(make_episodes):
    return make_episodes(WAYS, 2, 2, tasks=2, seed=4)


def assert_same(one, other):
    for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def distance(one, other):
    pairs = zip(one.gradients, other.gradients, strict=True)
    return max(np.max(np.abs(a - b)) for a, b in pairs)


@pytest.mark.parametrize(
    ("step", "expected"),
    [(0, [1 / 4] * 4), (5, [1 / 8] * 3 + [5 / 8]), (10, [0, 0, 0, 1]), (99, [0, 0, 0, 1])],
)
def test_the_losses_weights_wander_to_the_last_step(step, expected):
    weights = loss_weights(10, 4, step, "float64")
    np.testing.assert_allclose(weights, expected, atol=1e-15)


def test_phases_follow_one_another():
    plain = [Phase(None, False, False)]
    assert Annealing().phases(3) == plain
    assert Annealing(multi_step_loss=9).phases(1) == plain
    annealing = Annealing(multi_step_loss=9, second_order_after=4)
    expected = [Phase(4, True, True), Phase(9, False, True), Phase(None, False, False)]
    assert annealing.phases(3) == expected
    first = dataclasses.replace(annealing, first_order=True)
    assert first.phases(3) == [Phase(9, True, True), Phase(None, True, False)]


@pytest.mark.parametrize("name", ["maml", "anil"])
def test_the_multi_step_loss_is_the_weighted_mean_of_the_steps_losses(
    name, make_backbone, episodes, numerical_gradient
):
    backbone = make_backbone("affine", blocks=2)
    method, plain = (make(name, backbone, multi_step_loss=n) for n in (10, 0))
    weights = loss_weights(10, 3, 5, "float64").numpy()
    variable = method.variables[-1]

    @tf.function
    def losses():
        logits = method.query_logits(episodes, [1, 2, 3])
        labels = tf.repeat(episodes.query_labels[:, tf.newaxis], 3, axis=1)
        return tf.reduce_mean(method.loss(labels, logits), axis=0)

    def objective(value):
        variable.assign(value)
        return weights @ losses().numpy()

    value = variable.numpy()
    indices = list(np.ndindex(*variable.shape))[:3]
    expected = numerical_gradient(objective, value, indices)
    variable.assign(value)
    updates = tf.function(method.meta_gradients)
    result = updates(episodes, tf.constant(5))
    np.testing.assert_allclose(result.loss, weights @ losses().numpy(), rtol=1e-12)
    ours = [result.gradients[-1].numpy()[index] for index in indices]
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-8)
    afterwards = plain.meta_gradients(episodes)
    assert distance(result, afterwards) > 1e-4
    assert_same(updates(episodes, tf.constant(10)), afterwards)


def test_second_derivatives_come_in_after_so_many_updates(make_backbone, episodes):
    backbone = make_backbone("none", blocks=2)
    first, full, annealed = (
        make("maml", backbone, 2, **options)
        for options in ({"first_order": True}, {}, {"second_order_after": 7})
    )
    first, full = first.meta_gradients(episodes), full.meta_gradients(episodes)
    assert distance(first, full) > 1e-4
    updates = tf.function(annealed.meta_gradients)
    for step, expected in ((0, first), (6, first), (7, full), (70, full)):
        assert_same(updates(episodes, tf.constant(step)), expected)


# In HIDRA the first of the rates acts through the closed form.
@pytest.mark.parametrize(
    ("name", "norm"), [("maml", "none"), ("hidra", "support"), ("anil", "none")]
)
def test_learned_rates_begin_at_alpha_and_have_the_right_gradients(
    name, norm, make_backbone, episodes, numerical_gradient
):
    backbone = make_backbone(norm, blocks=2)
    method, plain = (make(name, backbone, 2, learn_inner_lr=learned) for learned in (True, False))
    assert method.variables[-1] is method.rates.values
    result, expected = method.meta_gradients(episodes), plain.meta_gradients(episodes)
    assert_same(result.gradients[:-1], expected.gradients)
    rng = np.random.default_rng(5)
    rates = method.rates.values
    rates.assign(rng.uniform(0.1, 0.5, rates.shape))
    loss = tf.function(
        lambda: tf.reduce_mean(
            method.loss(episodes.query_labels, method.query_logits(episodes, [2])[:, 0])
        )
    )

    def at(value):
        rates.assign(value)
        return loss()

    value, indices = rates.numpy(), [(0, -1), (0, -2), (1, 0), (1, -1), (1, -2)]
    slopes = numerical_gradient(at, value, indices, 1e-7)
    rates.assign(value)
    gradient = method.meta_gradients(episodes).gradients[-1].numpy()
    np.testing.assert_allclose([gradient[i] for i in indices], slopes, rtol=1e-4, atol=1e-8)
    assert np.max(np.abs(slopes)) > 1e-4


def test_recomputing_changes_no_learned_rates_gradient(make_backbone, episodes):
    backbone = make_backbone("none", blocks=2)
    one, other = (
        tf.function(
            make("maml", backbone, 2, learn_inner_lr=True, recompute=recompute).meta_gradients
        )(episodes)
        for recompute in (False, True)
    )
    assert_same(one, other)


def test_steps_beyond_the_learned_ones_repeat_the_last(make_backbone, episodes):
    method = make("anil", make_backbone("none", blocks=2), 2, learn_inner_lr=True)
    logits = method.query_logits(episodes, [2, 3])
    plain = make("anil", make_backbone("none", blocks=2), 2).query_logits(episodes, [2, 3])
    np.testing.assert_allclose(logits, plain, rtol=1e-12)


def test_the_registry_names_aids_that_exist():
    assert all(set(entry.aids) <= set(AIDS) for entry in METHODS.values())
