"""The lock of a run's folder, between real processes: they import no TensorFlow."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data_gen.errors import UserError
from hidra_tf.runs.place.lock import LOCK_FILE, hold

ROOT = Path(__file__).parents[4]

# Waits until the file `go` is there, then holds the folder, says so, and ends with its input.
STARTER = """
import os, sys, time
from pathlib import Path
from data_gen.errors import UserError
from hidra_tf.runs.place.lock import hold
folder, go = map(Path, sys.argv[1:3])
print("ready", flush=True)
while not go.exists():
    time.sleep(0.001)
try:
    with hold(folder):
        if "fork" in sys.argv and os.fork() == 0:
            time.sleep(60)
        print("won", flush=True)
        sys.stdin.read()
        if "write" in sys.argv:
            (folder / "config.json").write_text("{}")
except UserError as error:
    print(error, flush=True)
"""


@pytest.fixture
def start(tmp_path):
    """Starts processes that want a folder, all of which wait for the file `go`."""
    with contextlib.ExitStack() as stack:

        def begin(folder, *options):
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", STARTER, str(folder), str(tmp_path / "go"), *options],
                    cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                )
            )  # fmt: skip
            assert process.stdout.readline() == "ready\n"
            return process

        yield begin


def test_of_many_starts_at_once_exactly_one_wins(tmp_path, start):
    for attempt in range(5):
        folder = tmp_path / f"new{attempt}" / "run"
        processes = [start(folder) for _ in range(4)]
        (tmp_path / "go").touch()
        said = [process.stdout.readline() for process in processes]
        (winner,) = (p for p, line in zip(processes, said, strict=True) if line == "won\n")
        refusals = [line for line in said if line != "won\n"]
        assert len(refusals) == 3
        # A refused start may come before the winner has said who it is.
        named = f"in use by process {winner.pid} on {os.uname().nodename}, since 2"
        assert all(named in line or "in use by another process" in line for line in refusals)
        with pytest.raises(UserError, match=named), hold(folder):
            pass
        winner.stdin.close()
        winner.wait()
        # Nothing was written. An empty folder may stay, which a refused start had made.
        assert not list(folder.glob("*"))
        (tmp_path / "go").unlink()


def test_what_was_written_stays_and_the_lock_does_not(tmp_path, start):
    process = start(tmp_path / "run", "write")
    (tmp_path / "go").touch()
    assert process.stdout.readline() == "won\n"
    process.stdin.close()
    process.wait()
    assert os.listdir(tmp_path / "run") == ["config.json"]
    with hold(tmp_path / "run"):
        assert sorted(os.listdir(tmp_path / "run")) == [LOCK_FILE, "config.json"]
    assert os.listdir(tmp_path / "run") == ["config.json"]


@pytest.mark.parametrize("options", [[], ["fork"]])
def test_a_killed_holder_leaves_the_run_free_whatever_it_had_forked(tmp_path, start, options):
    process = start(tmp_path / "run", *options)
    (tmp_path / "go").touch()
    assert process.stdout.readline() == "won\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (tmp_path / "run" / LOCK_FILE).exists()
    with hold(tmp_path / "run"):
        pass


def test_a_fork_neither_holds_nor_releases(tmp_path):
    with hold(tmp_path):
        child = subprocess.run(
            [sys.executable, "-c", STARTER, str(tmp_path), str(tmp_path)],
            cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert f"in use by process {os.getpid()}" in child.stdout
        assert (tmp_path / LOCK_FILE).exists()


def test_the_same_process_is_refused_too_and_loses_nothing_by_it(tmp_path, start):
    with hold(tmp_path):
        with pytest.raises(UserError, match="in use by this process"), hold(tmp_path):
            pass
        (tmp_path / "go").touch()
        assert "in use by process" in start(tmp_path).stdout.readline()
    with hold(tmp_path):
        pass


def test_another_name_of_the_folder_is_the_same_folder(tmp_path, start):
    (tmp_path / "same").symlink_to(tmp_path / "run")
    with hold(tmp_path / "run"):
        with pytest.raises(UserError, match="in use by this process"), hold(tmp_path / "same"):
            pass
        (tmp_path / "go").touch()
        assert "in use by process" in start(tmp_path / "same").stdout.readline()


def test_an_error_inside_releases(tmp_path):
    with pytest.raises(ZeroDivisionError), hold(tmp_path / "run"):
        raise ZeroDivisionError
    assert not (tmp_path / "run").exists()


def test_a_file_system_without_locks_is_no_reason_not_to_train(tmp_path, monkeypatch, caplog):
    def refuse(*_arguments):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    with hold(tmp_path):
        assert (tmp_path / LOCK_FILE).exists()
    assert "has no locks" in caplog.text


def test_a_lock_that_was_removed_meanwhile_does_not_count(tmp_path, monkeypatch):
    lockf, opened = fcntl.lockf, []

    def end_of_another(descriptor, how):
        if not opened:  # whose holder ends between our opening and our locking
            (tmp_path / LOCK_FILE).unlink()
        opened.append(descriptor)
        lockf(descriptor, how)

    monkeypatch.setattr(fcntl, "lockf", end_of_another)
    with hold(tmp_path):
        assert len(opened) == 2
        assert (tmp_path / LOCK_FILE).exists()


def test_the_time_of_a_start_is_a_time(tmp_path):
    with hold(tmp_path):
        said = (tmp_path / LOCK_FILE).read_text().split("since ")[1].strip()
        began = time.mktime(time.strptime(said[:19], "%Y-%m-%d %H:%M:%S"))
        assert abs(time.time() - began) < 60
