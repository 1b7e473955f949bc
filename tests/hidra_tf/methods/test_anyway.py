"""Any-Way Meta Learning against all O neurons at once in NumPy, with a loss for each assignment."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from data_gen.episodes import Episodes
from data_gen.errors import UserError
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.assigned import AssignedHead
from hidra_tf.methods import build
from hidra_tf.methods.anyway import AnyWay

ALPHA, SIZE, WAYS, OUTPUTS = 0.2, 4, 3, 7
LABELS, QUERY_LABELS = np.array([0, 0, 1, 2, 2, 1]), np.array([2, 1, 0, 0])
STEP = 11


@pytest.fixture(scope="module")
def episodes():
    rng = np.random.default_rng(4)
    images = [rng.normal(size=(1, len(labels), SIZE)) for labels in (LABELS, QUERY_LABELS)]
    arrays = (images[0], LABELS[None], images[1], QUERY_LABELS[None])
    return Episodes(*map(tf.constant, arrays), tf.constant(WAYS))


def linear(steps=2, **options):
    """The method on features x·θ."""
    dense = keras.layers.Dense(3, use_bias=False, dtype="float64")
    backbone = Backbone(keras.Sequential([keras.Input((SIZE,), dtype="float64"), dense]), "none")
    rng = np.random.default_rng(3)
    dense.kernel.assign(rng.normal(size=(SIZE, 3)))
    method = build("anyway", backbone, InnerLoop(steps, ALPHA), (WAYS,), outputs=OUTPUTS, **options)
    method.head.neurons.bias.assign(rng.normal(size=OUTPUTS))
    return method


def loss_and_residuals(logits, labels, assigned):
    """Σ_j of the mean cross-entropies over the neurons of s_j, and its derivative [N, O]."""
    loss, at_logits = 0.0, np.zeros_like(logits)
    for neurons in assigned:
        odds = np.exp(logits[:, neurons])
        odds /= odds.sum(axis=1, keepdims=True)
        loss -= np.mean(np.log(odds[np.arange(len(labels)), labels]))
        at_logits[:, neurons] += (odds - np.eye(WAYS)[labels]) / len(labels)
    return loss, at_logits


def adapted(weights, images, assigned, steps):
    """θ, kernel [D, O] and bias [O] of all neurons after some steps on the sum of losses."""
    theta, kernel, bias = weights
    for _ in range(steps):
        features = images @ theta
        _, at_logits = loss_and_residuals(features @ kernel + bias, LABELS, assigned)
        theta, kernel, bias = (
            theta - ALPHA * images.T @ (at_logits @ kernel.T),
            kernel - ALPHA * features.T @ at_logits,
            bias - ALPHA * at_logits.sum(axis=0),
        )
    return theta, kernel, bias


def logits_by_hand(weights, episodes, assigned, steps):
    images, queries = (part[0].numpy() for part in (episodes.support_images, episodes.query_images))
    theta, kernel, bias = adapted(weights, images, assigned, steps)
    return queries @ theta @ kernel + bias


def in_order(method, parts):
    """Of a list like the method's variables, the parts of θ, kernel and bias."""
    wanted = [method.variables[0], method.head.neurons.kernel, method.head.neurons.bias]
    return [parts[[v is own for v in method.variables].index(True)] for own in wanted]


def values(method):
    return [part.numpy() for part in in_order(method, method.variables)]


def test_predictions_are_sums_over_the_assignments(episodes):
    method = linear()
    assigned = method.head.draw(WAYS, 0).numpy()
    assert assigned.shape == (2, WAYS)
    found = method.predictions(episodes, [0, 1, 3])
    start = values(method)
    for ours, steps in zip(found.logits[0], (0, 1, 3), strict=True):
        every = logits_by_hand(start, episodes, assigned, steps)
        np.testing.assert_allclose(ours, sum(every[:, s] for s in assigned), rtol=1e-10)
    images = episodes.support_images[0].numpy()
    moved = [a - b for a, b in zip(adapted(start, images, assigned, 3), start, strict=True)]
    norms = [found.metrics[f"head_update/{part}"][0, -1] for part in ("weight", "bias")]
    np.testing.assert_allclose(norms, [np.linalg.norm(part) for part in moved[1:]], rtol=1e-10)


