"""Names that a user can choose from, and checks of arguments; free of TensorFlow."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable

NORMS = ("transductive", "support", "joint", "running", "affine", "none")
# Those for methods whose steps move the features.
ADAPTABLE = tuple(name for name in NORMS if name != "joint")
# Under these, a query's prediction depends on the other queries.
TRANSDUCTIVE = ("transductive", "joint")
# Those that a network trained under one of them can be tested under: its weights mean the same.
BY_STATISTICS = ("transductive", "support", "joint", "running")
# Each with the class whose method `of` makes it for a backbone.
HEADS = {
    "master": "hidra_tf.heads.neurons:MasterHead",
    "zero": "hidra_tf.heads.neurons:ZeroHead",
    "per_class": "hidra_tf.heads.neurons:FixedHead",
}
# Those that are made for one number of ways.
FIXED_HEADS = ("per_class",)
# How a hypernetwork corrects HIDRA's first step. The first is for new runs; earlier ones have the
# second.
CORRECTIONS = ("midpoint", "step")
LOSSES = ("softmax", "sigmoid", "mse")
OPTIMIZERS = ("adam", "sgd")
SCHEDULES = ("constant", "cosine", "multistep")
# Under these, the learning rate of every meta-update depends on how many there will be.
SCHEDULES_OVER_STEPS = ("cosine",)
REDUCTIONS = ("mean", "per_class")
VAL_CLASSIFIERS = ("head", "nearest_mean")
INNER_LOOPS = ("auto", "generic")
TASK_MAPS = ("auto", "loop", "unrolled", "vectorized")
# Each with its Keras dtype policy.
PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
# Each with the function that makes it; any other function may be named as these are.
BACKBONES = {
    "conv4": "hidra_tf.backbones.conv4:conv4",
    "conv4_gap": "hidra_tf.backbones.conv4:conv4_gap",
    "conv4_np": "hidra_tf.backbones.conv4_np:conv4_np",
    "resnet12": "hidra_tf.backbones.resnet12:resnet12",
}


def setting_of(norm: str) -> str:
    """What the literature calls an accuracy under a norm: `transductive` or `inductive`."""
    return "transductive" if norm in TRANSDUCTIVE else "inductive"


def check_choice(name: str, value: object, choices: Iterable[str], other: str = "") -> None:
    """Raises `ValueError` unless the argument called `name` is one of the `choices`.

    Args:
        name: the argument's name.
        value: what was given for it.
        choices: the names that it may have.
        other: what it may be besides, in words.
    """
    choices = tuple(choices)
    if not isinstance(value, str) or value not in choices:
        known = " ".join(filter(None, [f"one of {', '.join(choices)}", other]))
        raise ValueError(f"{name}: expected {known}; received {value!r}")


def check_count(name: str, value: object, least: int) -> None:
    """Raises `ValueError` unless the argument called `name` is an integer of at least `least`."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or value < least:
        raise ValueError(f"{name}: expected an integer of at least {least}; received {value!r}")


def check_positive(name: str, value: object) -> None:
    """Raises `ValueError` unless the argument called `name` is a finite number above 0."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not 0 < value < math.inf:
        raise ValueError(f"{name}: expected a finite number above 0; received {value!r}")


def check_not_negative(name: str, value: object) -> None:
    """Raises `ValueError` unless the argument called `name` is a finite number, 0 or more."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not 0 <= value < math.inf:
        raise ValueError(f"{name}: expected a finite number of 0 or more; received {value!r}")


def check_share(name: str, value: object) -> None:
    """Raises `ValueError` unless the argument called `name` is a number in [0, 1)."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not 0 <= value < 1:
        raise ValueError(f"{name}: expected a number from 0, below 1; received {value!r}")


def check_counts(name: str, values: object, least: int) -> None:
    """Raises unless the argument called `name` is a sequence of integers of at least `least`.

    Raises:
        TypeError: if it is no sequence.
        ValueError: if it is empty, or holds something else.
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(
            f"{name}: expected a sequence of integers, such as (5,); received {values!r}"
        )
    if not list(values):
        raise ValueError(f"{name}: expected at least one integer; received {values!r}")
    for value in values:
        check_count(name, value, least)
