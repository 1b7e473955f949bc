"""Backbones by name: what a function is given, and what it may give back."""

import keras
import numpy as np
import pytest

from data_gen.errors import UserError
from hidra_tf.backbones import registry

L = keras.layers
IMAGE = (16, 20, 3)

MODULE = """
import keras

L = keras.layers

def dense(image_shape):
    return keras.Sequential([keras.Input(image_shape), L.Flatten(), L.Dense(3)])

def every(image_shape, filters, norm, seed, dtype, drop_block):
    model = dense(image_shape)
    model.given = (filters, norm, seed, dtype, drop_block)
    return model

def unbuilt(image_shape):
    return keras.Sequential([L.Flatten(), L.Dense(3)])

class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = L.Dense(3)

    def call(self, images):
        return self.dense(keras.ops.mean(images, (1, 2)))

def subclassed(image_shape):
    return Own()

def number(image_shape):
    return 3

def maps(image_shape):
    return keras.Sequential([keras.Input(image_shape), L.Conv2D(2, 3)])

def two(image_shape):
    images = keras.Input(image_shape)
    return keras.Model(images, [L.Flatten()(images), L.Flatten()(images)])

def square(image_shape):
    return dense((16, 16, 3))

def deep(image_shape):
    return keras.Sequential([keras.Input(image_shape), *(L.Conv2D(2, 9) for _ in range(3))])

def constant(image_shape):
    return keras.Sequential([keras.Input(image_shape), L.Flatten()])

def shapeless(shape):
    return dense(shape)
"""


@pytest.fixture(autouse=True)
def module(tmp_path, monkeypatch):
    (tmp_path / "own_backbones.py").write_text(MODULE)
    (tmp_path / "broken_backbones.py").write_text("def f(:")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize(("name", "size"), [("conv4", 2), ("resnet12", 20)])
def test_our_own_by_short_and_by_long_name(name, size):
    models = [
        registry.build(n, IMAGE, filters=2, norm="none", seed=3)
        for n in (name, registry.BACKBONES[name])
    ]
    assert models[0].output_shape == (None, size)
    for first, second in zip(*(m.get_weights() for m in models), strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_function_is_given_what_it_takes():
    settings = {"filters": 5, "norm": "none", "seed": 9, "dtype": "float64", "drop_block": 0.1}
    model = registry.build("own_backbones:every", IMAGE, **settings)
    assert model.given == tuple(settings.values())


@pytest.mark.parametrize("name", ["dense", "unbuilt", "subclassed"])
def test_any_kind_of_keras_model_will_do(name):
    model = registry.build(f"own_backbones:{name}", IMAGE)
    assert model.output_shape == (None, 3)
    assert model(np.zeros((2, *IMAGE), np.float32)).shape == (2, 3)


def test_the_seed_decides_the_weights_of_a_function_that_takes_none():
    weights = [
        registry.build("own_backbones:dense", IMAGE, seed=seed).get_weights()[0]
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(weights[0], weights[1])
    assert np.any(weights[0] != weights[2])


def test_a_function_without_dtype_finds_it_as_keras_default():
    model = registry.build("own_backbones:dense", IMAGE, dtype="mixed_bfloat16")
    assert model.layers[-1].compute_dtype == "bfloat16"
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere:f", "cannot import nowhere .*; expected module:function"),
        ("broken_backbones:f", "cannot import broken_backbones .*invalid syntax"),
        ("own_backbones:f", "own_backbones has no function 'f'"),
        ("own_backbones:shapeless", "a function with an argument image_shape"),
        ("own_backbones:number", "expected a Keras model, received int"),
        ("own_backbones:maps", r"features \[N, D\], received \(None, 14, 18, 2\)"),
        ("own_backbones:two", r"features \[N, D\], received \["),
        ("own_backbones:square", r"images \(None, 16, 20, 3\), received one for \(None, 16, 16"),
        ("own_backbones:deep", "output size would be negative"),
        ("own_backbones:constant", "weights to learn"),
        ("conv4", "16 × 16 pixels, received 15 × 15"),
        ("resnet12", "16 × 16 pixels, received 15 × 15"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(name, message):
    with pytest.raises(UserError, match=message) as caught:
        registry.build(name, (15, 15, 3) if ":" not in name else IMAGE)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_drop_block_is_refused_where_there_is_none():
    with pytest.raises(UserError, match="conv4 has no drop_block; resnet12 has"):
        registry.build("conv4", IMAGE, drop_block=0.1)
