"""Whether the network is in meta-training, and in which meta-update.

Keras's argument `training` cannot say it: a task's tests may be normalised by batch statistics too.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator

import tensorflow as tf

_META_UPDATE: contextvars.ContextVar[tf.Tensor | int | None] = contextvars.ContextVar(
    "meta_update", default=None
)


@contextlib.contextmanager
def meta_training(step: tf.Tensor | int = 0) -> Iterator[None]:
    """Within it, and in all functions that are compiled within it, the network is meta-trained.

    `DropBlock` then drops, and `norm="running"` normalises by batch statistics.

    Args:
        step: the number of the meta-update, an integer ≥ 0.
    """
    token = _META_UPDATE.set(step)
    try:
        yield
    finally:
        _META_UPDATE.reset(token)


def meta_update() -> tf.Tensor | int | None:
    """The number of the meta-update that is being computed; None outside of meta-training."""
    return _META_UPDATE.get()
