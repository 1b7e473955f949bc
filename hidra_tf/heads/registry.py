"""Heads by name."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Protocol

import tensorflow as tf

from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.neurons import HeadWeights
from hidra_tf.options import HEADS, check_choice


class Head(Protocol):
    """How the output neurons of a task start out; a `tf.Module`, whose variables are learned.

    Attributes:
        tied: whether all neurons of a task are equal at the start.
        fixed_ways: the only number of classes that the head has neurons for, or None.
        trainable_variables: what meta-training moves.
    """

    tied: bool
    fixed_ways: int | None
    trainable_variables: tuple[tf.Variable, ...]

    def initial(self, ways: tf.Tensor | int) -> HeadWeights:
        """The neurons of a task of `ways` classes: kernel [D, C] and bias [C]."""


def make_head(kind: str, backbone: Backbone, *, ways: int | None = None, seed: int = 0) -> Head:
    """A head by its name.

    The head's class method `of` is called with the backbone, and with those of the other arguments
    that it has.

    Args:
        kind: the name of the head, a key of `options.HEADS`.
        backbone: the backbone for whose features the head is made.
        ways: the number C of neurons of a head that serves one number of classes.
        seed: the seed of the initial values.

    Raises:
        ValueError: if there is no head of that name, or `ways` is wanted and missing.
    """
    check_choice("head", kind, HEADS)
    module, _, name = HEADS[kind].partition(":")
    make = getattr(import_module(module), name).of
    known = inspect.signature(make).parameters
    given = {"ways": ways, "seed": seed}
    return make(backbone, **{key: value for key, value in given.items() if key in known})
