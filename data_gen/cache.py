"""Arrays that are slow to make, kept on disk with checksums.

One entry is one folder: an `.npy` file per array, and a manifest with the key and, for each file,
its size, time and SHA-256. An entry is written under another name and then renamed, so a reader
never sees half of one. The cache only saves time: whatever is wrong with it, the arrays are made
again.

Small arrays are hashed at every start and come as ordinary arrays. Large ones are memory-mapped.
A large file whose size and time are those of its writing is taken for whole, as `git status` does,
so a start reads none of it; one that was copied or touched since is hashed, piece by piece. What
passes unnoticed is a disk that changes bits by itself.
"""

import dataclasses
import hashlib
import json
import logging
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

LARGE = 64 * 2**20  # bytes of a file above which an array stays on disk

_FORMAT = 2  # Raise it when the layout of an entry changes; older entries are then not found.
_MANIFEST = "manifest.json"
_PIECE = 2**20  # bytes hashed at a time

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Blocks:
    """An array that is made piece by piece, so that memory never holds more than a piece.

    Attributes:
        shape: of the whole array.
        dtype: of its elements.
        parts: gives, each time it is called, consecutive pieces along the first axis.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    parts: Callable[[], Iterable[np.ndarray]]

    def whole(self) -> np.ndarray:
        """The array, in memory."""
        array = np.empty(self.shape, self.dtype)
        end = 0
        for part in self.parts():
            array[end : end + len(part)] = part
            end += len(part)
        return array


class _BuildError(Exception):
    """Carries what `build` raised past those who look for errors of writing."""


def cached(
    key: dict[str, Any],
    build: Callable[[], dict[str, np.ndarray | Blocks]],
    cache_dir: str | None,
    name: str,
) -> dict[str, np.ndarray]:
    """Returns kept arrays, or makes and keeps them.

    Args:
        key: everything the arrays depend on, as JSON values.
        build: makes the arrays; their names become file names, their types must need no pickle.
        cache_dir: folder of all entries; None is $HIDRA_CACHE_DIR, else hidra_tf in the user's
            cache folder.
        name: what the arrays are, for the entry's folder name and for messages.

    Returns:
        The arrays by name, bit for bit what `build` made; files of more than `LARGE` bytes come
        read-only and memory-mapped.
    """
    text = json.dumps({"format": _FORMAT, **key}, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    entry = Path(cache_dir or _default_dir()) / f"{name}-{digest}"
    if os.path.isdir(entry):
        try:
            return _read(entry, text)
        except (OSError, ValueError) as error:
            _log.warning("rebuilding %s: cannot use the cache %s: %s", name, entry, error)
    _log.info("preparing the pictures of %s, once; kept in %s", name, entry)
    arrays = build()
    try:
        _write(entry, text, arrays)
        lazy = [array_name for array_name, array in arrays.items() if isinstance(array, Blocks)]
        kept = _read(entry, text) if lazy else {}
        return {**arrays, **{array_name: kept[array_name] for array_name in lazy}}
    except _BuildError as error:
        raise error.__cause__ from None
    except (OSError, ValueError) as error:
        _log.warning("going on without a cache of %s: cannot write %s: %s", name, entry, error)
    return {n: a.whole() if isinstance(a, Blocks) else a for n, a in arrays.items()}


def _default_dir() -> str:
    """The folder of all entries when the caller names none."""
    chosen = os.environ.get("HIDRA_CACHE_DIR")
    if chosen:
        return chosen
    parent = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(parent, "hidra_tf")


def _read(entry: Path, key: str) -> dict[str, np.ndarray]:
    """Reads and verifies an entry.

    Raises:
        OSError: if a file is missing or cannot be read.
        ValueError: if a file is not what was written.
    """
    manifest = json.loads((entry / _MANIFEST).read_bytes())
    if not isinstance(manifest, dict) or manifest.get("key") != key:
        raise ValueError(f"{_MANIFEST} is not of the expected key")
    files = manifest.get("files")
    if not isinstance(files, dict) or not all(map(_is_record, files.values())):
        raise ValueError(f"{_MANIFEST} does not list the files")
    return {
        array_name: _read_array(entry / f"{array_name}.npy", record)
        for array_name, record in files.items()
    }


def _is_record(record: object) -> bool:
    """Whether a manifest says of a file what `_read_array` needs."""
    return isinstance(record, dict) and {"size", "time", "sha256"} <= record.keys()


def _read_array(path: Path, record: dict[str, Any]) -> np.ndarray:
    """Reads or maps one array.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not what was written.
    """
    stat = path.stat()
    large = stat.st_size > LARGE
    untouched = (stat.st_size, stat.st_mtime_ns) == (record["size"], record["time"])
    if not (large and untouched) and _sha256(path) != record["sha256"]:
        raise ValueError(f"{path.name} does not match its checksum")
    # Copy-on-write maps what "r" does, but lets the memory be lent to TensorFlow without a copy.
    array = np.load(path, mmap_mode="c" if large else None, allow_pickle=False)
    array.flags.writeable = not large
    return array


def _sha256(path: Path) -> str:
    """The checksum of a file, of which memory never holds more than a piece."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for piece in iter(lambda: file.read(_PIECE), b""):
            digest.update(piece)
    return digest.hexdigest()


