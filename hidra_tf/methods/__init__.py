"""Methods by name, and how one is made. Only the table `registry` tells one from another."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from data_gen.errors import UserError
from hidra_tf.methods.entry import ANY_WAY, Parts
from hidra_tf.methods.registry import AIDS, METHODS
from hidra_tf.options import FIXED_HEADS, LOSSES, check_choice, check_counts

if TYPE_CHECKING:
    from hidra_tf.adaptation.inner_loop import InnerLoop
    from hidra_tf.adaptation.losses import Loss
    from hidra_tf.backbones.backbone import Backbone
    from hidra_tf.methods.interface import Method

__all__ = [
    "AIDS",
    "ANY_WAY",
    "METHODS",
    "SETTINGS",
    "Parts",
    "any_way_of",
    "build",
    "check_head_and_loss",
    "check_loss",
    "check_norm",
    "head_of",
    "is_fixed_way",
    "takes_norm",
    "trains",
    "uses",
    "with_class_loss",
]

_INNER = ("inner_steps", "inner_lr", "inner_reduction")
# What only those methods have a use for that say so.
_OPTIONAL = {name for entry in METHODS.values() for name in (*entry.options, *entry.aids)}
# All that `build` takes for one method or another.
SETTINGS = ("first_order", *sorted(_OPTIONAL))


def head_of(name: str, head: str | None) -> str | None:
    """The kind of head that a method has where `head`, or nothing (None), is asked for."""
    own = METHODS[name].head
    return own and (head or own)


def is_fixed_way(name: str, head: str | None = None) -> bool:
    """Whether a method with this head serves only the number of ways that it was made with."""
    return head_of(name, head) in FIXED_HEADS


def any_way_of(method: type[Method]) -> str:
    """The name of the method of a class's kind that takes any number of ways."""
    names = {entry.class_name: entry.any_way for entry in METHODS.values()}
    kin = [names[c.__name__] for c in method.__mro__ if c.__name__ in names]
    return kin[0] if kin else ANY_WAY


def check_head_and_loss(name: str, head: str | None, loss: str | Loss) -> None:
    """Raises `UserError` unless a method can have this head, or its own (None), under this loss."""
    own, heads = head_of(name, head), METHODS[name].heads
    if own is None and head is not None:
        raise UserError(f"head: {name} has its own; received {head}")
    if own is not None and own not in heads:
        raise UserError(f"head: expected {' or '.join(heads)} with {name}, received {own}")
    check_loss(name, loss)


def check_loss(name: str, loss: str | Loss) -> None:
    """Raises `UserError` unless a method can be trained under this loss."""
    taken = METHODS[name].losses
    known = taken == LOSSES if callable(loss) else loss in taken
    if not known:
        raise UserError(f"loss: expected {' or '.join(taken)} with {name}, received {loss}")


def takes_norm(name: str, norm: str) -> bool:
    """Whether a method may have a norm: where steps move the features there are no joint passes."""
    return norm != "joint" or METHODS[name].frozen


def check_norm(name: str, norm: str) -> None:
    """Raises `UserError` unless a method's features can be normalised so."""
    if norm == "running" and not METHODS[name].trains:
        raise UserError(
            f"norm: running statistics are those of a training, and {name} has none; received "
            "running"
        )
    if not takes_norm(name, norm):
        first, *others = (other for other, entry in METHODS.items() if entry.frozen)
        raise UserError(
            f"norm: joint is for methods whose steps leave the features alone "
            f"({', '.join([f'`method={first}`', *others])}); received it with {name}"
        )


def uses(name: str, setting: str) -> bool:
    """Whether a method has a use for a setting of `Config`."""
    entry = METHODS[name]
    if setting in _INNER:
        return entry.steps
    if setting in ("batch_size", "without_replacement"):
        return entry.batches
    if setting in ("meta_batch", "class_loss") and entry.batches:
        return False
    if setting == "head_lr_factor":
        return entry.head is not None or entry.batches or not entry.trains
    if setting in _OPTIONAL:
        return setting in (*entry.options, *entry.aids)
    return setting not in entry.unused


def trains(name: str) -> bool:
    """Whether meta-training changes anything."""
    return METHODS[name].trains


def with_class_loss(method: Method, weight: float, classes: int, seed: int = 0) -> Method:
    """A method in training, with a classifier of all training classes beside its tasks.

    Args:
        method: the method, which has a use for `class_loss`.
        weight: λ, the weight of the classifier's loss.
        classes: the number of training classes.
        seed: the seed of the classifier's initial weights.
    """
    module = import_module("hidra_tf.methods.beside_classes")
    return module.WithClassLoss(method, weight, classes, seed)


def build(
    name: str,
    backbone: Backbone,
    inner: InnerLoop,
    ways: tuple[int, ...],
    *,
    seed: int = 0,
    head: str | None = None,
    task_map: str = "auto",
    **settings: Any,  # noqa: ANN401 — each method's own
) -> Method:
    """The method called `name`, with a head made for it.

    Args:
        name: a key of `METHODS`.
        backbone: the backbone f.
        inner: the inner loop of meta-training.
        ways: the numbers of classes of the training tasks.
        seed: the seed of the head's initial values.
        head: the kind of the head, of `options.HEADS`; None for the method's own.
        task_map: how tasks share the machine; see `hidra_tf.methods.task_map`.
        **settings: those of `SETTINGS`, from which the method takes those
            that it has a use for.

    Raises:
        ValueError: if there is no such method, or a method with a fixed head is given several
            numbers of ways.
        TypeError: if there is no such setting, or `ways` is no sequence.
        UserError: if the method cannot have this head or this loss.
    """
    check_choice("method", name, METHODS)
    check_counts("ways", ways, 1)
    unknown = sorted(settings.keys() - set(SETTINGS))
    if unknown:
        raise TypeError(f"expected settings of methods, received {', '.join(unknown)}")
    check_head_and_loss(name, head, inner.loss)
    fixed = is_fixed_way(name, head)
    if fixed and len(ways) != 1:
        raise ValueError(f"{name} needs one number of ways; received {len(ways)}")
    only = ways[0] if fixed else None
    parts = Parts(backbone, inner, head_of(name, head), only, seed, task_map)
    taken = {setting: value for setting, value in settings.items() if uses(name, setting)}
    entry = METHODS[name]
    return getattr(import_module(entry.module), entry.class_name).assembled(parts, **taken)
