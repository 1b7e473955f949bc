"""How steps follow one another: written out, in a loop, or computed again for their gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import tensorflow as tf

State = TypeVar("State")

# More steps than this between two that are asked for may run in a loop: to trace a hundred steps
# of a backbone takes minutes.
UNROLLED = 10


def states_at(
    at_steps: Sequence[int],
    known: Sequence[State],
    step: Callable[[tf.Tensor | int, State], State],
    loops: bool = True,
) -> list[State]:
    """What becomes of some tensors by each of S numbers of steps.

    Args:
        at_steps: S numbers ≥ 0, ascending.
        known: the states after 0, 1, … steps that need no `step`; at least the start.
        step: the number of steps already taken and the state after them → the next state, tensors
            of the same shapes.
        loops: whether more than `UNROLLED` steps may run in a loop.
    """
    state, taken, found = known[-1], len(known) - 1, []
    for wanted in at_steps:
        if wanted > taken:
            looped = loops and wanted - taken > UNROLLED
            repeat = _in_a_loop if looped else _one_by_one
            state, taken = repeat(step, state, taken, wanted), wanted
        found.append(known[wanted] if wanted < len(known) else state)
    return found


def _one_by_one(
    step: Callable[[int, State], State], state: State, taken: int, wanted: int
) -> State:
    """The state after `wanted` steps, given that after `taken`."""
    for number in range(taken, wanted):
        state = step(number, state)
    return state


def _in_a_loop(
    step: Callable[[tf.Tensor, State], State], state: State, taken: int, wanted: int
) -> State:
    """The same from a graph that holds one step."""
    return tf.while_loop(
        lambda number, _: number < wanted,
        lambda number, state: (number + 1, step(number, state)),
        (tf.constant(taken), state),
    )[1]


def rates_at(rates: tf.Tensor | None, step: tf.Tensor | int) -> tf.Tensor | None:
    """The row [P] of learned rates [U, P] for a step; beyond U the last one."""
    return None if rates is None else rates[tf.minimum(step, rates.shape[0] - 1)]


def recomputed(function: Callable[..., list[tf.Tensor]]) -> Callable[..., list[tf.Tensor]]:
    """A function of tensors that keeps only these for its gradient, and is then computed again.

    `tf.recompute_grad` will not do: it stops all tapes, that of an inner step among them.
    """

    @tf.custom_gradient
    def forward(*inputs: tf.Tensor) -> tuple[list[tf.Tensor], object]:
        def backward(*upstream: tf.Tensor) -> list[tf.Tensor]:
            # Not before the gradient arrives, nor merged with the first computation.
            with tf.control_dependencies(upstream):
                sources = [tf.identity(x) for x in inputs]
            with tf.GradientTape() as tape:
                tape.watch(sources)
                outputs = function(*sources)
            return tape.gradient(outputs, sources, upstream, unconnected_gradients="zero")

        return function(*inputs), backward

    return forward
