"""The loss of a classifier of all training classes, against one that is written out here."""

import numpy as np
import pytest
import tensorflow as tf

from data_gen.meta_batch import ClassedEpisodes
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.meta_training import meta_training
from hidra_tf.methods import build, with_class_loss

WAYS, CLASSES, TASKS, WEIGHT = 3, 7, 2, 0.7


@pytest.fixture(scope="module")
def episodes(make_episodes):
    """Two tasks, whose classes are some of seven."""
    made = make_episodes(WAYS, shots=2, query_shots=1, tasks=TASKS)
    return ClassedEpisodes(*made, tf.constant([[5, 0, 3], [3, 6, 1]]))


def pictures_of(backbone, episodes, queries):
    """For each task the features under θ, as a task has them, and the classes of the pictures."""
    theta = [tf.convert_to_tensor(v) for v in backbone.variables]
    for task in range(TASKS):
        images = episodes.support_images[task], episodes.query_images[task]
        classes = episodes.classes[task].numpy()
        parts = backbone.task_features(theta, *images)
        if backbone.norm == "running" and not queries:
            parts = [backbone.support_features(theta, images[0])[0], None]
        labels = [classes[episodes.support_labels[task]], classes[episodes.query_labels[task]]]
        yield from zip(parts[: 1 + queries], labels[: 1 + queries], strict=True)


def reference(trained, episodes, queries):
    """The class loss and its gradients of backbone and classifier; then logits and classes."""
    bias, kernel = trained.class_loss.variables
    with tf.GradientTape() as tape:
        pairs = list(pictures_of(trained.backbone, episodes, queries))
        logits = tf.concat([features @ kernel + bias for features, _ in pairs], axis=0)
        classes = np.concatenate([own for _, own in pairs])
        probabilities = tf.exp(logits) / tf.reduce_sum(tf.exp(logits), axis=1, keepdims=True)
        chosen = tf.gather(probabilities, classes, axis=1, batch_dims=1)
        loss = -tf.reduce_mean(tf.math.log(chosen))
    sources = [*trained.backbone.variables, bias, kernel]
    return loss, tape.gradient(loss, sources), logits, classes


# Whether the queries count too: no step moves the backbone before they are looked at.
@pytest.mark.parametrize(
    ("name", "norm", "steps", "queries"),
    [
        ("hidra", "support", 1, True),
        ("hidra", "none", 1, True),
        ("hidra", "running", 2, False),
        ("maml", "affine", 1, False),
        ("anyway", "support", 1, False),
        ("protonet", "joint", 1, True),
        ("hypershot", "support", 1, True),
    ],
)
def test_the_gradients_are_those_of_both_losses(
    name, norm, steps, queries, rows, make_backbone, episodes
):
    backbone, inner = make_backbone(norm, blocks=1), InnerLoop(steps, 0.1)
    method = build(name, backbone, inner, (WAYS,), **rows[name].settings)
    trained = with_class_loss(method, WEIGHT, CLASSES)
    with meta_training(0):
        plain, ours = method.meta_gradients(episodes), trained.meta_gradients(episodes)
        loss, slopes, logits, classes = reference(trained, episodes, queries)
    assert float(ours.loss) == float(plain.loss)
    assert float(ours.accuracy) == float(plain.accuracy)
    theta = len(backbone.variables)
    beside = [*slopes[:theta], *[0.0] * (len(plain.gradients) - theta), *slopes[theta:]]
    before = [*plain.gradients, 0.0, 0.0]
    for mine, own, other in zip(ours.gradients, before, beside, strict=True):
        np.testing.assert_allclose(mine, own + WEIGHT * other, rtol=1e-8, atol=1e-11)
    assert np.max(np.abs(slopes[0])) > 1e-4
    found = {name: float(value) for name, value in ours.metrics.items()}
    hits = np.mean(np.argmax(logits, axis=1) == classes)
    own = {name: float(value) for name, value in plain.metrics.items()}
    expected = {**own, "class_loss": float(loss), "class_accuracy": hits}
    assert found == pytest.approx(expected, rel=1e-9)
    for one, other in zip(ours.statistics, plain.statistics, strict=True):
        np.testing.assert_array_equal(one, other)


def test_tasks_are_solved_by_the_method_alone(make_backbone, episodes):
    method = build("protonet", make_backbone("support", blocks=1), InnerLoop(1, 0.1), (WAYS,))
    trained = with_class_loss(method, WEIGHT, CLASSES)
    ours, theirs = (m.query_logits(episodes, [0]) for m in (trained, method))
    np.testing.assert_array_equal(ours, theirs)
    assert trained.monitored is method
    assert [v.shape for v in trained.head_variables] == [CLASSES, (method.backbone.feature_size, 7)]


@pytest.mark.parametrize("name", ["reptile", "finetune"])
def test_a_method_that_follows_no_gradients_of_tasks_is_refused(name, make_backbone):
    method = build(name, make_backbone("support", blocks=1), InnerLoop(1, 0.1), (WAYS,))
    message = (
        rf"^method: expected one that is trained on tasks by gradients.*{type(method).__name__}"
    )
    with pytest.raises(ValueError, match=message):
        with_class_loss(method, WEIGHT, CLASSES)


def test_steps_that_are_computed_again_are_refused(make_backbone):
    inner = InnerLoop(2, 0.1, recompute=True)
    method = build("maml", make_backbone("support", blocks=1), inner, (WAYS,))
    with pytest.raises(ValueError, match=r"^class_loss: expected without `recompute`"):
        with_class_loss(method, WEIGHT, CLASSES)


def test_tasks_must_tell_their_classes(make_backbone, make_episodes):
    method = build("protonet", make_backbone("support", blocks=1), InnerLoop(1, 0.1), (WAYS,))
    with pytest.raises(ValueError, match="classes: expected episodes of a sampler with"):
        with_class_loss(method, WEIGHT, CLASSES).meta_gradients(make_episodes(WAYS))
