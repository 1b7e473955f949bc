"""All pairs of two sets of maps, some at a time: those of many classes take gigabytes at once."""

from __future__ import annotations

import contextlib
import contextvars
import math
from collections.abc import Callable, Iterator

import tensorflow as tf

# Numbers in the array that holds the maps of a part's pairs.
AT_ONCE = 2**24
_ALLOWED = contextvars.ContextVar("parts_of_pairs", default=False)


@contextlib.contextmanager
def parts(allowed: bool) -> Iterator[None]:
    """Says whether networks within it may make their pairs in parts: where nothing is trained."""
    token = _ALLOWED.set(allowed)
    try:
        yield
    finally:
        _ALLOWED.reset(token)


def are_parts_allowed() -> bool:
    """Whether this is within `parts(True)`."""
    return _ALLOWED.get()


def in_parts(
    compare: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    classes: tf.Tensor,
    images: tf.Tensor,
    row: tuple[int, ...],
) -> tf.Tensor:
    """What a function makes of all pairs, from one part of them after the other.

    A part is as many whole tasks, or else as many images of one task, as stay below `AT_ONCE`. The
    loop is for predictions: a gradient would keep all parts anyway.

    Args:
        compare: a function of maps of classes and of images, as below, to a row for each pair,
            [T·N·C, ...], in which no pair depends on another. Its type is that of the maps.
        classes: [T, C, h, w, c].
        images: [T, N, h, w, c].
        row: the shape of a row.

    Returns:
        The rows [T·N·C, ...] of all classes with the first image, then with the next.
    """
    tasks, ways = tf.unstack(tf.shape(classes)[:2])
    count = tf.shape(images)[1]
    most = max(1, AT_ONCE // math.prod(images.shape[2:]))  # pairs
    together = tf.maximum(most // (count * ways), 1)
    some = tf.where(count * ways <= most, count, tf.maximum(most // ways, 1))
    of_a_task = -(-count // some)

    def part(number: tf.Tensor, found: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        task, image = number // of_a_task * together, number % of_a_task * some
        own = slice(task, task + together)
        rows = compare(classes[own], images[own, image : image + some])
        return number + 1, found.write(number, rows)

    parts = -(-tasks // together) * of_a_task
    found = tf.TensorArray(classes.dtype, parts, element_shape=[None, *row], infer_shape=False)
    start = (tf.constant(0), found)
    _, found = tf.while_loop(lambda number, _: number < parts, part, start, parallel_iterations=1)
    return tf.ensure_shape(found.concat(), [None, *row])
