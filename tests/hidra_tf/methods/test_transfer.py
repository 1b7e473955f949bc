"""Baseline and Baseline++: the training of classifiers and of new heads, by NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from data_gen.batches import Batch
from hidra_tf.adaptation.head_sgd import PUBLISHED, HeadSgd
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.heads.cosine import EPSILON
from hidra_tf.methods import METHODS, build

ALPHA, WAYS, PASSES = 0.3, 3, 3
LENGTH = 1 / np.sqrt(3)


@pytest.fixture(scope="module")
def episodes(make_episodes):
    return make_episodes(WAYS, 3, 2, tasks=2)


def chances(logits):
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


class Linear:
    """A linear head in NumPy: kernel and bias."""

    @staticmethod
    def start(features, labels):
        return [np.zeros((features.shape[1], WAYS)), np.zeros(WAYS)]

    @staticmethod
    def logits(weights, features):
        return features @ weights[0] + weights[1]

    @staticmethod
    def slopes(weights, features, residual):
        return [features.T @ residual, residual.sum(axis=0)]


class Cosine:
    """A cosine head of few classes in NumPy: directions and lengths."""

    @staticmethod
    def unit(features):
        return features / (np.linalg.norm(features, axis=1, keepdims=True) + EPSILON)

    @classmethod
    def start(cls, features, labels):
        unit = cls.unit(features)
        means = np.stack([unit[labels == c].mean(axis=0) for c in range(WAYS)], axis=1)
        return [LENGTH * means / np.linalg.norm(means, axis=0), np.full(WAYS, LENGTH)]

    @classmethod
    def logits(cls, weights, features):
        directions = weights[0] / np.linalg.norm(weights[0], axis=0)
        return 2 * weights[1] * (cls.unit(features) @ directions)

    @classmethod
    def slopes(cls, weights, features, residual):
        size = np.linalg.norm(weights[0], axis=0)
        directions = weights[0] / size
        pull = 2 * cls.unit(features).T @ residual
        along = np.sum(directions * pull, axis=0)
        return [weights[1] / size * (pull - directions * along), along]


def trained(head, features, labels, momentum, dampening, decay, orders):
    """PyTorch's SGD with its rule for the first update; `orders` are the minibatches' rows."""
    weights, buffers = head.start(features, labels), None
    for rows in orders:
        x, y = features[rows], labels[rows]
        residual = (chances(head.logits(weights, x)) - np.eye(WAYS)[y]) / len(rows)
        slopes = head.slopes(weights, x, residual)
        steps = [slope + decay * weight for slope, weight in zip(slopes, weights, strict=True)]
        if momentum:
            if buffers is None:
                buffers = steps
            else:
                pairs = zip(buffers, steps, strict=True)
                buffers = [momentum * b + (1 - dampening) * step for b, step in pairs]
            steps = buffers
        weights = [weight - ALPHA * step for weight, step in zip(weights, steps, strict=True)]
    return weights


def minibatches(method, images, size):
    """The rows of all minibatches of all passes."""
    for taken in range(PASSES):
        order = method.training.order(taken, images).numpy()
        for first in range(0, images, size or images):
            yield order[first : first + (size or images)]


@pytest.mark.parametrize(
    ("name", "sgd"),
    [
        ("finetune", (0.9, 0, 0, 0)),
        ("finetune", (0.9, 0.9, 0.1, 4)),
        ("finetune", (0, 0.5, 0.1, 0)),
        ("baseline_pp", (0.9, 0.9, 0.001, 4)),
        ("baseline_pp", (0.5, 0.2, 0.1, 0)),
        ("baseline_pp", (0, 0, 0, 2)),
    ],
)
def test_a_new_head_is_trained_by_the_sgd_of_pytorch(name, sgd, make_backbone, episodes):
    fields = ("head_momentum", "head_dampening", "head_decay", "head_batch")
    inner = InnerLoop(PASSES, ALPHA)
    asked = dict(zip(fields, sgd, strict=True))
    method = build(name, make_backbone("none"), inner, (WAYS,), seed=3, **asked)
    logits = method.query_logits(episodes, [PASSES])[:, 0]
    head = Cosine if name == "baseline_pp" else Linear
    for task in range(2):
        support, queries = (
            method.backbone.model(images[task]).numpy()
            for images in (episodes.support_images, episodes.query_images)
        )
        labels = episodes.support_labels[task].numpy()
        rows = minibatches(method, len(labels), sgd[3])
        weights = trained(head, support, labels, *sgd[:3], rows)
        expected = head.logits(weights, queries)
        np.testing.assert_allclose(logits[task], expected, rtol=1e-8, atol=1e-10)
        assert np.ptp(expected) > 1e-3


@pytest.mark.parametrize("name", ["finetune", "baseline_pp"])
def test_what_is_not_asked_for_is_the_methods_own(name, make_backbone):
    def training(**asked):
        return build(name, make_backbone("none", filters=1), InnerLoop(1, 0.1), (3,), **asked)

    own = PUBLISHED if name == "baseline_pp" else HeadSgd()
    assert METHODS[name].head_sgd == own
    assert training().training.sgd == own
    assert training(head_momentum=None, head_batch=None).training.sgd == own
    changed = training(head_momentum=0.0, head_decay=0.5).training.sgd
    assert changed == HeadSgd(0.0, own.dampening, 0.5, own.batch)
    with pytest.raises(ValueError, match=r"^decay: expected .* 0 or more; received -1$"):
        training(head_decay=-1)


def test_baseline_pp_learns_the_classes_of_the_whole_pool(
    make_backbone, make_episodes, numerical_gradient
):
    backbone = make_backbone("transductive", filters=2)
    method = build("baseline_pp", backbone, InnerLoop(1, ALPHA), (3,), classes=5)
    images = make_episodes(4, 2, 1).support_images[0]
    labels = tf.constant([4, 3, 0, 1, 4, 2, 2, 0])
    result = method.meta_gradients(Batch(images, labels))
    directions, lengths = method.classifier.directions, method.classifier.lengths

    @tf.function
    def features():
        return backbone.model(images, training=True)

    def loss():
        logits = Cosine.logits([directions.numpy(), lengths.numpy()], features().numpy())
        return -np.mean(np.log(chances(logits))[range(8), labels.numpy()])

    np.testing.assert_allclose(result.loss, loss(), rtol=1e-9)
    for variable in (method.variables[0], directions, lengths):
        value, indices = variable.numpy(), list(np.ndindex(*variable.shape))[:3]

        def at(moved, variable=variable):
            variable.assign(moved)
            return loss()

        slopes = numerical_gradient(at, value, indices)
        variable.assign(value)
        (position,) = (i for i, other in enumerate(method.variables) if other is variable)
        ours = [result.gradients[position].numpy()[index] for index in indices]
        np.testing.assert_allclose(ours, slopes, rtol=1e-5, atol=1e-9)
        assert np.max(np.abs(slopes)) > 1e-4


def test_any_number_of_ways_is_taken(make_backbone, make_episodes):
    method = build("baseline_pp", make_backbone("none", filters=1), InnerLoop(1, ALPHA), (3,))
    for ways in (2, 7):
        method.check_ways(ways)
        assert method.query_logits(make_episodes(ways), [0, 1]).shape == (1, 2, ways, ways)
