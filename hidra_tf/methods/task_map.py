"""How the tasks of a meta-batch share the machine."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TypeVar

import tensorflow as tf

from data_gen.episodes import Episodes
from data_gen.sources import has_gpu
from hidra_tf.options import TASK_MAPS, check_choice

Result = TypeVar("Result")
# C, and the arrays of `Episodes`, of one task or of some → whatever is computed for them.
TaskFunction = Callable[[tf.Tensor, Sequence[tf.Tensor]], Result]

# Iterations of the loop over tasks that may overlap.
IN_FLIGHT = 10
# Tasks whose pictures go through a shared backbone together. Four fill two cores; a GPU wants more.
_AT_ONCE = {"CPU": 4, "GPU": 32}


def over_tasks(
    function: TaskFunction[Result], episodes: Episodes, signature: object, how: str = "auto"
) -> Callable[[], Result]:
    """The call that computes a function for each of T tasks, and stacks what it returns.

    It is returned unmade, so that no frame of this module stands between the caller and the
    function in a traceback.

    The ways of doing it differ in time and memory (benchmarks/README.md), not in numbers:

    - `loop`: in a compiled loop, up to `IN_FLIGHT` at once, with the memory of those.
    - `unrolled`: T copies of the function in one graph.
    - `vectorized`: one copy, every operation of which works on all tasks at once.
    - `auto`: `loop`, the fastest where it was measured.

    Args:
        function: a function of C and the arrays of one task, without their leading axis.
        episodes: T tasks.
        signature: the types of what the function returns.
        how: one of `options.TASK_MAPS`.

    Raises:
        ValueError: if there is no such way.
    """
    check_choice("task_map", how, TASK_MAPS)
    arrays, call = episodes.arrays, functools.partial(function, episodes.ways)
    if how == "vectorized":
        return functools.partial(tf.vectorized_map, call, arrays)
    if how == "unrolled":
        return functools.partial(_unrolled, call, arrays)
    return functools.partial(
        tf.map_fn, call, arrays, parallel_iterations=IN_FLIGHT, fn_output_signature=signature
    )


def over_groups(
    function: TaskFunction[Result], episodes: Episodes, signature: object
) -> Callable[[], Result]:
    """The call that computes a function for groups of tasks of equal size, and stacks the results.

    Args:
        function: a function of C and the arrays of a group, with their leading axis.
        episodes: T tasks.
        signature: the types of what the function returns.
    """
    arrays, call = episodes.arrays, functools.partial(function, episodes.ways)
    size = _group_size(arrays[0].shape[0])
    grouped = [tf.reshape(a, tf.concat([[-1, size], tf.shape(a)[1:]], 0)) for a in arrays]
    for group, array in zip(grouped, arrays, strict=True):
        group.set_shape([None, size, *array.shape[1:]])
    return functools.partial(tf.map_fn, call, grouped, fn_output_signature=signature)


def _unrolled(call: Callable[[Sequence[tf.Tensor]], Result], arrays: Sequence[tf.Tensor]) -> Result:
    results = [call(task) for task in zip(*map(tf.unstack, arrays), strict=True)]
    return tf.nest.map_structure(lambda *values: tf.stack(values), *results)


def _group_size(tasks: int | None) -> int:
    """The largest divisor of the number of tasks that is not too large for the device.

    So a multiple of four is a good number of tasks, and a prime one is not.
    """
    device = "GPU" if has_gpu() else "CPU"
    return max(n for n in range(1, _AT_ONCE[device] + 1) if (tasks or 1) % n == 0)
