"""How much memory a case needs."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.worker import Worker

CALLS = 3


def endurance(case: Case, calls: int) -> list[tuple[float, int]]:
    """Seconds, and bytes as in `peak_growth`, of call after call in a process of its own."""
    worker = Worker(case.library)
    try:
        worker.call(case)  # builds
        replies = [worker.call(case) for _ in range(calls)]
    finally:
        worker.close()
    return [(reply.seconds, reply.rss_peak - reply.rss_before) for reply in replies]


def peak_growth(case: Case) -> int:
    """Bytes by which a process of its own grows from the imported library to its peak.

    The peak is over building (tracing, which takes memory of its own) and `CALLS` calls.
    """
    worker = Worker(case.library)
    try:
        replies = [worker.call(case) for _ in range(CALLS)]
    finally:
        worker.close()
    return replies[-1].rss_peak - replies[-1].rss_before
