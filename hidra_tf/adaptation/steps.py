"""How steps follow one another: written out, in a loop, or computed again for their gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import TypeVar

import tensorflow as tf

State = TypeVar("State")
# Rates of the P weights that move, at each of U steps: one for each weight tensor, [U, P]; or P
# tensors [U, …], each of which has a rate for every entry of its weight, or is spread over them.
Rates = tf.Tensor | Sequence[tf.Tensor]

# More steps than this between two that are asked for may run in a loop: to trace a hundred steps
# of a backbone takes minutes.
UNROLLED = 10


class Derivatives(Enum):
    """Which derivatives a meta-gradient takes of the inner steps that it passes through.

    Attributes:
        NONE: nothing is differentiated through the steps: a prediction, or Reptile's update.
        FIRST: each step counts as a constant that was added to the weights (first-order MAML).
        SECOND: how a step depends on where it started counts too, a second derivative (MAML).
    """

    NONE = 0
    FIRST = 1
    SECOND = 2


def states_at(
    at_steps: Sequence[int],
    known: Sequence[State],
    step: Callable[[tf.Tensor | int, State], State],
) -> list[State]:
    """What becomes of some tensors by each of S numbers of steps.

    More than `UNROLLED` steps between two of these numbers run in a loop of the graph.

    Args:
        at_steps: S numbers ≥ 0, ascending.
        known: the states after 0, 1, … steps that need no `step`; at least the start.
        step: the number of steps already taken and the state after them → the next state, tensors
            of the same shapes.
    """
    state, taken, found = known[-1], len(known) - 1, []
    for wanted in at_steps:
        if wanted > taken:
            repeat = _in_a_loop if wanted - taken > UNROLLED else _one_by_one
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


def rates_at(rates: Rates | None, step: tf.Tensor | int) -> Rates | None:
    """The rates for one step, of `Rates` without the axis of the steps; beyond U the last ones."""
    if rates is None:
        return None
    return tf.nest.map_structure(lambda own: own[tf.minimum(step, own.shape[0] - 1)], rates)


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
