"""What the machine refuses, such as memory or a full disk, as errors of one line."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import tensorflow as tf

from data_gen.errors import UserError
from hidra_tf.runs.config import Config, show
from hidra_tf.runs.place import folder

# Besides what `OSError` is: a damaged, missing or forbidden file, and a full disk.
REFUSALS = (
    tf.errors.DataLossError,
    tf.errors.NotFoundError,
    tf.errors.PermissionDeniedError,
    tf.errors.ResourceExhaustedError,
)
# What TensorFlow, XLA and the allocators of the CPU and of GPUs say when memory ran out.
_OUT_OF_MEMORY = re.compile(
    r"\bOOM\b|out of memory|failed to allocate|could not allocate|bad_alloc|unable to allocate",
    re.IGNORECASE,
)
Result = TypeVar("Result")

_DEVICE = re.compile(r"/device:(\w+:\d+)|\b([CG]PU:\d+)\b")
_SHAPE = re.compile(r"shape\s*(\[[\d,\s]*\])")
# Lines that TensorFlow puts before and around what happened.
_AROUND = re.compile(r"Graph execution error:|Detected at node|<stack traces|File \"|Hint:|\[\[|$")
_DECISIVE = (
    "meta_batch", "batch_size", "train_ways", "shots", "query_shots", "image_size", "inner_steps",
    "filters",
)  # fmt: skip
_HELPS = (
    "what helps: a smaller `meta_batch`, `recompute`, `precision=bfloat16`, fewer `filters`, a "
    "smaller `image_size`, or `pictures=host` on a GPU"
)


def in_one_line(function: Callable[..., Result]) -> Callable[..., Result]:
    """Makes what the machine refuses an error of one line.

    Args:
        function: called with a `Config`, or with the folder of a run, among its arguments.
    """

    @functools.wraps(function)
    def wrapped(*args: object, **kwargs: object) -> Result:
        try:
            return function(*args, **kwargs)
        except (OSError, MemoryError, tf.errors.OpError) as error:
            if is_out_of_memory(error):
                raise UserError(_memory(error, _config([*args, *kwargs.values()]))) from error
            if not isinstance(error, (OSError, *REFUSALS)):
                raise
            raise UserError(said(error)) from error

    return wrapped


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out; a full disk is none, though TensorFlow's is."""
    return isinstance(error, MemoryError) or (
        isinstance(error, tf.errors.OpError) and bool(_OUT_OF_MEMORY.search(str(error)))
    )


def said(error: BaseException) -> str:
    """The one line of an error that says what happened."""
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [line for line in lines if not _AROUND.match(line)]
    return (telling or [line for line in lines if line] or [type(error).__name__])[0]


def _memory(error: BaseException, config: Config | None) -> str:
    """What ran out, for which settings, and what helps."""
    text = str(error)
    device = _DEVICE.search(text)
    where = (device[1] or device[2]) if device else "the host"
    shape = _SHAPE.search(text)
    wanted = f" when an array of shape {shape[1]} was made" if shape else ""
    return f"memory ran out on {where}{wanted}{_settings(config)}; {_HELPS}"


def _settings(config: Config | None) -> str:
    if config is None:
        return ""
    values = {name: getattr(config, name) for name in _DECISIVE}
    shown = (f"`{name}={show(value)}`" for name, value in values.items() if value is not None)
    return f" with {', '.join(shown)}"


def _config(arguments: list[object]) -> Config | None:
    """The settings that are among some arguments, or in the run whose folder is."""
    for argument in arguments:
        if isinstance(argument, Config):
            return argument
    for argument in arguments:
        if isinstance(argument, Path):
            return folder.find(argument)
    return None
