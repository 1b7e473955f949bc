"""A temperature divides the logits of the queries in the loss, and nowhere else."""

import numpy as np
import pytest

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.methods import METHODS, build, uses

WAYS, ALPHA, TEMPERATURE = 3, 0.3, 0.25


def mean_cross_entropy(labels, logits):
    """In NumPy, of labels [T, N] and logits [T, N, C]."""
    logits = logits - logits.max(axis=-1, keepdims=True)
    logs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return -np.mean(np.take_along_axis(logs, labels[..., np.newaxis], axis=-1))


@pytest.mark.parametrize("name", ["maml", "protonet"])
def test_the_query_loss_alone_has_it(name, make_backbone, make_episodes, numerical_gradient):
    """The adapted weights, and with them the logits, are those of a temperature of 1."""
    backbone, inner = make_backbone("none"), InnerLoop(1, ALPHA)
    plain = build(name, backbone, inner, (WAYS,))
    method = build(name, backbone, inner, (WAYS,), temperature=TEMPERATURE)
    episodes = make_episodes(WAYS, 2, 2, tasks=2)
    labels = episodes.query_labels.numpy()
    logits = method.query_logits(episodes, [method.steps]).numpy()
    np.testing.assert_array_equal(logits, plain.query_logits(episodes, [plain.steps]))
    expected = mean_cross_entropy(labels, logits[:, 0] / TEMPERATURE)
    result = method.meta_gradients(episodes)
    np.testing.assert_allclose(result.loss, expected, rtol=1e-10)
    np.testing.assert_allclose(np.mean(method.loss(labels, logits[:, 0])), expected, rtol=1e-10)
    kernel, start = method.variables[0], method.variables[0].numpy()
    direction = np.random.default_rng(0).normal(size=start.shape)

    def loss(distance):
        kernel.assign(start + distance[0] * direction)
        found = method.query_logits(episodes, [method.steps]).numpy()[:, 0]
        return mean_cross_entropy(labels, found / TEMPERATURE)

    (slope,) = numerical_gradient(loss, [0.0], epsilon=1e-7)
    kernel.assign(start)
    assert abs(slope) > 1e-3
    np.testing.assert_allclose(np.sum(result.gradients[0] * direction), slope, rtol=1e-5)


@pytest.mark.parametrize("name", [name for name in METHODS if uses(name, "temperature")])
def test_every_method_that_minimises_the_query_loss_has_it(name, make_backbone):
    built = build(name, make_backbone("none"), InnerLoop(1, ALPHA), (WAYS,), temperature=0.5)
    assert built.temperature == 0.5
    with pytest.raises(ValueError, match=r"^temperature: expected a finite number above 0"):
        build(name, make_backbone("none"), InnerLoop(1, ALPHA), (WAYS,), temperature=0.0)


def test_methods_that_minimise_something_else_have_none():
    assert {n for n in METHODS if not uses(n, "temperature")} >= {"reptile", "finetune", "random"}
