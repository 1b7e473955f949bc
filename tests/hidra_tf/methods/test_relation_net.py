"""Relation Networks against plain operations in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from data_gen.episodes import Episodes
from data_gen.errors import UserError
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.conv4_np import conv4_np
from hidra_tf.heads import pair_parts
from hidra_tf.heads.relation import relation_module
from hidra_tf.methods import build
from hidra_tf.methods.relation_net import RelationNet
from hidra_tf.options import NORMS, TRANSDUCTIVE
from tests.plain_network import convolved, pooled

EPSILON = 1e-3
IMAGE, FILTERS = (16, 16, 1), 2  # of which the maps are 2 × 2


@pytest.fixture(scope="module")
def make_method():
    def make(norm, loss="softmax"):
        model = conv4_np(IMAGE, FILTERS, norm, dtype="float64")
        method = build(
            "relation_net", Backbone(model, norm), InnerLoop(1, 0.1, loss=loss), (3,), seed=5
        )
        moved(method.relation.model)
        return method

    return make


def moved(model, seed=1):
    """The model with no weight as initialized."""
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        variable.assign(variable.numpy() + 0.5 * rng.normal(size=variable.shape))
    return model


def compared(pairs, model, norm, statistics=None):
    """The relation module: scores [N], and the statistics of its two normalisations."""
    named = {v.path: v.numpy() for v in model.trainable_variables}
    found, pad = [], 0 if max(pairs.shape[1:3]) >= 10 else 1
    for number in (1, 2):
        block = f"relation_block_{number}/"
        pairs = convolved(pairs, named[block + "kernel"], pad)
        pairs += named.get(block + "bias", 0)
        if norm != "none":
            mean, variance = np.zeros(pairs.shape[-1]), np.ones(pairs.shape[-1])
            if norm in ("transductive", "support", "joint"):
                mean, variance = pairs.mean((0, 1, 2)), pairs.var((0, 1, 2))
            found.append((mean, variance))
            mean, variance = statistics[number - 1] if statistics else (mean, variance)
            scale = named[block + "norm/gamma"] / np.sqrt(variance + EPSILON)
            pairs = (pairs - mean) * scale + named[block + "norm/beta"]
        pairs = np.maximum(pairs, 0)
        pairs = pooled(pairs) if min(pairs.shape[1:3]) >= 2 else pairs
    values = pairs.reshape(len(pairs), -1)
    for number in (1, 2):
        layer = f"relation_dense_{number}/"
        values = np.maximum(values, 0) if number == 2 else values
        values = values @ named[layer + "kernel"] + named[layer + "bias"]
    return values[:, 0], found


def paired(classes, images):
    """Every image with every class, the class's channels first."""
    return np.stack([np.concatenate([c, x], axis=-1) for x in images for c in classes])


def expected_logits(model, norm, support, labels, queries):
    maps = [x.reshape(len(x), 2, 2, FILTERS) for x in (support, queries)]
    ways = labels.max() + 1
    classes = [maps[0][labels == c].mean(axis=0) for c in range(ways)]
    statistics = None
    if norm == "support":
        _, statistics = compared(paired(classes, maps[0]), model, norm)
    scores, _ = compared(paired(classes, maps[1]), model, norm, statistics)
    return scores.reshape(len(queries), ways)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(
    "labels",
    [
        *(np.repeat(np.arange(c), 1 if c > 5 else 2) for c in (2, 5, 20)),
        np.array([2, 0, 0, 0, 1, 1]),
    ],
    ids=["2", "5", "20", "unequal"],
)
def test_logits_are_those_of_the_published_formulas(labels, norm, make_method):
    """The same weights serve any number of ways, and any numbers of shots."""
    method, rng = make_method(norm), np.random.default_rng(0)
    support, queries = (rng.random((1, n, 4 * FILTERS)) for n in (len(labels), 4))
    known = tf.constant(labels[np.newaxis], tf.int32)
    ways = tf.constant(labels.max() + 1, tf.int32)
    tasks = Episodes(tf.constant(support), known, tf.constant(queries), known[:, :4], ways)
    logits = method.predictions_of_features(tasks, (0, 1)).logits[0]
    model = method.relation.model
    expected = expected_logits(model, norm, support[0], labels, queries[0])
    np.testing.assert_allclose(logits, [expected, expected], rtol=1e-9, atol=1e-11)
    assert np.ptp(expected) > 1e-3


