"""What changes in the course of meta-training: two aids of MAML++ (Antoniou et al., 2019).

- Multi-step loss: at first the query loss counts after every inner step, not only after the last.
- Derivative-order annealing: at first second derivatives are left out.

Both end at a known meta-update, so that training falls into phases, of which each is compiled and
only the running one is paid for (https://arxiv.org/abs/1810.09502).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import tensorflow as tf

from hidra_tf.adaptation.steps import Derivatives
from hidra_tf.methods.objective import Objective
from hidra_tf.options import check_count

Result = TypeVar("Result")


class Phase(NamedTuple):
    """A part of the training.

    Attributes:
        last: the meta-update before which it ends; the last phase, which does not end, has None.
        first_order: whether second derivatives are left out.
        every_step: whether the query loss counts after every inner step.
    """

    last: int | None
    first_order: bool
    every_step: bool


@dataclass(frozen=True)
class Annealing:
    """How the meta-objective changes in the course of a training.

    Attributes:
        first_order: whether second derivatives are left out at all times.
        multi_step_loss: the number of meta-updates over which the query loss counts after every
            inner step; see `loss_weights`.
        second_order_after: the number of meta-updates without second derivatives, before those
            with them.

    Raises:
        ValueError: if a number is negative.
    """

    first_order: bool = False
    multi_step_loss: int = 0
    second_order_after: int = 0

    def __post_init__(self) -> None:
        check_count("multi_step_loss", self.multi_step_loss, 0)
        check_count("second_order_after", self.second_order_after, 0)

    def phases(self, steps: int) -> list[Phase]:
        """The phases of a training with U inner steps, in their order."""
        multi_step = self.multi_step_loss if steps > 1 else 0
        second_order = 0 if self.first_order else self.second_order_after
        ends = sorted({0, multi_step, second_order})
        return [
            Phase(last, self.first_order or first < second_order, first < multi_step)
            for first, last in zip(ends, [*ends[1:], None], strict=True)
        ]

    def objective(self, phase: Phase, steps: int, step: tf.Tensor | int, dtype: str) -> Objective:
        """What is minimised in a phase.

        Args:
            phase: one of `phases`.
            steps: the number U of inner steps.
            step: the number of the meta-update.
            dtype: the type of the losses.
        """
        derivatives = Derivatives.FIRST if phase.first_order else Derivatives.SECOND
        if not phase.every_step:
            return Objective(derivatives, (steps,), step=step)
        weights = loss_weights(self.multi_step_loss, steps, step, dtype)
        return Objective(derivatives, tuple(range(1, steps + 1)), weights, step)


def at(
    step: tf.Tensor | int, phases: Sequence[Phase], function: Callable[[Phase], Result]
) -> Result:
    """`function` of the phase that the meta-update number `step` belongs to."""
    phase, *later = phases
    if not later:
        return function(phase)
    return tf.cond(
        tf.convert_to_tensor(step) < phase.last,
        lambda: function(phase),
        lambda: at(step, later, function),
    )


def loss_weights(updates: int, steps: int, step: tf.Tensor | int, dtype: str) -> tf.Tensor:
    """Weights [U] of the query losses after 1 … U inner steps; their sum is 1.

    All 1/U at the first meta-update; those of the earlier steps fall linearly, to reach zero after
    `updates` meta-updates (MAML++'s program stops at 3 % of the start).

    Args:
        updates: the number of meta-updates over which they fall.
        steps: the number U of inner steps.
        step: the number of the meta-update.
        dtype: the type of the weights.
    """
    done = tf.cast(step, dtype) / tf.cast(updates, dtype)
    early = (1 - tf.minimum(done, 1)) / steps
    before = steps - 1
    return tf.concat([tf.fill([before], early), [1 - before * early]], axis=0)
