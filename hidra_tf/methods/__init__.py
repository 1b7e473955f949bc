"""Methods by name. The only place that tells one method from another."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from hidra_tf.adaptation import InnerLoop
    from hidra_tf.backbones import Backbone
    from hidra_tf.methods.base import GradientMethod


class Entry(NamedTuple):
    """A method: where it is, whether it serves one number of ways only, and is meta-trained."""

    module: str
    class_name: str
    fixed_way: bool = False
    trains: bool = True


# Nothing is imported before it is asked for, so that `--help` needs no TensorFlow.
METHODS = {
    "hidra": Entry("hidra_tf.methods.hidra", "Hidra"),
    "maml": Entry("hidra_tf.methods.maml", "Maml", fixed_way=True),
    "random": Entry("hidra_tf.methods.random_init", "RandomInit", trains=False),
}


def is_fixed_way(name: str) -> bool:
    """Whether a method's head serves only the number of ways that it was made with."""
    return METHODS[name].fixed_way


def trains(name: str) -> bool:
    """Whether meta-training changes anything."""
    return METHODS[name].trains


def build(
    name: str,
    backbone: Backbone,
    inner: InnerLoop,
    ways: tuple[int, ...],
    seed: int,
    task_map: str = "auto",
) -> GradientMethod:
    """The method called `name`.

    Args:
        name: a key of `METHODS`.
        backbone: f_θ.
        inner: the inner loop of meta-training.
        ways: the numbers of classes of the training tasks.
        seed: of the head's initial values.
        task_map: see `hidra_tf.task_map`.

    Raises:
        ValueError: if a method with a fixed head is given several numbers of ways.
    """
    entry = METHODS[name]
    method: Callable[..., GradientMethod] = getattr(import_module(entry.module), entry.class_name)
    if not entry.fixed_way:
        return method(backbone, inner, seed=seed, task_map=task_map)
    if len(ways) != 1:
        raise ValueError(f"{name} needs one number of ways; received {len(ways)}")
    return method(backbone, inner, ways=ways[0], seed=seed, task_map=task_map)
