"""What changes in the course of meta-training: two aids of MAML++ (Antoniou et al., 2019).

- Multi-step loss: at first the query loss counts after every inner step, not only after the last.
- Derivative-order annealing: at first second derivatives are left out.

Both end at a known meta-update, so that training falls into phases, of which each is compiled and
only the running one is paid for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import tensorflow as tf

from hidra_tf.adaptation.inner_loop import InnerLoop

Result = TypeVar("Result")


class Phase(NamedTuple):
    """A part of the training.

    Attributes:
        last: the meta-update before which it ends; None: it does not.
        first_order: whether second derivatives are left out.
        every_step: whether the query loss counts after every inner step.
    """

    last: int | None
    first_order: bool
    every_step: bool


def phases(inner: InnerLoop) -> list[Phase]:
    """The phases of a training, in their order."""
    multi_step = inner.multi_step_loss if inner.steps > 1 else 0
    second_order = 0 if inner.first_order else inner.second_order_after
    ends = sorted({0, multi_step, second_order})
    return [
        Phase(last, inner.first_order or first < second_order, first < multi_step)
        for first, last in zip(ends, [*ends[1:], None], strict=True)
    ]


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


def loss_weights(inner: InnerLoop, step: tf.Tensor | int, dtype: str) -> tf.Tensor:
    """Weights [U] of the query losses after 1 … U inner steps; their sum is 1.

    All 1/U at the first meta-update; those of the earlier steps fall linearly, to reach zero after
    `multi_step_loss` meta-updates (MAML++'s program stops at 3 % of the start).

    Args:
        inner: U and over how many meta-updates.
        step: the number of the meta-update.
        dtype: of the weights.
    """
    done = tf.cast(step, dtype) / tf.cast(inner.multi_step_loss, dtype)
    early = (1 - tf.minimum(done, 1)) / inner.steps
    before = inner.steps - 1
    return tf.concat([tf.fill([before], early), [1 - before * early]], axis=0)
