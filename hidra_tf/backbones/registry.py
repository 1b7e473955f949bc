"""Backbones by name: our own, and functions that a user names."""

from __future__ import annotations

import contextlib
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module

import keras
import tensorflow as tf

from data_gen.errors import UserError
from hidra_tf.backbones.arguments import check_can_be_halved, check_features
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
    """Makes the backbone called `name`, ready for `hidra_tf.backbones.backbone.Backbone`.

    Its function is called with `image_shape`, and with those of the other arguments that it has.
    If it has no argument `dtype`, the policy is Keras's default during the call; if it has no
    `seed`, the seed of Keras is set before it.

    Args:
        name: a key of `options.BACKBONES`, or "module:function".
        image_shape: (height, width, channels).
        filters: the width of the network; see `conv4` and `resnet12`.
        norm: one of `options.NORMS`.
        seed: the seed of the initial weights.
        dtype: a Keras dtype policy.
        drop_block: see `resnet12`.

    Returns:
        A model [N, H, W, channels] → [N, D].

    Raises:
        UserError: if there is no such function, it cannot be called so, it fails in any way, or
            it makes no such model; always in one line.
    """
    function = _find(name)
    settings = {
        "filters": filters,
        "norm": norm,
        "seed": seed,
        "dtype": dtype,
        "drop_block": drop_block,
    }
    known = _checked_arguments(name, function, settings)
    taken = {key: value for key, value in settings.items() if key in known}
    if "seed" not in known:
        keras.utils.set_random_seed(derive(seed, "backbone"))
    with _default_dtype(keras.config.dtype_policy() if "dtype" in known else dtype):
        try:
            model = function(image_shape=image_shape, **taken)
            return with_task_normalization(_checked(model, image_shape))
        except ValueError as error:  # what Keras makes of images that are too small, too
            raise UserError(f"{name}: {_one_line(error)}") from error
        except (MemoryError, tf.errors.ResourceExhaustedError):
            raise  # of which the settings are to blame, see `hidra_tf.runs.terminal.refusals`
        except (Exception, SystemExit) as error:  # the function is a user's: anything may happen
            raise UserError(f"{name}: {type(error).__name__}: {_one_line(error)}") from error


def check_image_shape(name: str, image_shape: tuple[int, int, int]) -> None:
    """Raises `UserError` if images are too small for the backbone called `name`.

    Nothing is built, so that this is known before pictures are read. What a function of a user's
    takes is not known before it is called.
    """
    if name in BACKBONES:
        try:
            check_can_be_halved(name, image_shape)
        except ValueError as error:
            raise UserError(f"image_size: {error}") from error


def _find(name: str) -> Callable[..., keras.Model]:
    module, _, attribute = BACKBONES.get(name, name).partition(":")
    try:
        found = import_module(module)
    except (Exception, SystemExit) as error:  # the module is a user's: anything may happen
        raise UserError(
            f"backbone {name}: cannot import {module} ({_one_line(error)}); expected "
            "module:function, the module beside main.py or on PYTHONPATH"
        ) from error
    function = getattr(found, attribute, None)
    if function is None:
        raise UserError(f"backbone {name}: {module} has no function {attribute!r}")
    if not callable(function):
        raise UserError(
            f"backbone {name}: expected a function, received {type(function).__name__} {attribute}"
        )
    return function


def _checked_arguments(
    name: str, function: Callable[..., keras.Model], settings: Mapping[str, object]
) -> Mapping[str, inspect.Parameter]:
    """The function's parameters; `UserError` unless it can be called with what there is."""
    try:
        known = inspect.signature(function).parameters
    except (TypeError, ValueError):
        known = {}
    if "image_shape" not in known:
        raise UserError(f"{name}: expected a function with an argument image_shape")
    given = {"image_shape", *settings}
    missing = [
        parameter.name
        for parameter in known.values()
        if parameter.name not in given
        and parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if missing:
        raise UserError(
            f"{name}: expected no required arguments beside {', '.join(sorted(given))}; "
            f"it requires {', '.join(missing)}"
        )
    if settings["drop_block"] and "drop_block" not in known:
        raise UserError(f"{name} has no drop_block; resnet12 has")
    return known


def _one_line(error: BaseException) -> str:
    """What an exception says, in one line that is not too long; its type if it says nothing."""
    # Keras prints in colours, and lists all arguments of the layer that failed.
    text = re.sub(r"\x1b\[\d*m", "", str(error)).split("Arguments received by")[0]
    return textwrap.shorten(text, 500, placeholder=" …") or type(error).__name__


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
    check_features(model)
    if not model.trainable_variables:
        raise ValueError("expected a model with weights to learn")
    return model
