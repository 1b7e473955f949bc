"""How much memory a case needs."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.worker import Worker

CALLS = 3


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
