"""The shape of tasks: ways, shots and query shots, and whether a pool can give such tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from data_gen.class_pool import ClassPool
from data_gen.errors import UserError
from data_gen.rotations import RotatedPool


def check(
    pool: ClassPool | RotatedPool,
    ways: Sequence[int],
    shots: int | Sequence[int],
    query_shots: int,
    meta_batch: int,
) -> tuple[int, ...]:
    """The possible numbers of support images per class, ascending and without repeats.

    Args:
        pool: the classes that the tasks are made of.
        ways: the possible numbers of classes.
        shots: one number of support images per class, or several.
        query_shots: the number of query images per class.
        meta_batch: the number of tasks in a meta-batch.

    Raises:
        UserError: if the pool cannot give such tasks, whatever shots are drawn.
        TypeError: if `ways` is no sequence of integers, or `shots` neither an integer nor one.
        ValueError: if there is no task in a meta-batch, or more than one with several shots.
    """
    if not _are_integers(ways):
        raise TypeError(f"ways: expected a sequence of integers, such as (5,); received {ways!r}")
    choices = (shots,) if isinstance(shots, int | np.integer) else shots
    if not _are_integers(choices):
        raise TypeError(f"shots: expected an integer, or a sequence of them; received {shots!r}")
    if not isinstance(meta_batch, int | np.integer) or meta_batch < 1:
        raise ValueError(f"meta_batch: expected 1 task or more; received {meta_batch!r}")
    choices = tuple(sorted({int(number) for number in choices}))
    if len(choices) > 1 and meta_batch > 1:
        raise ValueError(
            "meta_batch: expected 1 task where classes have unequal numbers of shots, for tasks "
            f"then differ in size; received {meta_batch}"
        )
    _check_pool(pool, ways, choices, query_shots)
    return choices


def _check_pool(
    pool: ClassPool | RotatedPool, ways: Sequence[int], shots: Sequence[int], query_shots: int
) -> None:
    least, most = min(shots, default=0), max(shots, default=0)
    if min(least, query_shots) < 1:
        raise UserError(
            f"expected at least 1 shot and 1 query shot, received {least} and {query_shots}"
        )
    if not ways or min(ways) < 2:
        raise UserError(f"expected at least 2 ways, received {min(ways, default=0)}")
    if max(ways) > pool.num_classes:
        raise UserError(
            f"expected at most {pool.num_classes} ways, the classes of this split; "
            f"received {max(ways)}"
        )
    fewest = min(pool.counts)
    if most + query_shots > fewest:
        name = pool.names[pool.counts.index(fewest)]
        raise UserError(
            f"expected shots + query_shots to be at most {fewest}, the pictures of class {name}; "
            f"received {most} + {query_shots} = {most + query_shots}"
        )


def _are_integers(numbers: object) -> bool:
    """Whether something is a sequence of integers."""
    sequence = isinstance(numbers, Iterable) and not isinstance(numbers, str)
    return sequence and all(isinstance(n, int | np.integer) for n in numbers)
