"""One array as one `.npy` file with its checksum, written piece by piece, read or mapped.

Small arrays are hashed at every start and come as ordinary arrays. Large ones are memory-mapped.
A large file whose size and time are those of its writing is taken for whole, as `git status` does,
so a start reads none of it; one that was copied or touched since is hashed, piece by piece. What
passes unnoticed is a disk that changes bits by itself.
"""

import dataclasses
import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

LARGE = 64 * 2**20  # bytes of a file above which an array stays on disk

_PIECE = 2**20  # bytes hashed at a time
_RECORD = {"size": int, "time": int, "sha256": str, "elements": str}


@dataclasses.dataclass(frozen=True)
class Blocks:
    """An array that is made piece by piece, so that memory never holds more than a piece.

    Attributes:
        shape: the shape of the whole array.
        dtype: the type of its elements.
        parts: a function that gives, each time it is called, consecutive pieces along the first
            axis.
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


class BuildError(Exception):
    """Carries what making an array raised past those who look for errors of writing."""


def is_record(record: object) -> bool:
    """Whether a manifest says of a file what `read` needs."""
    return isinstance(record, dict) and {n: type(v) for n, v in record.items()} == _RECORD


def read(path: Path, record: dict[str, Any]) -> np.ndarray:
    """Reads or maps one array.

    Args:
        path: the file.
        record: what `write` returned when the file was written.

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


class _HashingFile:
    """A file that hashes what is written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Writes and hashes `data`."""
        self.sha256.update(data)
        return self._file.write(data)


def write(path: Path, array: np.ndarray | Blocks) -> dict[str, Any]:
    """Writes one array as an .npy file.

    Returns:
        What the manifest says about the file: its size and time, its SHA-256, and that of its
        elements alone, which does not depend on the header.

    Raises:
        OSError: if the file cannot be written.
        BuildError: if an array cannot be made.
    """
    with path.open("wb") as file:
        hashing = _HashingFile(file)
        if isinstance(array, Blocks):
            elements = _write_blocks(hashing, array)
        else:
            np.save(hashing, array, allow_pickle=False)
            elements = hashlib.sha256(array.tobytes()).hexdigest()
    stat = path.stat()
    return {
        "size": stat.st_size,
        "time": stat.st_mtime_ns,
        "sha256": hashing.sha256.hexdigest(),
        "elements": elements,
    }


def _write_blocks(file: _HashingFile, blocks: Blocks) -> str:
    """Writes the header, then piece after piece; returns the SHA-256 of the elements."""
    header = {
        "descr": np.lib.format.dtype_to_descr(np.dtype(blocks.dtype)),
        "fortran_order": False,
        "shape": blocks.shape,
    }
    np.lib.format.write_array_header_1_0(file, header)
    elements = hashlib.sha256()
    written = 0
    for part in _shielded(blocks.parts()):
        data = np.ascontiguousarray(part, blocks.dtype).data
        elements.update(data)
        file.write(data)
        written += part.size
    if written != math.prod(blocks.shape):
        raise BuildError from ValueError(
            f"expected {math.prod(blocks.shape)} elements, got {written}"
        )
    return elements.hexdigest()


def _shielded(parts: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The same parts; an error of making them becomes a `BuildError`."""
    try:
        yield from parts
    except Exception as error:
        raise BuildError from error
