"""How the tasks of a meta-batch share the machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import tensorflow as tf

from data_gen.episodes import Episodes
from data_gen.sources import has_gpu
from hidra_tf.options import TASK_MAPS

Result = TypeVar("Result")

# Iterations of the loop over tasks that may overlap.
IN_FLIGHT = 10
# Tasks whose pictures go through a shared backbone together. Four fill two cores; a GPU wants more.
_AT_ONCE = {"CPU": 4, "GPU": 32}


def map_tasks(
    function: Callable[[Episodes], Result],
    episodes: Episodes,
    signature: object,
    how: str = "auto",
) -> Result:
    """Calls a function for each of T tasks, and stacks what it returns.

    The ways of doing it differ in time and memory (benchmarks/README.md), not in numbers:

    - `loop`: in a compiled loop, up to `IN_FLIGHT` at once, with the memory of those.
    - `unrolled`: T copies of the function in one graph.
    - `vectorized`: one copy, every operation of which works on all tasks at once.
    - `auto`: `loop`, the fastest where it was measured.

    Args:
        function: of the arrays of one task, without their leading axis.
        episodes: of T tasks.
        signature: the types of what the function returns.
        how: one of `options.TASK_MAPS`.
    """
    *arrays, ways = episodes

    def call(parts: list[tf.Tensor]) -> Result:
        return function(Episodes(*parts, ways))

    if how not in TASK_MAPS:
        raise ValueError(f"expected one of {', '.join(TASK_MAPS)}; received {how!r}")
    if how == "vectorized":
        return tf.vectorized_map(call, arrays)
    if how == "unrolled":
        results = [call(task) for task in zip(*map(tf.unstack, arrays), strict=True)]
        return tf.nest.map_structure(lambda *values: tf.stack(values), *results)
    return tf.map_fn(call, arrays, parallel_iterations=IN_FLIGHT, fn_output_signature=signature)


def map_groups(
    function: Callable[[Episodes], Result], episodes: Episodes, signature: object
) -> Result:
    """Calls a function for groups of tasks of equal size, and stacks what it returns.

    Args:
        function: of the arrays of a group, with their leading axis.
        episodes: of T tasks.
        signature: the types of what the function returns.
    """
    *arrays, ways = episodes
    size = _group_size(arrays[0].shape[0])
    grouped = [tf.reshape(a, tf.concat([[-1, size], tf.shape(a)[1:]], 0)) for a in arrays]
    for group, array in zip(grouped, arrays, strict=True):
        group.set_shape([None, size, *array.shape[1:]])
    return tf.map_fn(
        lambda parts: function(Episodes(*parts, ways)), grouped, fn_output_signature=signature
    )


def _group_size(tasks: int | None) -> int:
    """The largest divisor of the number of tasks that is not too large for the device.

    So a multiple of four is a good number of tasks, and a prime one is not.
    """
    device = "GPU" if has_gpu() else "CPU"
    return max(n for n in range(1, _AT_ONCE[device] + 1) if (tasks or 1) % n == 0)
