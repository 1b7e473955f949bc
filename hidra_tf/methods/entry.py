"""A line of the registry of methods, and what a method is made of; free of TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hidra_tf.adaptation.head_sgd import HeadSgd
from hidra_tf.options import HEADS, LOSSES

if TYPE_CHECKING:
    from hidra_tf.adaptation.inner_loop import InnerLoop
    from hidra_tf.backbones.backbone import Backbone

# The method that takes any number of ways where a method's own kind has none.
ANY_WAY = "hidra"


class Parts(NamedTuple):
    """What a method is made of, as its class method `assembled` gets it.

    Attributes:
        backbone: the backbone f.
        inner: the inner loop of meta-training.
        head: the kind of the head, of `options.HEADS`; None where the method has one of its own.
        ways: the number C of classes of all training tasks, where the head is made for one number.
        seed: the seed of the head's initial values.
        task_map: how tasks share the machine; see `hidra_tf.methods.task_map`.
    """

    backbone: Backbone
    inner: InnerLoop
    head: str | None
    ways: int | None
    seed: int
    task_map: str


class Entry(NamedTuple):
    """A method, and all that is known of it before TensorFlow is imported.

    Attributes:
        module: the module where it is.
        class_name: its class there, whose class method `assembled` takes `Parts` and those of
            `options`, `aids` and `first_order` that it has a use for.
        head: the kind of its head (`options.HEADS`) unless another is asked for; None where it has
            one of its own, for any number of ways, and there is nothing to ask for.
        heads: the kinds of head that may be asked for.
        losses: the losses that it may be trained under, of `options.LOSSES`. One's own are taken
            where all of these are.
        options: names of the settings that it takes beside those that most methods take.
        trains: whether it is meta-trained.
        aids: names of MAML++'s aids that it has a use for, of `AIDS`.
        unused: names of settings of `Config` that most methods have a use for and it has not,
            beside those that `steps` and `batches` tell.
        steps: whether a task is adapted to by inner steps.
        batches: whether it is trained on minibatches of pictures and the classes of the whole
            pool, instead of tasks.
        frozen: whether tasks are solved on features that no step changes, as `norm="joint"` needs.
        optimizer: the optimizer of meta-training unless another is asked for, of
            `options.OPTIMIZERS`.
        any_way: the method of its kind that takes any number of ways.
        head_sgd: how it trains a new head for a task unless otherwise asked, where it does.
    """

    module: str
    class_name: str
    head: str | None = None
    heads: tuple[str, ...] = tuple(HEADS)
    losses: tuple[str, ...] = LOSSES
    options: tuple[str, ...] = ()
    trains: bool = True
    aids: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    steps: bool = True
    batches: bool = False
    frozen: bool = False
    optimizer: str = "adam"
    any_way: str = ANY_WAY
    head_sgd: HeadSgd = HeadSgd()
