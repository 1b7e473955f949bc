"""Backbones by name: our own, and functions that a user names."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from importlib import import_module

import keras

from data_gen.errors import UserError
from hidra_tf.backbones.keras_models import with_task_normalization
from hidra_tf.options import BACKBONES
from hidra_tf.seeds import derive


def build(
    name: str,
    image_shape: tuple[int, int, int],
    *,
    filters: int = 64,
    norm: str = "transductive",
    seed: int = 0,
    dtype: str = "float32",
    drop_block: float = 0.0,
) -> keras.Model:
    """The backbone called `name`, ready for `hidra_tf.backbones.backbone.Backbone`.

    Its function is called with `image_shape`, and with those of the other arguments that it has.
    Without a `dtype`, that is Keras's default meanwhile; without a `seed`, Keras's is set.

    Args:
        name: a key of `options.BACKBONES`, or "module:function".
        image_shape: (height, width, channels).
        filters: width; see `conv4` and `resnet12`.
        norm: one of `options.NORMS`.
        seed: of the initial weights.
        dtype: a Keras dtype policy.
        drop_block: see `resnet12`.

    Returns:
        A model [N, H, W, channels] → [N, D].

    Raises:
        UserError: if there is no such function, or it makes no such model.
    """
    function = _find(name)
    known = inspect.signature(function).parameters
    if "image_shape" not in known:
        raise UserError(f"{name}: expected a function with an argument image_shape")
    if drop_block and "drop_block" not in known:
        raise UserError(f"{name} has no drop_block; resnet12 has")
    settings = {
        "filters": filters,
        "norm": norm,
        "seed": seed,
        "dtype": dtype,
        "drop_block": drop_block,
    }
    taken = {key: value for key, value in settings.items() if key in known}
    if "seed" not in known:
        keras.utils.set_random_seed(derive(seed, "backbone"))
    with _default_dtype(keras.config.dtype_policy() if "dtype" in known else dtype):
        try:
            model = function(image_shape=image_shape, **taken)
            return with_task_normalization(_checked(model, image_shape))
        except ValueError as error:  # what Keras makes of images that are too small, too
            raise UserError(f"{name}: {str(error).strip().splitlines()[0]}") from error


def _find(name: str) -> Callable[..., keras.Model]:
    module, _, attribute = BACKBONES.get(name, name).partition(":")
    try:
        function = getattr(import_module(module), attribute, None)
    except (ImportError, SyntaxError) as error:
        raise UserError(
            f"backbone {name}: cannot import {module} ({error}); expected module:function, the "
            "module beside main.py or on PYTHONPATH"
        ) from error
    if not callable(function):
        raise UserError(f"backbone {name}: {module} has no function {attribute!r}")
    return function


@contextlib.contextmanager
def _default_dtype(policy: str | keras.DTypePolicy) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _checked(model: object, image_shape: tuple[int, int, int]) -> keras.Model:
    """The model, functional; `ValueError` unless it makes features [N, D] of such images."""
    if not isinstance(model, keras.Model):
        raise ValueError(f"expected a Keras model, received {type(model).__name__}")
    if getattr(model, "inputs", None) is None:
        images = keras.Input(image_shape)
        model = keras.Model(images, model(images), name=model.name)
    wanted = (None, *image_shape)
    shape = model.input_shape
    if len(shape) != 4 or any(n not in (None, m) for n, m in zip(shape, wanted, strict=True)):
        raise ValueError(f"expected a model for images {wanted}, received one for {shape}")
    features = model.output_shape
    if not isinstance(features, tuple) or len(features) != 2 or features[1] is None:
        raise ValueError(f"expected features [N, D], received {features}; flatten or pool them")
    if not model.trainable_variables:
        raise ValueError("expected a model with weights to learn")
    return model
