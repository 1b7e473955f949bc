"""A process of its own for one library, which measures what it is told to.

TensorFlow's and PyTorch's threads keep spinning for a while when their work is done, and would take
the other's cores. So each library has its own process, with the threads that it makes by default,
and while one is measured the other waits for a line to read.

Cases come in as lines of JSON; for each call of one a line goes out.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from benchmarks.cases import Case

ROOT = Path(__file__).parents[1]


class Reply(NamedTuple):
    """What one call took.

    Attributes:
        seconds: of this call alone, without building it.
        rss_before: the process's largest resident memory in bytes before anything was built.
        rss_peak: the same now.
    """

    seconds: float
    rss_before: int
    rss_peak: int


class Worker:
    """The process, seen from the program that asks it.

    Args:
        library: `tensorflow` or `torch`.
    """

    def __init__(self, library: str) -> None:
        self.library = library
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", library],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def call(self, case: Case) -> Reply:
        """Calls `case` once; it is built at its first call.

        Raises:
            RuntimeError: if the process ended, having said why.
        """
        self._process.stdin.write(json.dumps(dataclasses.asdict(case)) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"exit status {self._process.wait()} while measuring {case}")
        return Reply(*json.loads(line))

    def close(self) -> None:
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def serve(library: str) -> None:
    """Answers until there is nothing more to read."""
    # What a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    module = import_module(f"benchmarks.{library}_calls")
    # Threads and pools are the library's memory, not a variant's.
    module.matrix_product(64)()
    before = peak_memory()
    calls: dict[Case, Callable[[], object]] = {}
    for line in sys.stdin:
        case = Case(**json.loads(line))
        if case not in calls:
            calls[case] = module.build(case)
        start = time.perf_counter()
        calls[case]()
        seconds = time.perf_counter() - start
        print(json.dumps(Reply(seconds, before, peak_memory())), file=answers, flush=True)


def peak_memory() -> int:
    """The largest resident memory of this process so far, in bytes (Linux).

    Not `resource.getrusage`, which starts from that of the program that started this one.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    (kibibytes,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return 1024 * int(kibibytes)


if __name__ == "__main__":
    serve(sys.argv[1])
