"""Entries of the cache: made once, found again by what they depend on.

One entry is one folder: an `.npy` file per array, and a manifest with the key and, for each file,
its size, time and checksums. An entry is written under another name and then renamed, so a reader
never sees half of one. The cache only saves time: whatever is wrong with it, the arrays are made
again. The time of the manifest's file says when the entry was last used.
"""

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from data_gen.cache import arrays as files
from data_gen.cache.arrays import Blocks, BuildError
from data_gen.cache.scratch import scratch_folder
from data_gen.errors import printable

MANIFEST = "manifest.json"

_FORMAT = 3  # Raise it when the layout of an entry changes; older entries are then not found.

_log = logging.getLogger(__name__)


class Arrays(dict[str, np.ndarray]):
    """Arrays by name.

    Attributes:
        digests: the SHA-256 of the elements of those arrays that come from the cache.
    """

    def __init__(self, arrays: dict[str, np.ndarray], digests: dict[str, str]) -> None:
        super().__init__(arrays)
        self.digests = digests


def cached(
    key: dict[str, Any],
    build: Callable[[], dict[str, np.ndarray | Blocks]],
    cache_dir: str | None,
    name: str,
    doing: str | None = None,
) -> Arrays:
    """Returns kept arrays, or makes and keeps them.

    Args:
        key: everything the arrays depend on, as JSON values.
        build: makes the arrays; their names become file names, their types must need no pickle.
        cache_dir: the folder of all entries; None is $HIDRA_CACHE_DIR, else hidra_tf in the user's
            cache folder.
        name: what the arrays are, for the entry's folder name and for messages.
        doing: what a note says while they are made; None is "preparing the pictures of" `name`.

    Returns:
        The arrays by name, bit for bit what `build` made; files of more than `arrays.LARGE` bytes
        come read-only and memory-mapped.
    """
    text = json.dumps({"format": _FORMAT, **key}, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    entry = folder(cache_dir) / f"{name}-{digest}"
    where = printable(entry)
    if os.path.isdir(entry):
        try:
            return _read(entry, text)
        except (OSError, ValueError, RecursionError) as error:
            problem = printable(error)
            _log.warning("rebuilding %s: cannot use the cache %s: %s", name, where, problem)
    _log.info(
        "%s, once; kept in %s (python -m data_gen.cache lists and cleans what is kept)",
        doing or f"preparing the pictures of {name}",
        where,
    )
    made = build()
    try:
        _write(entry, text, made)
        lazy = [array_name for array_name, array in made.items() if isinstance(array, Blocks)]
        kept = _read(entry, text) if lazy else Arrays({}, {})
        return Arrays(
            {**made, **{array_name: kept[array_name] for array_name in lazy}}, kept.digests
        )
    except BuildError as error:
        raise error.__cause__ from None
    except (OSError, ValueError) as error:
        problem = printable(error)
        _log.warning("going on without a cache of %s: cannot write %s: %s", name, where, problem)
    return Arrays({n: a.whole() if isinstance(a, Blocks) else a for n, a in made.items()}, {})


def folder(cache_dir: str | None = None) -> Path:
    """The folder of all entries; None is the one that the environment names."""
    chosen = cache_dir or os.environ.get("HIDRA_CACHE_DIR")
    if chosen:
        return Path(chosen)
    parent = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(parent, "hidra_tf")


def _read(entry: Path, key: str) -> Arrays:
    """Reads and verifies an entry, and notes that it was used.

    Raises:
        OSError: if a file is missing or cannot be read.
        ValueError: if a file is not what was written.
        RecursionError: if the manifest is garbage of a certain kind.
    """
    manifest = json.loads((entry / MANIFEST).read_bytes())
    if not isinstance(manifest, dict) or manifest.get("key") != key:
        raise ValueError(f"{MANIFEST} is not of the expected key")
    records = manifest.get("files")
    if not isinstance(records, dict) or not all(map(files.is_record, records.values())):
        raise ValueError(f"{MANIFEST} does not list the files")
    if manifest.get("checksum") != _checksum(key, records):
        raise ValueError(f"{MANIFEST} does not match its checksum")
    arrays = {name: files.read(entry / f"{name}.npy", record) for name, record in records.items()}
    with contextlib.suppress(OSError):  # The cache may be one that can only be read.
        os.utime(entry / MANIFEST)
    return Arrays(arrays, {name: record["elements"] for name, record in records.items()})


def _checksum(key: str, records: dict[str, Any]) -> str:
    """What a manifest says about itself, so that no file is forgotten when it is damaged."""
    return hashlib.sha256(json.dumps([key, records], sort_keys=True).encode()).hexdigest()


def _write(entry: Path, key: str, arrays: dict[str, np.ndarray | Blocks]) -> None:
    """Writes an entry beside its final place, then moves it there.

    Raises:
        OSError: if the cache folder cannot be written to.
        BuildError: if an array cannot be made.
    """
    with scratch_folder(entry) as scratch:
        staged = scratch / "new"
        staged.mkdir()
        records = {
            array_name: files.write(staged / f"{array_name}.npy", array)
            for array_name, array in arrays.items()
        }
        manifest = {"key": key, "files": records, "checksum": _checksum(key, records)}
        (staged / MANIFEST).write_text(json.dumps(manifest, indent=2))
        _publish(staged, entry, scratch / "old")


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
