"""Methods whose inner loop leaves the backbone alone: ANIL, ProtoNet and the transfer baseline."""

import numpy as np
import pytest
import tensorflow as tf

from data_gen.batches import Batch
from data_gen.errors import UserError
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.methods import build

ALPHA, WAYS = 0.3, 3


def assert_close(one, other):
    for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    ("norm", "head", "loss", "first_order"),
    [
        ("affine", "per_class", "softmax", False),
        ("support", "per_class", "sigmoid", True),
        ("none", "master", "softmax", False),
        ("transductive", "master", "sigmoid", False),
    ],
)
def test_anil_is_maml_whose_backbone_makes_steps_of_size_zero(
    norm, head, loss, first_order, make_backbone, make_episodes
):
    backbone, steps = make_backbone(norm), 2
    shared = {"seed": 4, "head": head, "first_order": first_order}
    anil = build("anil", backbone, InnerLoop(steps, ALPHA, loss=loss), (WAYS,), **shared)
    inner = InnerLoop(steps, 1.0, exact=False, loss=loss)
    maml = build("maml", backbone, inner, (WAYS,), learn_inner_lr=True, **shared)
    rates = np.zeros(maml.rates.values.shape)
    rates[:, -2:] = ALPHA
    maml.rates.values.assign(rates)
    episodes = make_episodes(WAYS, 2, 2, tasks=2)
    expected = maml.meta_gradients(episodes)
    expected = expected._replace(gradients=expected.gradients[:-1], metrics={})
    assert_close(anil.meta_gradients(episodes), expected)
    assert max(np.max(np.abs(g)) for g in expected.gradients) > 1e-4
    assert_close(anil.query_logits(episodes, [0, 1, 2]), maml.query_logits(episodes, [0, 1, 2]))


def features_of(backbone, images):
    return backbone.model(images).numpy()


def test_protonet_measures_the_distance_to_class_means(make_backbone, make_episodes):
    method = build("protonet", make_backbone("none"), InnerLoop(1, ALPHA), (3,))
    episodes = make_episodes(WAYS, 3, 2)
    support, queries = (
        features_of(method.backbone, images[0])
        for images in (episodes.support_images, episodes.query_images)
    )
    labels = episodes.support_labels[0].numpy()
    means = np.stack([support[labels == c].mean(axis=0) for c in range(WAYS)])
    expected = -np.sum((queries[:, None] - means[None]) ** 2, axis=-1)
    logits = method.query_logits(episodes, [0, 2])[0]
    np.testing.assert_allclose(logits, [expected, expected], rtol=1e-9, atol=1e-12)
    assert np.ptp(expected) > 1e-4


def trained_classifier(features, labels, steps):
    """Softmax regression from zero by gradient descent."""
    kernel, bias = np.zeros((features.shape[1], WAYS)), np.zeros(WAYS)
    for _ in range(steps):
        odds = np.exp(features @ kernel + bias)
        residual = (odds / odds.sum(axis=1, keepdims=True) - np.eye(WAYS)[labels]) / len(labels)
        kernel, bias = kernel - ALPHA * features.T @ residual, bias - ALPHA * residual.sum(axis=0)
    return kernel, bias


def test_finetune_trains_a_new_head_on_frozen_features(make_backbone, make_episodes):
    method = build("finetune", make_backbone("none"), InnerLoop(7, ALPHA), (3,))
    episodes = make_episodes(WAYS, 3, 2)
    support, queries = (
        features_of(method.backbone, images[0])
        for images in (episodes.support_images, episodes.query_images)
    )
    kernel, bias = trained_classifier(support, episodes.support_labels[0].numpy(), 7)
    logits = method.query_logits(episodes, [7])[0, 0]
    np.testing.assert_allclose(logits, queries @ kernel + bias, rtol=1e-9, atol=1e-11)
    assert np.ptp(logits) > 1e-4


def test_finetune_learns_the_classes_of_the_whole_pool(make_backbone, make_episodes):
    method = build("finetune", make_backbone("transductive"), InnerLoop(1, ALPHA), (3,), classes=11)
    images = make_episodes(4, 2, 1).support_images[0]
    labels = tf.constant([10, 3, 0, 5, 10, 7, 2, 9])
    variables = [*(v.value for v in method.backbone.variables), *method.classifier.variables]
    kernel, bias = method.classifier.kernel, method.classifier.bias
    with tf.GradientTape() as tape:
        features = method.backbone.model(images, training=True)
        chances = tf.nn.log_softmax(features @ kernel + bias)
        loss = -tf.reduce_mean(tf.gather(chances, labels, batch_dims=1))
    result = method.meta_gradients(Batch(images, labels))
    np.testing.assert_allclose(result.loss, loss, rtol=1e-9)
    assert_close(result.gradients, tape.gradient(loss, variables))
    assert [v.name for v in method.variables] == [v.name for v in variables]


@pytest.mark.parametrize("norm", ["none", "support"])
def test_finetune_may_be_followed_by_its_nearest_class_means(norm, make_backbone, make_episodes):
    backbone, inner = make_backbone(norm), InnerLoop(1, ALPHA)
    by_head = build("finetune", backbone, inner, (3,), classes=4)
    by_means = build("finetune", backbone, inner, (3,), classes=4, val_classifier="nearest_mean")
    episodes = make_episodes(WAYS, 2, 2)
    expected = build("protonet", backbone, inner, (3,)).query_logits(episodes, [1])
    assert by_head.monitored is by_head
    np.testing.assert_array_equal(by_means.monitored.query_logits(episodes, [1]), expected)
    tested = by_means.query_logits(episodes, [1])
    np.testing.assert_array_equal(tested, by_head.query_logits(episodes, [1]))
    # The weights are those of the training, and stay so.
    assert by_means.monitored.backbone is by_means.backbone
    with pytest.raises(ValueError, match=r"^val_classifier: expected one of head, nearest_mean"):
        build("finetune", backbone, inner, (3,), val_classifier="cosine")


ANY_WAY = {
    "anil": lambda backbone: build("anil", backbone, InnerLoop(2, ALPHA), (3,), head="master"),
    "protonet": lambda backbone: build("protonet", backbone, InnerLoop(1, ALPHA), (3,)),
    "finetune": lambda backbone: build("finetune", backbone, InnerLoop(3, ALPHA), (3,)),
    "matching_net": lambda backbone: build("matching_net", backbone, InnerLoop(1, ALPHA), (3,)),
    "relation_net": lambda backbone: build("relation_net", backbone, InnerLoop(1, ALPHA), (3,)),
}


@pytest.mark.parametrize("name", ANY_WAY)
def test_any_number_of_ways_is_taken_and_features_are_computed_once(name, make_backbone):
    for norm, once in (("affine", True), ("none", True), ("support", False)):
        method = ANY_WAY[name](make_backbone(norm))
        assert method.needs_features_only((0, 5)) == once
        method.check_ways(2)
        method.check_ways(20)
    with pytest.raises(UserError, match="made for 3 ways"):
        build("anil", make_backbone("none"), InnerLoop(1, ALPHA), (WAYS,)).check_ways(4)
