"""How long cases take, measured in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.cases import Case
from benchmarks.worker import Worker

# After a call, threads may spin for 0.2 seconds more (OpenMP) before they leave their cores.
SETTLE_SECONDS = 0.3


class Spread(NamedTuple):
    """Seconds of some rounds: the median, the fastest and the slowest."""

    median: float
    fastest: float
    slowest: float


def measure(
    cases: Sequence[Case], rounds: int, progress: Callable[[str], None] = lambda text: None
) -> dict[Case, Spread]:
    """Calls every case twice in every round, so that a drift of the machine meets all alike.

    The second call counts.

    Args:
        cases: what to call; those of one library follow one another, in the given order.
        rounds: how often, after one that does not count.
        progress: told what is being done.
    """
    by_library: dict[str, list[Case]] = {}
    for case in cases:
        by_library.setdefault(case.library, []).append(case)
    workers = {library: Worker(library) for library in by_library}
    seconds: dict[Case, list[float]] = {case: [] for case in cases}
    try:
        for turn in range(-1, rounds):
            progress(f"round {turn + 1} of {rounds}" if turn >= 0 else "warm-up")
            for library, own in by_library.items():
                time.sleep(SETTLE_SECONDS)
                for case in own:
                    # The first call after another case finds caches and the heap in that one's
                    # state; a training makes the same call again and again.
                    for _ in range(2):
                        reply = workers[library].call(case)
                    if turn >= 0:
                        seconds[case].append(reply.seconds)
    finally:
        for worker in workers.values():
            worker.close()
    return {case: spread(values) for case, values in seconds.items()}


def spread(seconds: Iterable[float]) -> Spread:
    """The median and the extremes of some seconds."""
    seconds = list(seconds)
    return Spread(float(np.median(seconds)), min(seconds), max(seconds))
