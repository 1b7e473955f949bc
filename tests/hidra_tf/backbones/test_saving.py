"""Backbones as Keras saves them: by the arguments of their layers, without code of ours."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from hidra_tf.backbones.conv4 import conv4
from hidra_tf.backbones.conv_block import ConvBlock
from hidra_tf.backbones.drop_block import Digest, DropBlock
from hidra_tf.backbones.keras_models import with_task_normalization
from hidra_tf.backbones.meta_training import meta_training
from hidra_tf.backbones.normalization import TaskNormalization
from hidra_tf.backbones.resnet12 import ResidualBlock, resnet12

ROOT = Path(__file__).parents[3]
IMAGE = (32, 32, 3)

LAYERS = [
    TaskNormalization(1e-2, scale=False, center=True),
    ConvBlock(3, True, False, keras.initializers.GlorotUniform(7)),
    ConvBlock(3, False, True, "zeros", dtype="mixed_bfloat16"),
    ResidualBlock(3, "affine", 5),
    ResidualBlock(3, "none", 5, trainable=False),
    Digest(),
    DropBlock(0.2, 3, 9),
]


def images_of(count):
    return np.random.default_rng(0).random((count, *IMAGE)).astype(np.float32)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_a_layer_is_made_again_from_its_configuration(layer):
    config = layer.get_config()
    again = type(layer).from_config(config)
    assert again.get_config() == config
    assert again.dtype_policy == layer.dtype_policy
    registered = keras.saving.get_registered_object(f"hidra_tf>{type(layer).__name__}")
    assert registered is type(layer)


def saved_and_loaded(model, path):
    model.save(path)
    return keras.models.load_model(path)


def test_drop_block_drops_the_same_after_loading(tmp_path):
    model = resnet12(IMAGE, 1, drop_block=0.3)
    loaded = saved_and_loaded(model, tmp_path / "backbone.keras")
    with meta_training(3):
        dropped = model(images_of(2))
        np.testing.assert_array_equal(loaded(images_of(2)), dropped)
    assert np.any(dropped != model(images_of(2)))


def mobilenet():
    return keras.applications.MobileNetV3Small(
        IMAGE, 0.35, weights=None, include_top=False, pooling="avg", include_preprocessing=False
    )


def small():
    """One block of such a network, nested in a model."""
    layers = [
        keras.Input(IMAGE),
        keras.layers.DepthwiseConv2D(3, 2, use_bias=False),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.5),
    ]
    images = keras.Input(IMAGE)
    hidden = keras.Sequential(layers)(images)
    hidden = keras.layers.Activation("hard_swish")(hidden)
    return keras.Model(images, keras.layers.GlobalAveragePooling2D()(hidden))


@pytest.mark.parametrize(("build", "policy"), [(mobilenet, "float32"), (small, "mixed_bfloat16")])
def test_a_model_of_keras_keeps_weights_and_statistics(build, policy, tmp_path):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = with_task_normalization(build())
    finally:
        keras.config.set_dtype_policy(before)
    rng = np.random.default_rng(1)
    for variable in model.variables:
        variable.assign(variable.numpy() + 0.1 * rng.random(variable.shape))
    loaded = saved_and_loaded(model, tmp_path / "backbone.keras")
    assert any(isinstance(layer, TaskNormalization) for layer in loaded._flatten_layers())
    for training in (False, True):
        np.testing.assert_array_equal(
            loaded(images_of(2), training=training), model(images_of(2), training=training)
        )


def test_a_fresh_process_needs_the_modules_of_the_backbones_alone(tmp_path):
    models = {"conv4": conv4(IMAGE, 2), "resnet12": resnet12(IMAGE, 1, drop_block=0.1)}
    np.save(tmp_path / "images.npy", images_of(2))
    for name, model in models.items():
        model.save(tmp_path / f"{name}.keras")
    code = (
        "import keras, numpy, hidra_tf.backbones.conv4, hidra_tf.backbones.resnet12\n"
        "for name in ('conv4', 'resnet12'):\n"
        f"    model = keras.models.load_model(f'{tmp_path}/{{name}}.keras')\n"
        f"    images = numpy.load('{tmp_path}/images.npy')\n"
        f"    numpy.save(f'{tmp_path}/{{name}}.npy', model(images, training=True))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name, model in models.items():
        np.testing.assert_array_equal(
            np.load(tmp_path / f"{name}.npy"), model(images_of(2), training=True)
        )
