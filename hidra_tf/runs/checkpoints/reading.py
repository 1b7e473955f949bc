"""Looks at a checkpoint before anything is taken from it: whether it can be read, and fits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import tensorflow as tf

from data_gen.errors import UserError

# What TensorFlow raises for a damaged, truncated or foreign checkpoint.
DAMAGE = (tf.errors.OpError, ValueError, AssertionError, LookupError, RuntimeError)

# What a checkpoint holds of a method: what is learned, and running statistics where there are any.
VALUES = ("variables", "statistics")

_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"


class MisfitError(UserError):
    """A checkpoint that can be read, but holds other weights than the run's settings ask for."""


def examine(prefix: Path, shapes: Mapping[str, Sequence[Sequence[int]]]) -> None:
    """Reads all of a checkpoint, whose checksums TensorFlow then verifies.

    Args:
        prefix: the path of its files without their suffixes.
        shapes: one of `VALUES` → the shapes of what it should hold, in their order; it may hold
            more.

    Raises:
        MisfitError: if it holds other weights.
        Exception: one of `DAMAGE`, if it cannot be read.
    """
    reader = tf.train.load_checkpoint(str(prefix))
    for name in reader.get_variable_to_shape_map():
        reader.get_tensor(name)
    for name, expected in shapes.items():
        _check_fit(prefix, [tuple(shape) for shape in expected], _weights(reader, name), name)


def weights_digest(prefix: Path) -> str | None:
    """A digest of the weights in a checkpoint; None if they cannot be read.

    The same weights have the same one, whether the optimizer's state lies beside them or not.
    """
    digest = hashlib.sha256()
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        for name in sorted(reader.get_variable_to_shape_map()):
            # Everything is read: what is damaged elsewhere cannot be restored either.
            values = reader.get_tensor(name)
            if name.split("/")[0] in VALUES:
                digest.update(f"{name} {values.dtype} {values.shape}".encode())
                digest.update(values.tobytes())
    except DAMAGE:
        return None
    return digest.hexdigest()


def best_accuracy(prefix: Path) -> float | None:
    """The best validation accuracy that a checkpoint has noted; None if it cannot be read."""
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        found = float(reader.get_tensor(f"best_accuracy{_VALUE}"))
    except DAMAGE:
        return None
    return found if found >= 0 else None


def _weights(reader: tf.train.CheckpointReader, part: str) -> list[tuple[int, ...]]:
    """The shapes of one of `VALUES`, in their order."""
    shapes = reader.get_variable_to_shape_map()
    count = sum(name.startswith(f"{part}/") for name in shapes)
    return [tuple(shapes[f"{part}/{i}{_VALUE}"]) for i in range(count)]


def _check_fit(
    prefix: Path, expected: list[tuple[int, ...]], received: list[tuple[int, ...]], part: str
) -> None:
    # Further weights may follow: a classifier of the training classes is left out of evaluations.
    if received[: len(expected)] == expected:
        return
    what = {"variables": "weight", "statistics": "running statistic"}[part]
    if len(expected) > len(received):
        said = f"{len(expected)} {what}s, received {len(received)}"
    else:
        pairs = enumerate(zip(expected, received, strict=False))
        i, (ours, theirs) = next((i, pair) for i, pair in pairs if pair[0] != pair[1])
        said = f"{what} {i} of shape {list(ours)}, received {list(theirs)}"
    raise MisfitError(
        f"checkpoint {prefix} does not fit the run's config.json: expected {said}; "
        "one of the two is damaged or of another run"
    )
