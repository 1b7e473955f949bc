"""Running statistics: which passes of a task they are the means of, and when they are used."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.conv_block import ConvBlock
from hidra_tf.backbones.meta_training import meta_training
from hidra_tf.backbones.normalization import TaskNormalization
from hidra_tf.backbones.observation import MOMENTUM
from hidra_tf.methods import build

WAYS, RATE = 2, 0.3


@pytest.fixture(scope="module")
def episodes(make_episodes):
    return make_episodes(WAYS, shots=2, query_shots=3, tasks=2)


def one_block(norm):
    """A backbone that is computed in a fraction of Conv-4's time, always with the same weights."""
    kernel = keras.initializers.GlorotUniform(0)
    block = ConvBlock(3, True, False, kernel, dtype="float64")
    layers = [
        keras.Input((16, 16, 1), dtype="float64"),
        block,
        keras.layers.Flatten(dtype="float64"),
    ]
    return Backbone(keras.Sequential(layers), norm)


@pytest.fixture(scope="module")
def twins():
    """Backbones of equal weights."""
    return {norm: one_block(norm) for norm in ("running", "transductive", "joint")}


def method_of(name, backbone, steps=1, **options):
    own = {key: options.pop(key) for key in ("exact", "recompute") if key in options}
    inner = InnerLoop(steps, RATE, **own)
    return build(name, backbone, inner, (WAYS,), seed=1, **options)


def gradients(method, episodes):
    with meta_training(0):
        return method.meta_gradients(episodes)


def measured(model, weights, images):
    """The statistics of a pass, as Keras's own way of calling a model leaves them behind."""
    copy = keras.models.clone_model(model)
    for variable, value in zip(copy.trainable_variables, weights, strict=True):
        variable.assign(value)
    copy(images, training=True)
    return [v.numpy() for v in copy.non_trainable_variables]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("maml", {"steps": 2}),
        ("maml", {"steps": 2, "recompute": True}),
        ("hidra", {"steps": 2}),
        ("hidra", {"steps": 2, "exact": False}),
        ("reptile", {"steps": 2}),
    ],
)
def test_they_are_of_the_first_support_pass_and_of_the_queries(name, options, twins, episodes):
    method = method_of(name, twins["running"], **options)
    plain = method_of(name, twins["transductive"], **options)
    expected = []
    for i in range(2):
        task = episodes._replace(**{f: getattr(episodes, f)[i] for f in episodes._fields[:4]})
        (adapted,) = plain.adaptation(task)((2,))
        theta = [v.numpy() for v in plain.backbone.variables]
        passes = [(theta, task.support_images), (adapted.backbone, task.query_images)]
        expected += [measured(plain.backbone.model, *one) for one in passes]
    found = gradients(method, episodes).statistics
    for value, parts in zip(found, zip(*expected, strict=True), strict=True):
        np.testing.assert_allclose(value, np.mean(parts, axis=0), rtol=1e-9, atol=1e-12)


def test_features_that_no_step_changes_are_normalised_together(twins, episodes):
    method = method_of("protonet", twins["running"])
    found = gradients(method, episodes)
    model, theta = twins["joint"].model, [v.numpy() for v in twins["joint"].variables]
    parts = [
        measured(model, theta, tf.concat([episodes.support_images[i], episodes.query_images[i]], 0))
        for i in range(2)
    ]
    for value, both in zip(found.statistics, zip(*parts, strict=True), strict=True):
        np.testing.assert_allclose(value, np.mean(both, axis=0), rtol=1e-9, atol=1e-12)
    joint = method_of("protonet", twins["joint"]).meta_gradients(episodes)
    for ours, theirs in zip(found.gradients, joint.gradients, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", ["maml", "hidra"])
def test_training_is_that_of_batch_statistics_bit_for_bit(name, twins, episodes):
    one, other = (method_of(name, twins[norm], 2) for norm in ("running", "transductive"))
    found, expected = gradients(one, episodes), other.meta_gradients(episodes)
    assert float(found.loss) == float(expected.loss)
    for ours, theirs in zip(found.gradients, expected.gradients, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not expected.statistics


def test_an_update_moves_them_by_a_tenth_of_the_way():
    backbone = one_block("running")
    rng = np.random.default_rng(0)
    batches = [[rng.normal(size=v.shape) for v in backbone.statistics] for _ in range(3)]
    expected = [v.numpy() for v in backbone.statistics]
    for batch in batches:
        backbone.keep(batch)
        pairs = zip(expected, batch, strict=True)
        expected = [(1 - MOMENTUM) * old + MOMENTUM * new for old, new in pairs]
    for variable, value in zip(backbone.statistics, expected, strict=True):
        np.testing.assert_allclose(variable.numpy(), value, rtol=1e-12)


def test_outside_of_training_they_normalise_every_picture_by_itself():
    """γ·(x − μ)/√(σ² + ε) + β with the μ and σ² that were kept."""
    layers = [keras.Input((4, 4, 1), dtype="float64"), TaskNormalization(dtype="float64")]
    model = keras.Sequential([*layers, keras.layers.Flatten(dtype="float64")])
    backbone = Backbone(model, "running")
    backbone.statistics[0].assign([0.25])
    backbone.statistics[1].assign([4.0])
    images = np.random.default_rng(0).random((3, 4, 4, 1))
    theta = [tf.convert_to_tensor(v) for v in backbone.variables]
    expected = ((images - 0.25) / np.sqrt(4.0 + 1e-3)).reshape(3, -1)
    support, _ = backbone.support_features(theta, images)
    np.testing.assert_allclose(support, expected, rtol=1e-12)
    np.testing.assert_allclose(backbone.query_features(theta, images, None), expected, rtol=1e-12)
    assert backbone.per_image
    with meta_training(0):
        assert not backbone.per_image


def test_a_model_without_normalisation_has_none_to_keep():
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(2))
    with pytest.raises(ValueError, match="norm is running, but the model has no normalisation"):
        Backbone(model, "running")


def test_a_task_without_a_pass_is_an_error():
    with one_block("running").observed() as seen, pytest.raises(ValueError, match="a pass"):
        seen.mean()
