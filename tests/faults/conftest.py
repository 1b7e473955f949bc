"""A few trained runs for the rows that one process tests."""

import contextlib
import fcntl

import pytest

from tests.faults.harness import Place, Row
from tests.faults.recipes import TRAINED, fill


@contextlib.contextmanager
def alone(folder):
    """What no two processes do at once in a folder."""
    with open(folder / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def trained(server, shared):
    """Name → folder of a run of `TRAINED`; beside it lies what its training printed."""
    runs = shared / "runs"
    with alone(shared):
        if not runs.exists():
            fill(runs / "pictures")

    def run(name):
        printed = runs / f"{name}.txt"
        with alone(shared):
            if not printed.exists():
                flags = tuple(flag.format(pictures=runs / "pictures") for flag in TRAINED[name])
                own = (("HIDRA_CACHE_DIR", str(runs / "cache")),)  # which `filled_cache` copies
                row = Row(name, (*flags, f"--run_dir={runs / name}"), environment=own)
                outcome = server.run(row, runs)
                assert outcome.code == 0, outcome.err
                printed.write_text(outcome.out)
        return runs / name

    return run


@pytest.fixture
def place(server, trained, tmp_path):
    """A folder of its own for a row; what was started beside it ends with the test."""
    started = []

    def beside(flags):
        started.append(server.start_alone(flags, tmp_path))

    yield Place(tmp_path, trained, server, beside)
    for process in started:
        process.kill()
        process.communicate()
