"""Labels of any kind: which classes there are, and which of them each picture has."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence, Set
from typing import Any

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from hidra_tf.classifier.errors import InputError


def as_labels(labels: Sequence[Hashable] | np.ndarray, pictures: int) -> list[Hashable]:
    """The labels of some pictures, as plain Python values.

    Args:
        labels: one hashable label for each picture.
        pictures: the number of pictures.

    Raises:
        InputError: if there is another number of labels, if they form a table, are measurements
            instead of classes, or cannot be told apart.
    """
    if labels is None:
        raise InputError("This classifier requires y to be passed, but the target y is None.")
    listed = hasattr(labels, "__len__") or hasattr(labels, "__array__")
    if isinstance(labels, str | bytes | Set | Mapping) or not listed:
        raise InputError(f"labels: expected one label for each picture; received {labels!r}")
    array = _array(labels)
    if array.dtype != object:
        try:
            check_classification_targets(array)
        except ValueError as error:
            raise InputError(f"labels: {error}") from error
    values = array.tolist()
    if len(values) != pictures:
        raise InputError(
            f"labels: expected {pictures}, one for each picture; received {len(values)}"
        )
    kinds: dict[Hashable, type] = {}
    for value in values:
        _check(value)
        if kinds.setdefault(value, type(value)) is not type(value):
            raise InputError(
                f"labels: expected equal labels to be of one type; received {value!r} as "
                f"{kinds[value].__name__} and as {type(value).__name__}"
            )
    return values


def ordered(labels: set[Hashable]) -> list[Hashable]:
    """Labels in their order; those that have none among themselves by their kind and name."""
    try:
        return sorted(labels)
    except TypeError:
        return sorted(labels, key=lambda label: (type(label).__name__, str(label)))


def classes_array(classes: Sequence[Hashable]) -> np.ndarray:
    """Classes as an array [C] of their own type, or of objects where they have none in common."""
    kinds = {type(label) for label in classes}
    if len(kinds) == 1 and kinds <= {bool, int, float, str}:
        return np.array(list(classes))
    return _objects(classes)


def _array(labels: Any) -> np.ndarray:  # noqa: ANN401 — whatever a caller gives
    """Labels [N], of which tuples are not taken for the rows of a table."""
    if hasattr(labels, "__array__"):
        if np.ma.is_masked(labels):
            raise InputError("labels: expected a label for each picture; received masked ones")
        array = np.asarray(labels)
        try:
            return column_or_1d(array, warn=True)
        except ValueError as error:
            raise InputError(
                f"labels: expected a shape [N]; received {list(array.shape)}"
            ) from error
    values = [value.item() if isinstance(value, np.generic) else value for value in labels]
    kinds = {type(value) for value in values}
    return (
        np.array(values)
        if kinds <= {bool, int, float, str} and len(kinds) == 1
        else (_objects(values))
    )


def _objects(values: Sequence[Hashable]) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = list(values)
    return array


def _check(label: object) -> None:
    try:
        hash(label)
    except TypeError as error:
        raise InputError(f"labels: expected hashable labels; received {label!r}") from error
    if label is None or label != label:
        raise InputError(f"labels: expected a label for each picture; received {label!r}")
