"""What the machine refuses, such as a full disk, as errors of one line."""

from __future__ import annotations

import functools
from collections.abc import Callable

import tensorflow as tf

from data_gen.errors import UserError

REFUSALS = (
    tf.errors.DataLossError,
    tf.errors.NotFoundError,
    tf.errors.PermissionDeniedError,
    tf.errors.ResourceExhaustedError,
)


def in_one_line(function: Callable[..., None]) -> Callable[..., None]:
    """Makes what the machine refuses (a full disk, no memory) an error of one line."""

    @functools.wraps(function)
    def wrapped(*args: object, **kwargs: object) -> None:
        try:
            function(*args, **kwargs)
        except (OSError, *REFUSALS) as error:
            raise UserError(str(error).strip().split("\n")[0]) from error

    return wrapped
