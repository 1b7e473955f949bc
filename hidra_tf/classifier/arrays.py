"""Files of arrays: numbers only, of a bounded size."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_gen.errors import UserError

# Bytes above which a file of arrays is refused unread.
MOST_BYTES = 2**32


def write_arrays(path: Path, arrays: Sequence[np.ndarray], precision: str | None = None) -> None:
    """Writes arrays in their order, as numbers of type `precision` unless it is None."""
    named = {
        f"{i}": array if precision is None else array.astype(precision)
        for i, array in enumerate(arrays)
    }
    np.savez_compressed(path, **named)


def read_arrays(path: Path) -> list[np.ndarray]:
    """The arrays of a file, in their order; objects, which would be code, are refused."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
        if size > MOST_BYTES:
            raise UserError(f"{path}: expected at most {MOST_BYTES} bytes, received {size}")
        with np.load(path, allow_pickle=False) as file:
            return [file[f"{i}"] for i in range(len(file.files))]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: expected arrays of numbers; received {error}") from error
