"""`cached`: gives back what was built, and never lets a bad cache stop the program."""

import hashlib
import json
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_gen import cache
from data_gen.cache import arrays, entries

REPOSITORY = Path(__file__).resolve().parents[3]
ARRAYS = {
    "images": np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
    "names": np.array(["a", "bcd"]),
}


class Builder:
    """Returns `ARRAYS` and counts how often it had to."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return {name: array.copy() for name, array in ARRAYS.items()}


def assert_arrays(arrays):
    assert arrays.keys() == ARRAYS.keys()
    for name, array in arrays.items():
        assert array.dtype == ARRAYS[name].dtype
        np.testing.assert_array_equal(array, ARRAYS[name])


def entry_of(folder):
    (entry,) = folder.iterdir()
    return entry


def test_builds_once(tmp_path, caplog):
    build = Builder()
    for _ in range(3):
        assert_arrays(cache.cached({"k": 1}, build, str(tmp_path), "toy"))
    assert build.calls == 1
    assert not caplog.records
    assert entry_of(tmp_path).name.startswith("toy-")  # And no scratch folder is left.


def test_another_key_is_another_entry(tmp_path):
    build = Builder()
    cache.cached({"k": 1}, build, str(tmp_path), "toy")
    cache.cached({"k": 2}, build, str(tmp_path), "toy")
    assert build.calls == 2
    assert len(list(tmp_path.iterdir())) == 2


def test_another_format_is_another_entry(tmp_path, monkeypatch):
    build = Builder()
    cache.cached({}, build, str(tmp_path), "toy")
    monkeypatch.setattr(entries, "_FORMAT", entries._FORMAT + 1)
    cache.cached({}, build, str(tmp_path), "toy")
    assert build.calls == 2


def flip_a_bit(entry):
    data = bytearray((entry / "images.npy").read_bytes())
    data[-1] ^= 1
    (entry / "images.npy").write_bytes(data)


def change_bytes(name, change):
    def write(entry):
        path = entry / f"{name}.npy"
        path.write_bytes(change(path.read_bytes()))

    return write


def change_files(**fields):
    """Changes what the manifest says of one array, or names another array."""

    def change(entry):
        files = json.loads((entry / "manifest.json").read_text())["files"]
        changed = {name: {**files.get(name, {}), **value} for name, value in fields.items()}
        change_manifest(files={**files, **changed})(entry)

    return change


def change_manifest(**fields):
    def change(entry):
        manifest = json.loads((entry / "manifest.json").read_text())
        (entry / "manifest.json").write_text(json.dumps({**manifest, **fields}))

    return change


DAMAGES = {
    "flipped bit": flip_a_bit,
    "no array": lambda entry: (entry / "names.npy").unlink(),
    "empty array": lambda entry: (entry / "names.npy").write_bytes(b""),
    "half an array": change_bytes("names", lambda data: data[: len(data) // 2]),
    "zeros": change_bytes("images", lambda data: bytes(len(data))),
    "array is a folder": lambda entry: (
        (entry / "names.npy").unlink(),
        (entry / "names.npy").mkdir(),
    ),
    "no manifest": lambda entry: (entry / "manifest.json").unlink(),
    "empty manifest": lambda entry: (entry / "manifest.json").write_text(""),
    "half a manifest": lambda entry: (entry / "manifest.json").write_text('{"key": '),
    "binary manifest": lambda entry: (entry / "manifest.json").write_bytes(b"\xff\xfe\x00"),
    "manifest is a list": lambda entry: (entry / "manifest.json").write_text("[]"),
    "other key": change_manifest(key="other"),
    "no files": change_manifest(files=None),
    "no checksum": change_manifest(files={"images": {}}),
    "no file": change_manifest(files={}),
    "files are a list": change_manifest(files=["images"]),
    "wrong types": change_manifest(
        files={"images": {"size": "1", "time": None, "sha256": 1, "elements": []}}
    ),
    "size in words": change_files(images={"size": "large"}),
    "time in words": change_files(images={"time": "now"}),
    "checksum of a number": change_files(images={"sha256": 5}),
    "one file more": change_files(more={"size": 1, "time": 1, "sha256": "a"}),
    "a file outside": change_files(**{"../x": {"size": 1, "time": 1, "sha256": "a"}}),
    "key is a list": change_manifest(key=[]),
    "key is a number": change_manifest(key=5),
    "deeply nested": lambda entry: (entry / "manifest.json").write_text("[" * 100_000),
    "not a number": lambda entry: (entry / "manifest.json").write_text("NaN"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_told_and_repaired(damage, tmp_path, caplog):
    build = Builder()
    cache.cached({}, build, str(tmp_path), "toy")
    damage(entry_of(tmp_path))
    assert_arrays(cache.cached({}, build, str(tmp_path), "toy"))
    assert build.calls == 2
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("rebuilding toy")
    assert "\n" not in record.getMessage()
    assert_arrays(cache.cached({}, build, str(tmp_path), "toy"))
    assert build.calls == 2


@pytest.fixture
def no_small_files(monkeypatch):
    """Every array is one that stays on disk."""
    monkeypatch.setattr(arrays, "LARGE", 0)


def make_blocks(calls):
    """`ARRAYS`, the images in two pieces; notes every time that they are made."""

    def parts():
        calls.append(1)
        yield ARRAYS["images"][:1]
        yield ARRAYS["images"][1:]

    return lambda: {**ARRAYS, "images": cache.Blocks((2, 3, 4), np.uint8, parts)}


def test_blocks_are_written_as_they_come(tmp_path):
    calls = []
    for _ in range(2):
        arrays = cache.cached({}, make_blocks(calls), str(tmp_path), "toy")
        assert_arrays(arrays)
        assert not isinstance(arrays["images"], np.memmap)
    assert len(calls) == 1


@settings(deadline=None, max_examples=30)
@given(rows=st.integers(0, 9), cuts=st.sets(st.integers(1, 8)), dtype=st.sampled_from("bHf"))
def test_pieces_of_any_length_make_the_array(rows, cuts, dtype):
    array = np.arange(3 * rows, dtype=dtype).reshape(rows, 3)
    pieces = np.split(array, sorted(cut for cut in cuts if cut < rows))
    blocks = cache.Blocks(array.shape, array.dtype, lambda: pieces)
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            kept = cache.cached({}, lambda: {"array": blocks}, folder, "toy")["array"]
            assert kept.dtype == array.dtype
            np.testing.assert_array_equal(kept, array)
    np.testing.assert_array_equal(blocks.whole(), array)


def test_large_arrays_are_mapped_and_read_only(no_small_files, tmp_path):
    for _ in range(2):
        arrays = cache.cached({}, make_blocks([]), str(tmp_path), "toy")
        assert_arrays(arrays)
        assert isinstance(arrays["images"], np.memmap)
        assert not arrays["images"].flags.writeable


def test_the_cache_knows_the_digest_of_elements(no_small_files, tmp_path):
    """Whatever the header; the arrays themselves are not read for it."""
    expected = hashlib.sha256(ARRAYS["images"].tobytes()).hexdigest()
    for _ in range(2):
        assert cache.cached({}, make_blocks([]), str(tmp_path), "toy").digests["images"] == expected
    (manifest,) = tmp_path.glob("*/manifest.json")
    assert json.loads(manifest.read_text())["files"]["images"]["sha256"] != expected


def test_a_file_that_is_named_for_nothing_is_not_taken(tmp_path, caplog):
    """A manifest of right types that is not what was written."""
    cache.cached({}, Builder(), str(tmp_path), "toy")
    path = entry_of(tmp_path) / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"]["other"] = manifest["files"].pop("images")
    path.write_text(json.dumps(manifest))
    assert_arrays(cache.cached({}, Builder(), str(tmp_path), "toy"))
    assert "does not match its checksum" in caplog.text


def test_a_folder_of_any_bytes_is_named_so_that_it_can_be_printed(tmp_path, caplog):
    folder = tmp_path / b"\xff".decode("utf-8", "surrogateescape")
    with caplog.at_level(logging.INFO):
        cache.cached({}, Builder(), str(folder), "toy")
    caplog.text.encode()
    assert "\\udcff" in caplog.text
    assert_arrays(cache.cached({}, lambda: pytest.fail("not kept"), str(folder), "toy"))


def test_a_large_array_is_not_hashed_again(no_small_files, tmp_path, monkeypatch):
    cache.cached({}, Builder(), str(tmp_path), "toy")
    monkeypatch.setattr(arrays, "_sha256", lambda path: pytest.fail("hashed"))
    assert_arrays(cache.cached({}, lambda: pytest.fail("not kept"), str(tmp_path), "toy"))


def test_a_copied_large_array_is_hashed_and_taken(no_small_files, tmp_path, caplog):
    cache.cached({}, Builder(), str(tmp_path), "toy")
    os.utime(entry_of(tmp_path) / "images.npy", (1, 1))
    assert_arrays(cache.cached({}, lambda: pytest.fail("not kept"), str(tmp_path), "toy"))
    assert not caplog.records


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_to_large_arrays_is_told_and_repaired(damage, no_small_files, tmp_path, caplog):
    cache.cached({}, Builder(), str(tmp_path), "toy")
    damage(entry_of(tmp_path))
    assert_arrays(cache.cached({}, Builder(), str(tmp_path), "toy"))
    assert caplog.records[0].getMessage().startswith("rebuilding toy")


def test_blocks_without_a_cache_are_held_in_memory(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    assert_arrays(cache.cached({}, make_blocks([]), str(tmp_path / "file" / "cache"), "toy"))
    assert "going on without a cache of toy" in caplog.text


@pytest.mark.parametrize("error", [OSError, ValueError])
def test_an_error_while_making_blocks_is_not_hidden(error, tmp_path):
    def parts():
        yield ARRAYS["images"][:1]
        raise error("a bug")

    def build():
        return {"images": cache.Blocks((2, 3, 4), np.uint8, parts)}

    with pytest.raises(error, match="a bug"):
        cache.cached({}, build, str(tmp_path), "toy")
    assert not list(tmp_path.iterdir())


def test_too_few_blocks_are_a_bug(tmp_path):
    def build():
        return {"images": cache.Blocks((3, 3, 4), np.uint8, lambda: [ARRAYS["images"]])}

    with pytest.raises(ValueError, match="expected 36 elements, got 24"):
        cache.cached({}, build, str(tmp_path), "toy")


@pytest.mark.parametrize(
    "place",
    ["file", "file/cache", "self", "/dev/null/cache", "/proc/cache", "full", "x" * 300],
    ids=lambda place: place[:20],
)
def test_an_unwritable_folder_stops_nothing(place, tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "full").symlink_to("/dev/full")
    arrays = cache.cached({}, Builder(), str(tmp_path / place), "toy")
    assert_arrays(arrays)
    (record,) = caplog.records
    assert record.getMessage().startswith("going on without a cache of toy")


def test_a_full_disk_leaves_nothing_behind(tmp_path, caplog, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    assert_arrays(cache.cached({}, Builder(), str(tmp_path), "toy"))
    assert "No space left" in caplog.text
    assert not list(tmp_path.iterdir())


def test_an_error_while_building_is_not_hidden(tmp_path):
    def build():
        raise OSError("a bug")

    with pytest.raises(OSError, match="a bug"):
        cache.cached({}, build, str(tmp_path), "toy")


def test_a_second_writer_replaces_an_entry_made_meanwhile(tmp_path, caplog):
    def build():
        cache.cached({}, Builder(), str(tmp_path), "toy")  # Another process is faster.
        return Builder()()

    assert_arrays(cache.cached({}, build, str(tmp_path), "toy"))
    assert not caplog.records
    assert_arrays(cache.cached({}, lambda: pytest.fail("not kept"), str(tmp_path), "toy"))
    entry_of(tmp_path)


USE_CACHE = """
import sys
import numpy as np
from data_gen import cache
sys.stdin.readline()  # All begin together.
for i in range(50):
    array = np.full(1000, i)
    kept = cache.cached({"i": i}, lambda: {"array": array}, sys.argv[1], "toy")
    np.testing.assert_array_equal(kept["array"], array)
"""


def test_processes_at_once(tmp_path):
    command = [sys.executable, "-c", USE_CACHE, str(tmp_path)]
    workers = [subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE) for _ in range(3)]
    for worker in workers:
        worker.stdin.write(b"go\n")
        worker.stdin.flush()
    for worker in workers:
        worker.communicate(timeout=60)
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert len(list(tmp_path.iterdir())) == 50
    for i in range(50):  # Whoever won, what is kept is whole.
        cache.cached({"i": i}, lambda: pytest.fail("not kept"), str(tmp_path), "toy")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"HIDRA_CACHE_DIR": "chosen"}, "chosen"),
        ({"HIDRA_CACHE_DIR": "", "XDG_CACHE_HOME": "xdg"}, "xdg/hidra_tf"),
        ({"HOME": "home"}, "home/.cache/hidra_tf"),
    ],
)
def test_default_folder(environment, expected, tmp_path, monkeypatch):
    for name in ("HIDRA_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value and str(tmp_path / value))
    cache.cached({}, Builder(), None, "toy")
    assert entry_of(tmp_path / expected).name.startswith("toy-")
