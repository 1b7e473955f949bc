"""Methods by name. The only place that tells one method from another."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hidra_tf.adaptation import InnerLoop
    from hidra_tf.backbones import Backbone
    from hidra_tf.methods.base import GradientMethod

# Name → (module, class, whether it is made for one number of ways). Nothing is imported before
# it is asked for, so that `--help` needs no TensorFlow.
METHODS = {
    "hidra": ("hidra_tf.methods.hidra", "Hidra", False),
    "maml": ("hidra_tf.methods.maml", "Maml", True),
    "random": ("hidra_tf.methods.random_init", "RandomInit", False),
}


def is_fixed_way(name: str) -> bool:
    """Whether a method's head serves only the number of ways that it was made with."""
    return METHODS[name][2]


def build(
    name: str, backbone: Backbone, inner: InnerLoop, ways: tuple[int, ...], seed: int
) -> GradientMethod:
    """The method called `name`.

    Args:
        name: a key of `METHODS`.
        backbone: f_θ.
        inner: the inner loop of meta-training.
        ways: the numbers of classes of the training tasks.
        seed: of the head's initial values.

    Raises:
        ValueError: if a method with a fixed head is given several numbers of ways.
    """
    module, class_name, fixed_way = METHODS[name]
    method: Callable[..., GradientMethod] = getattr(import_module(module), class_name)
    if not fixed_way:
        return method(backbone, inner, seed=seed)
    if len(ways) != 1:
        raise ValueError(f"{name} needs one number of ways; received {len(ways)}")
    return method(backbone, inner, ways=ways[0], seed=seed)
