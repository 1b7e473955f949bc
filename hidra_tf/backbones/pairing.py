"""The weights of two builds of one backbone, paired so that none is left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import keras
import numpy as np

# A message names so many differences.
_SHOWN = 3


def paired(
    theirs: Sequence[keras.Variable], ours: Sequence[keras.Variable]
) -> list[tuple[keras.Variable, keras.Variable]]:
    """Each variable of one build with its counterpart in the other; every variable is in one pair.

    Variables are paired by their paths if both builds have the same paths and no path occurs
    twice. Otherwise the numbers that Keras appends to names (a layer may be conv2d_7 in one build
    and conv2d_12 in the next) are counted anew in the order of the variables, and variables of one
    path, as nested models may have them, are told apart by their order.

    Args:
        theirs: the variables of one build.
        ours: the variables of the other build.

    Returns:
        Pairs (theirs, ours) in the order of `ours`.

    Raises:
        ValueError: if a variable has no counterpart or one of another shape; in one line that
            names the first such variables.
    """
    there, here = _labelled(theirs, ours)
    labels = list({**here, **there})
    wrong = [label for label in labels if _shape(there.get(label)) != _shape(here.get(label))]
    if wrong:
        raise _differ([_difference(there.get(at), here.get(at)) for at in wrong], len(labels))
    return [(there[label], here[label]) for label in labels]


def check_untrained(theirs: keras.Model, ours: keras.Model) -> None:
    """Raises `ValueError` unless two models are equal in all that training leaves alone.

    Frozen weights and the stored statistics of normalisation layers are what the model's function
    made them; a checkpoint of a run does not hold them.
    """
    pairs = paired(theirs.non_trainable_variables, ours.non_trainable_variables)
    wrong = [
        f"{here.path} is not trained and has other values there"
        for there, here in pairs
        if not np.array_equal(there.numpy(), here.numpy())
    ]
    if wrong:
        raise _differ(wrong, len(pairs))


def _labelled(
    theirs: Sequence[keras.Variable], ours: Sequence[keras.Variable]
) -> list[dict[str, keras.Variable]]:
    """Label → variable for both builds; counterparts have equal labels, and all labels differ."""
    sides = (theirs, ours)
    labels = [[variable.path for variable in side] for side in sides]
    if sorted(labels[0]) != sorted(labels[1]) or len(set(labels[0])) < len(labels[0]):
        labels = [_renumbered(paths) for paths in labels]
    return [dict(zip(*pair, strict=True)) for pair in zip(labels, sides, strict=True)]


def _renumbered(paths: Sequence[str]) -> list[str]:
    """The paths, with the numbers in them counted from 0 in order of appearance; all distinct."""
    numbers: dict[tuple[str, str], dict[str, int]] = {}
    seen: Counter[str] = Counter()
    labels = []
    for path in paths:
        label = ""
        for part in path.split("/"):
            stem = re.sub(r"_\d+$", "", part)
            known = numbers.setdefault((label, stem), {})
            label += f"/{stem}#{known.setdefault(part, len(known))}"
        seen[label] += 1
        labels.append(f"{label}#{seen[label]}")
    return labels


def _difference(there: keras.Variable | None, here: keras.Variable | None) -> str:
    path = there.path if here is None else here.path
    return f"{path} is {_shape(there)} there and {_shape(here)} here"


def _differ(differences: Sequence[str], total: int) -> ValueError:
    shown = ", ".join(differences[:_SHOWN]) + (", …" if len(differences) > _SHOWN else "")
    return ValueError(f"{len(differences)} of {total} weights differ: {shown}")


def _shape(variable: keras.Variable | None) -> str:
    if variable is None:
        return "missing"
    return " × ".join(map(str, variable.shape)) or "a number"
