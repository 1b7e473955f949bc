"""A server and a few trained runs for the rows that one process tests."""

import contextlib
import fcntl
import os

import pytest

from tests.faults.harness import Place, Row, Server
from tests.faults.recipes import TRAINED, fill


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A folder that all processes of a test run share: decoded pictures and trained runs."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "faults"
    folder.mkdir(exist_ok=True)
    return folder


@contextlib.contextmanager
def alone(folder):
    """What no two processes do at once in a folder."""
    with open(folder / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def server(tmp_path_factory, shared):
    """Serves all rows of a process."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path_factory.mktemp("home")),
        "LANG": "C.UTF-8",
        "HIDRA_CACHE_DIR": str(shared / "cache"),
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONDONTWRITEBYTECODE": "1",  # which a row would be blamed for
        # Nothing here is large, and other rows run beside.
        "TF_NUM_INTRAOP_THREADS": "1",
    }
    server = Server(tmp_path_factory.mktemp("printed"), environment)
    yield server
    server.close()


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