@pytest.mark.parametrize("norm", ["running", "support", "transductive", "joint"])
def test_predictions_in_parts_are_those_of_all_pairs_at_once(norm, make_method, monkeypatch):
    method, rng = make_method(norm), np.random.default_rng(0)
    tasks = 3 if norm == "running" else 1  # tasks under statistics are solved one by one
    support, queries = (tf.constant(rng.random((tasks, n, 4 * FILTERS))) for n in (3, 5))
    known = tf.constant(np.tile([0, 1, 2], (tasks, 1)), tf.int32)
    episodes = Episodes(support, known, queries, known, tf.constant(3))
    whole = method.predictions_of_features(episodes, (0,)).logits
    monkeypatch.setattr(pair_parts, "AT_ONCE", 7 * 2 * 2 * FILTERS)
    parts = method.predictions_of_features(episodes, (0,)).logits
    np.testing.assert_allclose(parts, whole, rtol=1e-12, atol=1e-14)
    assert np.ptp(whole) > 1e-3


@pytest.mark.parametrize("side", [1, 5, 9, 10, 19])
def test_the_module_is_the_published_one_for_maps_of_all_sizes(side):
    model = moved(relation_module((side, side, 2), "affine", dtype="float64"))
    pairs = np.random.default_rng(0).normal(size=(3, side, side, 4))
    expected, _ = compared(pairs, model, "affine")
    maps = [tf.constant(part[:, np.newaxis]) for part in np.split(pairs, 2, axis=-1)]
    np.testing.assert_allclose(model(maps)[:, 0] * 1.0, expected, rtol=1e-9, atol=1e-11)


def test_the_published_maps_are_flattened_to_the_published_lengths():
    for side, length in ((19, 3 * 3 * 64), (5, 64)):
        model = relation_module((side, side, 64), "support")
        assert model.get_layer("relation_dense_1").kernel.shape == (length, 8)


@pytest.mark.parametrize("norm", NORMS)
def test_a_query_sees_others_under_transductive_statistics_alone(norm, make_method, make_episodes):
    method, episodes = make_method(norm), make_episodes(3, 2, 2)
    others = tf.concat([episodes.query_images[:, :1], 1 - episodes.query_images[:, 1:]], axis=1)
    logits, changed = (
        method.query_logits(e, [0])[0, 0, 0]
        for e in (episodes, episodes._replace(query_images=others))
    )
    difference = np.max(np.abs(logits - changed))
    assert difference > 1e-6 if norm in TRANSDUCTIVE else difference < 1e-12


def test_meta_gradients_under_the_papers_loss(make_method, make_episodes, numerical_gradient):
    method, episodes = make_method("support", "mse"), make_episodes(3, 2, 2)
    variable = method.relation.variables[0]
    indices = [(0, 1, 2, 1), (2, 2, 0, 0)]
    start = variable.numpy()

    def loss(values):
        variable.assign(values)
        scores = 1 / (1 + np.exp(-method.query_logits(episodes, [0])[:, 0].numpy()))
        return np.mean((scores - np.eye(3)[episodes.query_labels]) ** 2)

    expected = numerical_gradient(loss, start, indices, 1e-7)
    np.testing.assert_allclose(method.meta_gradients(episodes).loss, loss(start), rtol=1e-12)
    gradient = method.meta_gradients(episodes).gradients[len(method.backbone.variables)]
    np.testing.assert_allclose([gradient.numpy()[i] for i in indices], expected, rtol=1e-5)
    assert np.max(np.abs(expected)) > 1e-4


def test_vectorized_tasks_have_the_same_meta_gradients_outside_of_a_training(make_episodes):
    """Nothing that is differentiated is made in parts, for which there is no vectorized loop."""
    episodes, found = make_episodes(2, tasks=2), []
    for how in ("loop", "vectorized"):
        backbone = Backbone(conv4_np(IMAGE, FILTERS, "support", dtype="float64"), "support")
        method = build("relation_net", backbone, InnerLoop(1, 0.1), (2,), seed=5, task_map=how)
        moved(method.relation.model)
        gradients = tf.function(lambda m=method: m.meta_gradients(episodes).gradients)()
        found.append(gradients[len(backbone.variables)])
    np.testing.assert_allclose(*found, rtol=1e-9, atol=1e-12)
    assert np.max(np.abs(found[0])) > 1e-4


def test_a_backbone_without_maps_is_refused():
    layers = [keras.Input(IMAGE), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(4)]
    with pytest.raises(UserError, match=r"^backbone: expected one that flattens feature maps"):
        RelationNet(backbone=Backbone(keras.Sequential(layers), "none"))
