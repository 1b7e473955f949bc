"""What methods with a hypernetwork have in common: it makes the first update of a task."""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable, Sequence
from typing import Any

from data_gen.episodes import Episodes
from hidra_tf.adaptation.inner_loop import InnerLoop, TaskWeights
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.hyper_heads import AnyWayHyperHead, HyperHead
from hidra_tf.methods import Parts
from hidra_tf.methods.gradient import GradientMethod
from hidra_tf.methods.objective import PREDICTION, Objective


class HyperMethod(GradientMethod):
    """Adapts by one update of the head that a hypernetwork makes, without a gradient.

    In the numbers of steps, 0 is the universal classifier as it is, 1 the hypernetwork's update,
    which is the method, and any more are gradient steps from there, which nobody has published.

    Subclasses say in `first_step` what the update is, in `head_class` which head makes it, in
    `make_head` how the registry gets one, and in `head_options` with which settings of their own.

    Args:
        backbone: the backbone f with its weights θ, the HyperMAML paper's encoder.
        inner: the inner loop of steps after the update.
        head: the head with its hypernetwork.
        first_order: whether meta-gradients ignore how a step depends on where it started.
        task_map: how tasks with weights of their own are run; see `hidra_tf.methods.task_map`.
        temperature: what the queries' logits are divided by before their loss; see
            `EpisodicMethod`.

    Raises:
        TypeError: if the head is of another class.
    """

    head_class: type
    head_options: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        backbone: Backbone,
        inner: InnerLoop,
        head: HyperHead | AnyWayHyperHead,
        first_order: bool = False,
        task_map: str = "auto",
        temperature: float = 1.0,
    ) -> None:
        if not isinstance(head, self.head_class):
            raise TypeError(
                f"head: expected a {self.head_class.__name__}, received a {type(head).__name__}"
            )
        super().__init__(
            backbone=backbone,
            inner=inner,
            head=head,
            first_order=first_order,
            task_map=task_map,
            temperature=temperature,
        )

    @classmethod
    def assembled(
        cls,
        parts: Parts,
        *,
        hyper_layers: int = 3,
        hyper_width: int = 256,
        enhancement: bool = True,
        **options: Any,  # noqa: ANN401 — of the constructor
    ) -> HyperMethod:
        """The method from what the registry's `build` is given."""
        network = {"layers": hyper_layers, "width": hyper_width, "enhancement": enhancement}
        own = {name: options.pop(name) for name in cls.head_options if name in options}
        return cls(
            backbone=parts.backbone,
            inner=parts.inner,
            head=cls.make_head(parts, **network, **own, seed=parts.seed),
            task_map=parts.task_map,
            **options,
        )

    @classmethod
    @abc.abstractmethod
    def make_head(cls, parts: Parts, **network: Any) -> HyperHead | AnyWayHyperHead:  # noqa: ANN401
        """The head with its hypernetwork.

        Args:
            parts: what the method is made of.
            **network: `layers`, `width`, `enhancement`, `seed`, and those of `head_options` that
                were given.
        """

    @property
    def free_steps(self) -> int:
        """The hypernetwork's update does not move the backbone."""
        return 1

    def adaptation(
        self, task: Episodes, objective: Objective = PREDICTION
    ) -> Callable[[Sequence[int]], list[TaskWeights]]:
        """The adaptation of a gradient method, with the hypernetwork's update as its first step."""
        first_step = functools.partial(self.first_step, objective=objective)
        return functools.partial(super().adaptation(task, objective), first_step=first_step)

    def needs_class_means_only(self, at_steps: Sequence[int]) -> bool:
        """The hypernetwork may look at single pictures."""
        del at_steps
        return False
