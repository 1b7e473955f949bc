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

def demanding(image_shape, filters, depth, *layers, width, **options):
    return dense(image_shape)

def positional(image_shape, /):
    return dense(image_shape)

def nothing(image_shape):
    return None

def layer(image_shape):
    return L.Dense(3)

def named(image_shape):
    images = keras.Input(image_shape)
    return keras.Model(images, {"features": L.Dense(3)(L.Flatten()(images))})

def pair(image_shape):
    images = [keras.Input(image_shape) for _ in range(2)]
    return keras.Model(images, L.Dense(3)(L.Flatten()(L.Add()(images))))

def flat(image_shape):
    return keras.Sequential([keras.Input((960,)), L.Dense(3)])

def integers(image_shape):
    images = keras.Input(image_shape)
    features = keras.ops.cast(L.Dense(3)(L.Flatten()(images)), "int32")
    return keras.Model(images, features)

class Torn(keras.Model):
    def call(self, images):
        raise RuntimeError("torn\\nin two")

def torn(image_shape):
    return Torn()

def leaving(image_shape):
    raise SystemExit("bye")

def failing(image_shape):
    raise KeyError("weights")

def silent(image_shape):
    assert False

constant_of_mine = 3
"""
FAULTS = {"key": "{}['lost']", "exit": "raise SystemExit(3)", "silent": "raise Exception"}


@pytest.fixture(autouse=True)
def module(tmp_path, monkeypatch):
    (tmp_path / "own_backbones.py").write_text(MODULE)
    (tmp_path / "broken_backbones.py").write_text("def f(:")
    for fault, code in FAULTS.items():
        (tmp_path / f"{fault}_backbones.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize("name", registry.BACKBONES)
def test_our_own_by_short_and_by_long_name(name):
    models = [
        registry.build(n, IMAGE, filters=2, norm="none", seed=3)
        for n in (name, registry.BACKBONES[name])
    ]
    assert models[0].output_shape == models[1].output_shape
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
        ("key_backbones:f", r"cannot import key_backbones \('lost'\); expected module:function"),
        ("exit_backbones:f", r"cannot import exit_backbones \(3\)"),
        ("silent_backbones:f", r"cannot import silent_backbones \(Exception\)"),
        (".own_backbones:f", "cannot import .own_backbones"),
        ("own_backbones:f", "own_backbones has no function 'f'"),
        ("own_backbones:", "own_backbones has no function ''"),
        ("own_backbones:constant_of_mine", "expected a function, received int constant_of_mine"),
        ("own_backbones:demanding", "it requires depth, width$"),
        ("own_backbones:positional", "TypeError: .*positional-only"),
        ("own_backbones:nothing", "expected a Keras model, received NoneType"),
        ("own_backbones:layer", "expected a Keras model, received Dense"),
        (
            "own_backbones:named",
            r"features \[N, D\], received \{'features': \(None, 3\)\}",
        ),
        ("own_backbones:pair", r"images \(None, 16, 20, 3\), received one for \["),
        ("own_backbones:flat", r"received one for \(None, 960\)"),
        ("own_backbones:integers", "features of floats, received int32"),
        ("own_backbones:torn", "RuntimeError: .* torn in two$"),
        ("own_backbones:leaving", "SystemExit: bye"),
        ("own_backbones:failing", "KeyError: 'weights'"),
        ("own_backbones:silent", "AssertionError: AssertionError"),
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
