"""γ and β for every inner step: which pass has those of which step, and their meta-gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from data_gen.episodes import Episodes
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.adaptation.step_norms import StepNorms
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.conv_block import ConvBlock
from hidra_tf.methods import build

WAYS, RATE, STEPS = 2, 0.2, 2


@pytest.fixture(scope="module")
def episodes(make_episodes):
    return make_episodes(WAYS, shots=2, query_shots=3, tasks=2)


def make(name, norm="transductive", per_step_norm=True, steps=STEPS, **inner):
    kernel = keras.initializers.GlorotUniform(0)
    block = ConvBlock(3, True, norm == "affine", kernel, dtype="float64")
    layers = [
        keras.Input((16, 16, 1), dtype="float64"),
        block,
        keras.layers.Flatten(dtype="float64"),
    ]
    backbone = Backbone(keras.Sequential(layers), norm)
    own = InnerLoop(steps, RATE, **inner)
    return build(name, backbone, own, (WAYS,), seed=1, per_step_norm=per_step_norm)


def with_other_rows(method):
    rng = np.random.default_rng(0)
    for table in method.step_norms.tables:
        table.assign(table + 0.3 * rng.normal(size=table.shape))
    return method


def by_hand(method, task):
    """MAML with two steps, written out: support passes with rows 0 and 1, queries with row 1."""
    kernel, *_ = (tf.convert_to_tensor(v) for v in method.backbone.variables)
    head = list(method.head.initial(WAYS))
    rows = [[table[step] for table in method.step_norms.tables] for step in range(STEPS)]

    def logits(weights, row, images):
        features, _ = method.backbone.support_features([weights[0], *row], images)
        return features @ weights[1] + weights[2]

    def loss(labels, values):
        own = tf.gather(tf.nn.log_softmax(values), labels, batch_dims=1)
        return -tf.reduce_mean(own)

    weights = [kernel, *head]
    for row in rows:
        with tf.GradientTape() as tape:
            tape.watch(weights)
            value = loss(task.support_labels, logits(weights, row, task.support_images))
        gradients = tape.gradient(value, weights)
        weights = [w - RATE * g for w, g in zip(weights, gradients, strict=True)]
    return logits(weights, rows[-1], task.query_images)


def test_each_pass_has_those_of_its_step(episodes):
    method = with_other_rows(make("maml"))
    found = method.query_logits(episodes, [STEPS])[:, 0]
    for i in range(2):
        task = Episodes(*(array[i] for array in episodes[:4]), episodes.ways)
        np.testing.assert_allclose(found[i], by_hand(method, task), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["maml", "hidra", "proto_maml"])
def test_equal_rows_change_no_number(name, episodes):
    for at_steps in ([0, 1, 2, 3], [1]):
        ours, plain = (make(name, per_step_norm=on) for on in (True, False))
        np.testing.assert_allclose(
            ours.query_logits(episodes, at_steps),
            plain.query_logits(episodes, at_steps),
            rtol=1e-10,
            atol=1e-12,
        )


@pytest.mark.parametrize(("name", "recompute"), [("hidra", False), ("proto_maml", True)])
def test_shortcuts_of_the_inner_loop_see_the_same_rows(name, recompute, episodes):
    generic = with_other_rows(make(name, exact=False))
    other = with_other_rows(make(name, recompute=recompute))
    at_steps = [0, 1, 2, 3]
    np.testing.assert_allclose(
        other.query_logits(episodes, at_steps),
        generic.query_logits(episodes, at_steps),
        rtol=1e-9,
        atol=1e-11,
    )
    pair = [tf.function(m.meta_gradients)(episodes).gradients for m in (other, generic)]
    for ours, theirs in zip(*pair, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-9)


def test_one_free_step_from_features_has_the_first_row(episodes):
    method = with_other_rows(make("hidra", "affine"))
    assert method.needs_features_only((1,))
    features = method.with_features(episodes)
    found = method.predictions_of_features(features, [0, 1]).logits
    np.testing.assert_allclose(found, method.query_logits(episodes, [0, 1]), rtol=1e-10)


def test_their_meta_gradients_are_those_of_the_query_loss(episodes, numerical_gradient):
    method = with_other_rows(make("maml"))
    gradients = tf.function(method.meta_gradients)(episodes).gradients
    loss = tf.function(
        lambda: tf.reduce_mean(
            method.loss(episodes.query_labels, method.query_logits(episodes, [STEPS])[:, 0])
        )
    )
    first = len(method.backbone.variables)
    for position, table in enumerate(method.step_norms.tables):
        value = table.numpy()

        def at(moved, table=table):
            table.assign(moved)
            return loss()

        slopes = numerical_gradient(at, value, None, 1e-7)
        table.assign(value)
        ours = gradients[first + position].numpy().ravel()
        np.testing.assert_allclose(ours, slopes, rtol=1e-5, atol=1e-8)
        assert np.max(np.abs(slopes)) > 1e-3
    # The backbone's own γ and β have no part in it.
    for place in method.backbone.normaliser_places:
        assert not np.any(gradients[place])


def test_they_are_no_part_of_the_head(episodes):
    method = make("maml")
    assert [v.shape for v in method.head_variables] == [(2,), (192, 2)]
    assert len(method.variables) == 3 + 2 + 2


@pytest.mark.parametrize(("norm", "adapt_norm"), [("transductive", True), ("none", False)])
def test_where_there_are_none_or_the_steps_move_them_they_are_refused(norm, adapt_norm):
    layers = [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    if norm != "none":
        layers.insert(1, ConvBlock(2, True, False, "glorot_uniform"))
    backbone = Backbone(keras.Sequential(layers), norm, adapt_norm)
    with pytest.raises(ValueError, match="per_step_norm: expected a backbone with γ and β"):
        StepNorms(backbone, 2)