def _write(entry: Path, key: str, arrays: dict[str, np.ndarray | Blocks]) -> None:
    """Writes an entry beside its final place, then moves it there.

    Raises:
        OSError: if the cache folder cannot be written to.
        _BuildError: if an array cannot be made.
    """
    entry.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=entry.parent, prefix=f".{entry.name}-"))
    try:
        staged = scratch / "new"
        staged.mkdir()
        files = {
            array_name: _write_array(staged / f"{array_name}.npy", array)
            for array_name, array in arrays.items()
        }
        manifest = {"key": key, "files": files}
        (staged / _MANIFEST).write_text(json.dumps(manifest, indent=2))
        _publish(staged, entry, scratch / "old")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


class _HashingFile:
    """A file that hashes what is written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Writes and hashes `data`."""
        self.sha256.update(data)
        return self._file.write(data)


def _write_array(path: Path, array: np.ndarray | Blocks) -> dict[str, Any]:
    """Writes one array as an .npy file; returns what the manifest says about the file."""
    with path.open("wb") as file:
        hashing = _HashingFile(file)
        if isinstance(array, Blocks):
            _write_blocks(hashing, array)
        else:
            np.save(hashing, array, allow_pickle=False)
    stat = path.stat()
    return {
        "size": stat.st_size,
        "time": stat.st_mtime_ns,
        "sha256": hashing.sha256.hexdigest(),
    }


def _write_blocks(file: _HashingFile, blocks: Blocks) -> None:
    """Writes the header, then piece after piece."""
    header = {
        "descr": np.lib.format.dtype_to_descr(np.dtype(blocks.dtype)),
        "fortran_order": False,
        "shape": blocks.shape,
    }
    np.lib.format.write_array_header_1_0(file, header)
    written = 0
    for part in _shielded(blocks.parts()):
        file.write(np.ascontiguousarray(part, blocks.dtype).data)
        written += part.size
    if written != math.prod(blocks.shape):
        raise _BuildError from ValueError(
            f"expected {math.prod(blocks.shape)} elements, got {written}"
        )


def _shielded(parts: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The same parts; an error of making them becomes a `_BuildError`."""
    try:
        yield from parts
    except Exception as error:
        raise _BuildError from error


def _publish(staged: Path, entry: Path, aside: Path) -> None:
    """Renames `staged` to `entry`, moving whatever is there to `aside`.

    Of several processes doing this at once at least one succeeds, and all would leave the same
    arrays; the others get an `OSError`, which costs them only the warning.
    """
    try:
        os.replace(staged, entry)
    except OSError:
        if not entry.exists():
            raise
        os.replace(entry, aside)  # A folder cannot be renamed onto one that holds files.
        os.replace(staged, entry)