@pytest.mark.parametrize("options", [{}, {"assignments": 1}])
def test_meta_gradients_are_those_of_the_sum_of_the_assignments_losses(
    options, episodes, numerical_gradient
):
    method = linear(**options)
    assigned = method.head.draw(WAYS, STEP).numpy()
    assert len(assigned) == options.get("assignments", 2)
    result, start = method.meta_gradients(episodes, STEP), values(method)
    gradients = in_order(method, result.gradients)
    for place, (value, gradient) in enumerate(zip(start, gradients, strict=True)):

        def loss(moved, place=place):
            weights = [*start[:place], moved, *start[place + 1 :]]
            logits = logits_by_hand(weights, episodes, assigned, 2)
            return loss_and_residuals(logits, QUERY_LABELS, assigned)[0]

        np.testing.assert_allclose(result.loss, loss(value), rtol=1e-10)
        expected = numerical_gradient(loss, value).reshape(value.shape)
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-8)
        assert np.max(np.abs(expected)) > 1e-2
    every = logits_by_hand(start, episodes, assigned, 2)
    hits = np.argmax(sum(every[:, s] for s in assigned), axis=1) == QUERY_LABELS
    assert float(result.accuracy) == np.mean(hits)


def test_a_neuron_without_a_class_learns_nothing(episodes):
    method = linear()
    spare = set(range(OUTPUTS)) - set(method.head.draw(WAYS, STEP).numpy().ravel())
    _, gradient, _ = in_order(method, method.meta_gradients(episodes, STEP).gradients)
    assert {o for o in range(OUTPUTS) if not np.any(gradient.numpy()[:, o])} == spare != set()


@pytest.mark.parametrize(
    "options", [{"multi_step_loss": 10}, {"learn_inner_lr": True}, {"second_order_after": 99}]
)
def test_the_aids_of_mamlpp_go_with_several_assignments(options, episodes):
    method, plain = linear(**options), linear(first_order="second_order_after" in options)
    found = tf.function(method.meta_gradients)(episodes, tf.constant(STEP))
    expected = plain.meta_gradients(episodes, STEP)
    for ours, theirs in zip(found.gradients[:3], expected.gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_losses_after_several_steps_are_weighted(episodes):
    method, assigned = linear(multi_step_loss=10), linear().head.draw(WAYS, 0).numpy()
    losses = [
        loss_and_residuals(
            logits_by_hand(values(method), episodes, assigned, steps), QUERY_LABELS, assigned
        )[0]
        for steps in (1, 2)
    ]
    np.testing.assert_allclose(method.meta_gradients(episodes, 0).loss, np.mean(losses), rtol=1e-10)


def test_more_classes_than_neurons_are_refused():
    method = linear()
    method.check_ways(OUTPUTS)
    with pytest.raises(UserError, match=r"at most 7 ways, the `outputs` .*; received 8$"):
        method.check_ways(8)
    with pytest.raises(ValueError, match=r"^steps: expected an integer of at least 1; received 0$"):
        linear(steps=0)


def test_a_temperature_is_of_the_queries_loss_alone(make_backbone, make_episodes):
    backbone, episodes = make_backbone("none"), make_episodes(2, 1, 1)
    inner, head = InnerLoop(1, 0.3), AssignedHead.of(backbone, outputs=4, seed=0)
    plain, cold = (
        AnyWay(backbone=backbone, inner=inner, head=head, temperature=t) for t in (1.0, 4.0)
    )
    logits = [method.query_logits(episodes, [1]) for method in (plain, cold)]
    np.testing.assert_array_equal(*logits)
    labels = episodes.query_labels
    np.testing.assert_allclose(
        cold.loss(labels, logits[0][:, 0]), plain.loss(labels, logits[0][:, 0] / 4), rtol=1e-12
    )
