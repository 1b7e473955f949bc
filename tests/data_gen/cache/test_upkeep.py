"""What the cache holds is listed and cleaned, and nothing else is touched."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from data_gen import cache
from data_gen.cache import __main__ as command
from data_gen.cache.upkeep import clean, entries

REPOSITORY = Path(__file__).resolve().parents[3]


def keep(folder, name, size=1000):
    cache.cached({}, lambda: {"array": np.zeros(size, np.uint8)}, str(folder), name)


def age(entry, days):
    then = time.time() - days * 86400
    os.utime(entry / "manifest.json", (then, then))


def test_entries_are_listed_with_their_sizes(tmp_path):
    assert entries(tmp_path / "nowhere") == []
    keep(tmp_path, "small")
    keep(tmp_path, "large", 10**6)
    large, small = entries(tmp_path)
    assert large.path.name.startswith("large-")
    assert 1000 < small.size < 3000 < 10**6 < large.size < 10**6 + 2000
    assert not large.abandoned
    assert abs(time.time() - large.used) < 60


def test_reading_an_entry_is_using_it(tmp_path, monkeypatch):
    monkeypatch.setattr(cache.arrays, "LARGE", 0)
    keep(tmp_path, "toy")
    (entry,) = entries(tmp_path)
    age(entry.path, 9)
    monkeypatch.setattr(cache.arrays, "_sha256", lambda path: pytest.fail("touched too"))
    cache.cached({}, lambda: pytest.fail("not kept"), str(tmp_path), "toy")
    (entry,) = entries(tmp_path)
    assert time.time() - entry.used < 60


def test_a_cache_that_is_read_only_is_read(tmp_path, monkeypatch):
    keep(tmp_path, "toy")

    def refuse(*args, **kwargs):
        raise PermissionError("read-only")

    monkeypatch.setattr(os, "utime", refuse)
    cache.cached({}, lambda: pytest.fail("not kept"), str(tmp_path), "toy")


def test_what_was_not_used_for_days_is_removed(tmp_path):
    for name in ("old", "new"):
        keep(tmp_path, name)
    age(next(tmp_path.glob("old-*")), 31)
    removed, failed = clean(tmp_path, 30)
    assert [entry.path.name[:4] for entry in removed] == ["old-"]
    assert not failed
    assert [path.name[:4] for path in tmp_path.iterdir()] == ["new-"]
    removed, _ = clean(tmp_path)
    assert len(removed) == 1
    assert list(tmp_path.iterdir()) == []


def test_other_peoples_folders_are_left_alone(tmp_path):
    others = [".ssh", ".cache-0123456789abcdef", "work", "toy-0123456789abcdef", "notes-1"]
    for name in others:
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1, 1))
    (tmp_path / "notes-1/manifest.json").write_text("{}")
    assert entries(tmp_path) == []
    assert clean(tmp_path) == ([], [])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)


def test_a_mapped_entry_stays_readable_when_it_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(cache.arrays, "LARGE", 0)
    for _ in range(2):
        arrays = cache.cached({}, lambda: {"a": np.arange(9)}, str(tmp_path), "toy")
    clean(tmp_path)
    np.testing.assert_array_equal(arrays["a"], np.arange(9))


WRITE_FOR_EVER = """
import sys, time
import numpy as np
from data_gen import cache
def parts():
    yield np.zeros(1, np.uint8)
    print("writing", flush=True)
    time.sleep(600)
cache.cached({}, lambda: {"a": cache.Blocks((2,), np.uint8, parts)}, sys.argv[1], "toy")
"""


def test_what_is_being_written_stays_and_what_a_killed_process_left_goes(tmp_path):
    arguments = [sys.executable, "-c", WRITE_FOR_EVER, str(tmp_path)]
    process = subprocess.Popen(arguments, cwd=REPOSITORY, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"writing\n"
        (scratch,) = tmp_path.iterdir()
        os.utime(scratch, (1, 1))  # However long it takes.
        assert clean(tmp_path) == ([], [])
        assert scratch.exists()
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    (entry,) = entries(tmp_path)
    assert entry.abandoned
    assert clean(tmp_path, 30) == ([entry], [])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_a_lock_is_left_behind_after_an_hour(tmp_path):
    """It may have been made this very moment."""
    scratch = tmp_path / ".toy-0123456789abcdef-abcd_123"
    scratch.mkdir()
    assert entries(tmp_path) == []
    os.utime(scratch, (1, 1))
    assert [entry.abandoned for entry in entries(tmp_path)] == [True]


def test_what_cannot_be_removed_is_told(tmp_path, monkeypatch, capsys):
    keep(tmp_path, "toy")

    def refuse(*args):
        raise PermissionError("not yours")

    monkeypatch.setattr(os, "replace", refuse)
    assert command.main(["--clean", f"--cache_dir={tmp_path}"]) == 1
    assert "could not remove" in capsys.readouterr().err
    assert len(list(tmp_path.iterdir())) == 1


def test_the_command_lists_and_cleans(tmp_path, capsys):
    place = f"--cache_dir={tmp_path}"
    keep(tmp_path, "toy")
    keep(tmp_path, "old")
    age(next(tmp_path.glob("old-*")), 9)
    assert command.main([place]) == 0
    listed = capsys.readouterr().out
    assert listed.count("last used") == 2
    assert "2 entries, " in listed
    assert " kB, in " in listed
    assert command.main([place, "--clean=5", "--list"]) == 0
    removed, kept = capsys.readouterr().out.split("removed 1 entry")
    assert removed.startswith("removed old-")
    assert "\n1 entry, " in kept
    assert command.main([place, "--clean"]) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("days", ["x", "-1", "nan", "inf"])
def test_days_that_are_none_are_refused(days, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        command.main([f"--clean={days}", f"--cache_dir={tmp_path}"])
    assert caught.value.code == 2
    assert "expected a number of days, 0 or more" in capsys.readouterr().err


def test_a_cache_that_cannot_be_listed_is_one_line(tmp_path, monkeypatch, capsys):
    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert command.main([f"--cache_dir={tmp_path}"]) == 1
    assert capsys.readouterr().err == f"error: [Errno 13] Permission denied: '{tmp_path}'\n"


def test_the_command_is_a_module_for_terminals_of_any_encoding(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "data_gen.cache", f"--cache_dir={tmp_path / 'é'}"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert done.stdout == f"0 entries, 0 bytes, in {tmp_path}/\\xe9\n"
