"""Members with weights of their own, beside the same members one by one."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from data_gen.class_pool import ClassPool
from data_gen.episodes import EpisodeSampler
from data_gen.errors import UserError
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.normalization import TaskNormalization
from hidra_tf.evaluation.ensemble import Ensemble
from hidra_tf.evaluation.evaluator import TASKS_PER_CALL, Evaluator
from hidra_tf.methods import build

MEMBERS = 3
POOL = ClassPool(
    np.random.default_rng(0).integers(0, 256, (20, 4, 4, 1)).astype(np.uint8),
    (5,) * 4,
    tuple("abcd"),
)
SAMPLER = EpisodeSampler(POOL, (3,), 1, 2, TASKS_PER_CALL, 0, "evaluation", "float64")


def network():
    """A normalised layer on the pixels."""
    kernel = keras.initializers.GlorotUniform(0)
    layers = (
        keras.layers.Flatten(dtype="float64"),
        keras.layers.Dense(5, "tanh", kernel_initializer=kernel, dtype="float64"),
        TaskNormalization(dtype="float64"),
    )
    return keras.Sequential([keras.Input((4, 4, 1), dtype="float64"), *layers])


def make(name, norm, steps=1):
    """An ensemble in float64, and the weights and statistics of each of its members."""
    method = build(name, Backbone(network(), norm), InnerLoop(steps, 0.4), (3,), seed=0)
    ensemble, rng, members = Ensemble(method), np.random.default_rng(1), []
    for _ in range(MEMBERS):
        for variable in (*method.variables, *method.statistics):
            variable.assign_add(rng.uniform(-0.3, 0.3, variable.shape))
        members.append([v.numpy() for v in (*method.variables, *method.statistics)])
        ensemble.remember()
    return ensemble, members


def one_by_one(ensemble, members, function):
    """What a function returns with the weights of each member, which are given by hand."""
    found, method = [], ensemble.method
    compiled = tf.function(lambda: function(method), autograph=False)
    for values in members:
        variables = [*method.variables, *method.statistics]
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        found.append(tf.nest.map_structure(lambda tensor: tensor.numpy(), compiled()))
    return found


CASES = [
    # Method, norm, steps, and whether features are computed once.
    ("hidra", "affine", (0, 1), True),
    ("maml", "running", (0, 2), False),
    ("protonet", "running", (0,), True),
]


@pytest.mark.parametrize(("name", "norm", "at_steps", "once"), CASES)
def test_logits_and_metrics_are_the_means_of_those_of_each_member_by_itself(
    name, norm, at_steps, once
):
    ensemble, members = make(name, norm, max(1, *at_steps))
    episodes = SAMPLER(0)
    found = one_by_one(ensemble, members, lambda one: one.predictions(episodes, at_steps))
    expected = np.mean([one.logits for one in found], axis=0)
    assert min(np.abs(one.logits[:, -1] - expected[:, -1]).max() for one in found) > 1e-3
    ours = tf.function(lambda: ensemble.predictions(episodes, at_steps), autograph=False)()
    assert ours.logits.dtype == tf.float64
    np.testing.assert_allclose(ours.logits, expected, rtol=1e-11, atol=1e-13)
    assert ours.metrics.keys() == set(ensemble.metrics) == found[0].metrics.keys()
    for metric, values in ours.metrics.items():
        mean = np.mean([one.metrics[metric] for one in found], axis=0)
        np.testing.assert_allclose(values, mean, rtol=1e-11, atol=1e-13)
    assert ensemble.needs_features_only(at_steps) == once
    if once:
        features = ensemble.features(SAMPLER.pictures(tf.range(len(POOL.images))))
        assert features.shape == (len(POOL.images), MEMBERS, 5)
        given = SAMPLER.of_features(features, 0)
        ours = tf.function(lambda: ensemble.predictions_of_features(given, at_steps))()
        np.testing.assert_allclose(ours.logits, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(("name", "norm"), [("protonet", "running"), ("hidra", "transductive")])
def test_an_evaluator_counts_the_largest_averaged_logits(name, norm):
    """With features that are computed once, and without."""
    ensemble, members = make(name, norm)
    evaluator = Evaluator(ensemble, POOL, (3,), (1,), 1, 2, 0, "evaluation")
    (row,) = evaluator.rows(12)
    correct = []
    for call in range(2):
        episodes = SAMPLER(call)
        found = one_by_one(ensemble, members, lambda one, e=episodes: one.query_logits(e, [1]))
        best = np.mean(found, axis=0)[:, 0].argmax(axis=-1)
        correct.extend((best == episodes.query_labels.numpy()).sum(axis=-1))
    assert row.correct == tuple(correct[:12])
    assert len(set(row.correct)) > 1
    assert list(evaluator.rows(12)) == [row]


def test_an_ensemble_has_what_its_method_has_and_is_not_trained():
    ensemble, _ = make("maml", "running")
    assert ensemble.members == MEMBERS
    assert ensemble.variables == ensemble.method.variables
    assert ensemble.statistics == ensemble.method.statistics != []
    with pytest.raises(UserError, match="made for 3 ways"):
        ensemble.check_ways(4)
    with pytest.raises(NotImplementedError, match="not trained"):
        ensemble.meta_gradients(SAMPLER(0))
    with pytest.raises(ValueError, match="at least one member"):
        Ensemble(ensemble.method).predictions(SAMPLER(0), [0])
