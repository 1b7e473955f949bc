"""A server and a few trained runs for the rows that one process tests."""

import os

import pytest

from tests.faults.harness import Place, Row, Server
from tests.faults.recipes import TRAINED, fill


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """Where the decoded pictures of all rows are kept, for all processes."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "faults_cache"


@pytest.fixture(scope="session")
def server(tmp_path_factory, cache):
    """Serves all rows of a process."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path_factory.mktemp("home")),
        "LANG": "C.UTF-8",
        "HIDRA_CACHE_DIR": str(cache),
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONDONTWRITEBYTECODE": "1",  # which a row would be blamed for
        # Nothing here is large, and other rows run beside.
        "TF_NUM_INTRAOP_THREADS": "1",
    }
    server = Server(tmp_path_factory.mktemp("printed"), environment)
    yield server
    server.close()


@pytest.fixture(scope="session")
def trained(server, tmp_path_factory):
    """Name → folder of a run of `TRAINED`; beside it lies what its training printed."""
    runs = tmp_path_factory.mktemp("runs")
    fill(runs / "pictures")

    def run(name):
        if not (runs / f"{name}.txt").exists():
            flags = tuple(flag.format(pictures=runs / "pictures") for flag in TRAINED[name])
            own = (("HIDRA_CACHE_DIR", str(runs / "cache")),)  # which `filled_cache` copies
            row = Row(name, (*flags, f"--run_dir={runs / name}"), codes=(0,), environment=own)
            outcome = server.run(row, runs)
            assert outcome.code == 0, outcome.err
            (runs / f"{name}.txt").write_text(outcome.out)
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
