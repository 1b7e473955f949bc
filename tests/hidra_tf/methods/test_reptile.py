"""Reptile against equation 2.3, written out as a loop."""

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.methods import build
from hidra_tf.methods.interface import MetaGradients
from hidra_tf.training.optimizers import apply_clipped, make_optimizer
from hidra_tf.training.updates import MetaUpdates

ALPHA, BETA, WAYS, STEPS = 0.3, 0.5, 3, 3


def adapted(model, start, images, labels):
    """Weights, the head's kernel and bias last, after some steps of SGD."""
    weights = [tf.constant(w) for w in start]
    targets = tf.one_hot(labels, WAYS, dtype=tf.float64)
    for _ in range(STEPS):
        with tf.GradientTape() as tape:
            tape.watch(weights)
            features, _ = model.stateless_call(weights[:-2], [], images)
            logits = features @ weights[-2] + weights[-1]
            losses = tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)
            loss = tf.reduce_sum(losses) / len(labels)
        gradients = tape.gradient(loss, weights)
        weights = [w - ALPHA * g for w, g in zip(weights, gradients, strict=True)]
    return [w.numpy() for w in weights]


@pytest.mark.parametrize("head", ["per_class", "master"])
def test_the_initialization_moves_to_the_mean_of_the_adapted_weights(
    head, make_backbone, make_episodes
):
    """With sigmoids, for under a softmax the mean of the adapted neurons stays where it is."""
    method = build(
        "reptile",
        make_backbone("none"),
        InnerLoop(STEPS, ALPHA, loss="sigmoid"),
        (WAYS,),
        seed=2,
        head=head,
    )
    episodes = make_episodes(WAYS, 2, 2, tasks=2, seed=3)
    theta = [v.numpy() for v in method.backbone.variables]
    kernel, bias = method.head.kernel.numpy(), method.head.bias.numpy()
    tiled = [kernel, bias]
    if head == "master":
        tiled = [np.tile(kernel[:, None], WAYS), np.tile(bias, WAYS)]
    per_task = [
        adapted(method.backbone.model, [*theta, *tiled], images, labels)
        for images, labels in zip(episodes.support_images, episodes.support_labels, strict=True)
    ]
    ends = [np.mean(parts, axis=0) for parts in zip(*per_task, strict=True)]
    if head == "master":
        ends[-2:] = [ends[-2].mean(axis=1), ends[-1].mean()]
    optimizer = make_optimizer(method.variables, BETA, kind="sgd")
    apply_clipped(optimizer, method.meta_gradients(episodes).gradients, method.variables, 0.0)
    after = [*method.backbone.variables, method.head.kernel, method.head.bias]
    for old, end, new in zip([*theta, kernel, bias], ends, after, strict=True):
        np.testing.assert_allclose(new, old + BETA * (end - old), rtol=1e-6, atol=1e-9)
        assert np.max(np.abs(end - old)) > 1e-4


def test_the_loss_is_that_of_the_queries_after_adaptation(make_backbone, make_episodes):
    method = build("reptile", make_backbone("transductive"), InnerLoop(1, ALPHA), (WAYS,))
    episodes = make_episodes(WAYS, 2, 2, tasks=2)
    logits = method.query_logits(episodes, [1])[:, 0]
    expected = tf.reduce_mean(method.loss(episodes.query_labels, logits))
    result = method.meta_gradients(episodes)
    np.testing.assert_allclose(result.loss, expected, rtol=1e-12)
    # γ and β would otherwise never be learned.
    assert all(np.max(np.abs(g)) > 0 for g in result.gradients)


@pytest.mark.parametrize(("name", "moves"), [("reptile", 5.0), ("maml", 1.0)])
def test_the_way_to_the_adapted_weights_is_gone_to_its_end(
    name, moves, make_backbone, make_episodes
):
    """A displacement is no gradient, and no norm clips it: here each has the norm 5."""
    method = build(name, make_backbone("none"), InnerLoop(1, ALPHA), (WAYS,))
    episodes = make_episodes(WAYS, 1, 1)
    ones = [tf.ones_like(v) * (5 / np.sqrt(v.shape.num_elements())) for v in method.variables]
    method.meta_gradients = lambda batch, step: MetaGradients(
        tf.constant(0.0, tf.float64), tf.constant(0.0, tf.float64), ones,
        dict.fromkeys(method.metrics, tf.constant(0.0, tf.float64)),
    )  # fmt: skip

    def sampler(step):
        del step
        return episodes

    sampler.dtype = "float64"
    before = [v.numpy() for v in method.variables]
    optimizer = make_optimizer(method.variables, 1.0, kind="sgd")
    MetaUpdates(method, sampler, optimizer, clip_norm=1.0)(0, 1)
    for old, new in zip(before, method.variables, strict=True):
        np.testing.assert_allclose(np.linalg.norm(new - old), moves, rtol=1e-9)


def test_fomaml_is_maml_without_second_derivatives(make_backbone, make_episodes):
    episodes = make_episodes(WAYS, 2, 2, tasks=2)
    backbone = make_backbone("none")
    first, full, ours = (
        build(name, backbone, InnerLoop(2, ALPHA), (WAYS,), first_order=order).meta_gradients(
            episodes
        )
        for name, order in (("maml", True), ("maml", False), ("fomaml", False))
    )
    for a, b in zip(ours.gradients, first.gradients, strict=True):
        np.testing.assert_array_equal(a, b)
    differences = [np.max(np.abs(a - b)) for a, b in zip(ours[2], full[2], strict=True)]
    assert max(differences) > 1e-4
