"""Models that others wrote: what is replaced in them, and the derivatives of what comes out."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.keras_models import with_task_normalization
from hidra_tf.backbones.normalization import TaskNormalization
from hidra_tf.methods import build

L = keras.layers
IMAGE = (16, 16, 1)


def small(dtype="float32", **normalisation):
    """What MobileNets are made of, with a depthwise convolution, gates and a dense layer."""
    images = keras.Input(IMAGE, dtype=dtype)
    options = {"dtype": dtype}
    hidden = L.Conv2D(3, 3, 2, use_bias=False, **options)(images)
    hidden = L.BatchNormalization(epsilon=1e-2, **normalisation, **options)(hidden)
    hidden = L.Activation("hard_swish", **options)(hidden)
    hidden = L.DepthwiseConv2D(3, 2, padding="same", **options)(hidden)
    hidden = L.BatchNormalization(**options)(hidden)
    gate = L.GlobalAveragePooling2D(keepdims=True, **options)(hidden)
    gate = L.Conv2D(3, 1, activation="hard_sigmoid", **options)(gate)
    hidden = L.Flatten(**options)(L.Multiply(**options)([hidden, gate]))
    hidden = L.Dropout(0.5, **options)(hidden)
    features = L.BatchNormalization(**options)(L.Dense(4, **options)(hidden))
    model = keras.Model(images, features, name="small")
    rng = np.random.default_rng(0)
    for variable in model.variables:
        if "seed" not in variable.path:
            variable.assign(np.abs(variable.numpy() + 0.3 * rng.normal(size=variable.shape)))
    return model


def images_of(count):
    return tf.constant(np.random.default_rng(1).random((count, *IMAGE)), tf.float32)


def test_weights_statistics_and_epsilon_are_kept():
    """With the statistics that it came with, a model gives the features that it gave."""
    model, images = small(), images_of(3)
    backbone = Backbone(with_task_normalization(model), "affine")
    theta = [tf.convert_to_tensor(v) for v in backbone.variables]
    features, _ = backbone.support_features(theta, images)
    np.testing.assert_allclose(features, model(images, training=False), rtol=1e-5, atol=1e-6)


def test_batch_statistics_are_used_and_nothing_is_dropped():
    model, images = with_task_normalization(small()), images_of(8)
    as_it_came = model(images, training=False)
    first, second = model(images, training=True), model(images, training=True)
    np.testing.assert_array_equal(first, second)
    last = next(layer for layer in model.layers[::-1] if isinstance(layer, TaskNormalization))
    standard = (first - last.beta) / last.gamma
    np.testing.assert_allclose(np.mean(standard, axis=0), np.zeros(4), atol=1e-4)
    assert np.max(np.abs(first - as_it_came)) > 1e-3


@pytest.mark.parametrize("options", [{"scale": False}, {"center": False}, {"trainable": False}])
def test_what_a_model_does_not_learn_stays_so(options):
    model = small(**options)
    ours = with_task_normalization(model)
    assert [v.shape for v in ours.trainable_variables] == [
        v.shape for v in model.trainable_variables
    ]


def test_one_line_says_what_was_done(caplog):
    with_task_normalization(small())
    assert [record.message for record in caplog.records] == [
        "small: BatchNormalization became TaskNormalization (3 layers), dropout was removed (1)"
    ]


def test_a_model_without_such_layers_stays_itself(caplog):
    model = keras.Sequential([keras.Input(IMAGE), L.Flatten(), L.Dense(2)])
    assert with_task_normalization(model) is model
    assert not caplog.records


def test_sequential_and_nested_models_are_looked_into():
    inner = keras.Sequential([keras.Input(IMAGE), L.Conv2D(2, 3), L.BatchNormalization()])
    middle = small()
    images = keras.Input(IMAGE)
    both = L.Concatenate()([L.Flatten()(inner(images)), middle(images, training=False)])
    model = with_task_normalization(keras.Model(images, both))
    kinds = [type(layer) for layer in model._flatten_layers()]
    assert kinds.count(TaskNormalization) == 4
    assert L.BatchNormalization not in kinds
    assert L.Dropout not in kinds
    Backbone(model, "transductive")


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.norm = L.BatchNormalization()

    def call(self, images):
        return self.norm(keras.ops.mean(images, (1, 2)))


def wrapped(layer):
    images = keras.Input(IMAGE)
    return keras.Model(images, layer(images))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Subclassed, r"\(BatchNormalization\) is inside of a layer or model that is neither"),
        (lambda: L.RandomFlip(), "draws random numbers"),
        (lambda: L.BatchNormalization(axis=1), "channels last, received axis 1"),
    ],
)
def test_what_cannot_be_replaced_is_refused(layer, message):
    with pytest.raises(ValueError, match=message):
        with_task_normalization(wrapped(layer()))


def test_inexact_layers_of_keras_are_named(caplog):
    with_task_normalization(wrapped(L.LayerNormalization()))
    assert "Keras's LayerNormalization are inexact" in caplog.text


def test_a_backbone_takes_no_batch_normalization():
    with pytest.raises(ValueError, match="wrong second derivative; use hidra_tf"):
        Backbone(small(), "transductive")


@pytest.mark.parametrize(("norm", "adapt_norm"), [("transductive", False), ("support", True)])
def test_second_derivatives_are_those_of_finite_differences(
    norm, adapt_norm, check_meta_gradient, make_episodes
):
    backbone = Backbone(with_task_normalization(small("float64")), norm, adapt_norm)
    method = build("maml", backbone, InnerLoop(2, 0.1), (2,))
    check_meta_gradient(method, make_episodes(2, shots=3, query_shots=2))


@pytest.mark.parametrize(("method", "steps"), [("hidra", 1), ("maml", 2)])
def test_every_operation_of_mobilenet_can_be_differentiated(method, steps, make_episodes):
    """Run operation by operation: compiling these 157 layers twice over takes minutes."""
    model = keras.applications.MobileNetV3Small(
        (32, 32, 3),
        weights=None,
        include_top=False,
        pooling="avg",
        include_preprocessing=False,
    )
    backbone = Backbone(with_task_normalization(model), "transductive")
    learner = build(method, backbone, InnerLoop(steps, 0.01), (2,))
    episodes = make_episodes(2, shots=2, query_shots=2)
    images = [
        tf.cast(tf.image.resize(tf.tile(i[0], (1, 1, 1, 3)), (32, 32))[tf.newaxis], tf.float32)
        for i in (episodes.support_images, episodes.query_images)
    ]
    episodes = episodes._replace(support_images=images[0], query_images=images[1])
    gradients = learner.meta_gradients(episodes).gradients
    assert all(np.all(np.isfinite(g)) for g in gradients)
    assert np.mean([np.any(g) for g in gradients[: len(backbone.variables)]]) > 0.9
