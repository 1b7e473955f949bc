"""Methods by name. The only place that tells one method from another."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from data_gen.errors import UserError
from hidra_tf.options import HEADS, LOSSES

if TYPE_CHECKING:
    from hidra_tf.adaptation.inner_loop import InnerLoop
    from hidra_tf.backbones.backbone import Backbone
    from hidra_tf.methods.base import GradientMethod


class Entry(NamedTuple):
    """A method.

    Attributes:
        module: where it is.
        class_name: its class there, called with backbone, inner loop and `options`.
        head: the kind of its head (`options.HEADS`) unless another is asked for; None: it has
            one of its own, for any number of ways, and there is nothing to ask for.
        heads: the kinds that may be asked for.
        losses: those that it may be trained under, of `options.LOSSES`.
        options: names of the settings that its class takes beside these.
        trains: whether it is meta-trained.
        aids: names of MAML++'s aids that it has a use for, of `AIDS`.
        unused: names of settings of `Config` that most methods have a use for and it has not,
            beside those that `steps` and `batches` tell.
        steps: whether a task is adapted to by inner steps.
        batches: whether it is trained on minibatches of pictures and the classes of the whole
            pool, instead of tasks.
        optimizer: of meta-training unless another is asked for, of `options.OPTIMIZERS`.
        any_way: the method of its kind that takes any number of ways, which its class names too
            (`GradientMethod.any_way`).
    """

    module: str
    class_name: str
    head: str | None = None
    heads: tuple[str, ...] = HEADS
    losses: tuple[str, ...] = LOSSES
    options: tuple[str, ...] = ()
    trains: bool = True
    aids: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    steps: bool = True
    batches: bool = False
    optimizer: str = "adam"
    any_way: str = "hidra"


# Settings of `Config` that help where a meta-gradient goes through inner steps.
AIDS = ("multi_step_loss", "learn_inner_lr", "second_order_after")


_INNER = ("inner_steps", "inner_lr", "inner_reduction")
_HYPER = ("hyper_layers", "hyper_width", "enhancement")

# Nothing is imported before it is asked for, so that `--help` needs no TensorFlow.
METHODS = {
    "hidra": Entry("hidra_tf.methods.hidra", "Hidra", head="master", aids=AIDS),
    "maml": Entry("hidra_tf.methods.maml", "Maml", head="per_class", aids=AIDS),
    "fomaml": Entry(
        "hidra_tf.methods.fomaml",
        "FirstOrderMaml",
        head="per_class",
        aids=AIDS[:2],
        unused=("first_order",),
    ),
    "reptile": Entry(
        "hidra_tf.methods.reptile",
        "Reptile",
        head="per_class",
        unused=("first_order", "adapt_norm"),
        optimizer="sgd",
    ),
    "anil": Entry(
        "hidra_tf.methods.anil", "Anil", head="per_class", aids=AIDS, unused=("adapt_norm",)
    ),
    "protonet": Entry(
        "hidra_tf.methods.protonet",
        "ProtoNet",
        unused=("first_order", "adapt_norm"),
        steps=False,
    ),
    "finetune": Entry(
        "hidra_tf.methods.finetune",
        "Finetune",
        options=("classes",),
        unused=("first_order", "adapt_norm"),
        batches=True,
    ),
    "hypermaml": Entry(
        "hidra_tf.methods.hypermaml",
        "HyperMaml",
        head="per_class",
        heads=("per_class",),
        options=(*_HYPER, "switch"),
        any_way="hyperhidra",
    ),
    "hyperhidra": Entry(
        "hidra_tf.methods.hyperhidra",
        "HyperHidra",
        head="master",
        heads=("master", "zero"),
        losses=("softmax",),
        options=_HYPER,
    ),
    # What every training has (steps, meta_batch, meta_lr, …) is not called unused: that nothing is
    # trained is plain, and a comparison gives all its methods the same flags.
    "random": Entry(
        "hidra_tf.methods.random_init", "RandomInit", trains=False, unused=("first_order",)
    ),
}

# What only those methods have a use for that say so.
_OPTIONAL = {name for entry in METHODS.values() for name in (*entry.options, *entry.aids)}


def head_of(name: str, head: str | None) -> str | None:
    """The kind of head that a method has where `head` is asked for (None: nothing is)."""
    own = METHODS[name].head
    return own and (head or own)


def is_fixed_way(name: str, head: str | None = None) -> bool:
    """Whether a method with this head serves only the number of ways that it was made with."""
    return head_of(name, head) == "per_class"


def check_head_and_loss(name: str, head: str | None, loss: str) -> None:
    """Raises `UserError` unless a method can have this head (None: its own) under this loss."""
    entry = METHODS[name]
    asked = {"head": (head_of(name, head), entry.heads), "loss": (loss, entry.losses)}
    for setting, (value, taken) in asked.items():
        if value is not None and value not in taken:
            raise UserError(
                f"{setting}: expected {' or '.join(taken)} with {name}, received {value}"
            )


def uses(name: str, setting: str) -> bool:
    """Whether a method has a use for a setting of `Config`."""
    entry = METHODS[name]
    if setting in _INNER:
        return entry.steps
    if setting in ("batch_size", "meta_batch"):
        return entry.batches == (setting == "batch_size")
    if setting in _OPTIONAL:
        return setting in (*entry.options, *entry.aids)
    return setting not in entry.unused


def trains(name: str) -> bool:
    """Whether meta-training changes anything."""
    return METHODS[name].trains


def build(
    name: str,
    backbone: Backbone,
    inner: InnerLoop,
    ways: tuple[int, ...],
    seed: int,
    head: str | None = None,
    task_map: str = "auto",
    **settings: Any,  # noqa: ANN401 — each method's own
) -> GradientMethod:
    """The method called `name`.

    Args:
        name: a key of `METHODS`.
        backbone: f_θ.
        inner: the inner loop of meta-training.
        ways: the numbers of classes of the training tasks.
        seed: of the head's initial values.
        head: its kind; None: the method's own.
        task_map: see `hidra_tf.methods.task_map`.
        **settings: from which the method takes its `options`, those that are there.

    Raises:
        ValueError: if a method with a fixed head is given several numbers of ways.
    """
    entry = METHODS[name]
    method: Callable[..., GradientMethod] = getattr(import_module(entry.module), entry.class_name)
    if is_fixed_way(name, head) and len(ways) != 1:
        raise ValueError(f"{name} needs one number of ways; received {len(ways)}")
    options = {option: settings[option] for option in entry.options if option in settings}
    if entry.head is not None:
        options |= {"ways": ways[0], "head": head_of(name, head)}
    return method(backbone, inner, seed=seed, task_map=task_map, **options)
