"""Arrays that are slow to make, kept on disk with checksums.

One entry is one folder: an `.npy` file per array, and a manifest with the key and the SHA-256 of
each file. An entry is written under another name and then renamed, so a reader never sees half
of one. The cache only saves time: whatever is wrong with it, the arrays are made again.
"""

import hashlib
import io
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

_FORMAT = 1  # Raise it when the layout of an entry changes; older entries are then not found.
_MANIFEST = "manifest.json"

_log = logging.getLogger(__name__)


def cached(
    key: dict[str, Any],
    build: Callable[[], dict[str, np.ndarray]],
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
        The arrays by name, bit for bit what `build` returned.
    """
    text = json.dumps({"format": _FORMAT, **key}, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    entry = Path(cache_dir or _default_dir()) / f"{name}-{digest}"
    if os.path.isdir(entry):
        try:
            return _read(entry, text)
        except (OSError, ValueError) as error:
            _log.warning("rebuilding %s: cannot use the cache %s: %s", name, entry, error)
    arrays = build()
    try:
        _write(entry, text, arrays)
    except OSError as error:
        _log.warning("going on without a cache of %s: cannot write %s: %s", name, entry, error)
    return arrays


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
    digests = manifest.get("sha256")
    if not isinstance(digests, dict):
        raise ValueError(f"{_MANIFEST} lists no checksums")
    arrays = {}
    for array_name, digest in digests.items():
        data = (entry / f"{array_name}.npy").read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:
            raise ValueError(f"{array_name}.npy does not match its checksum")
        arrays[array_name] = np.load(io.BytesIO(data), allow_pickle=False)
    return arrays


def _write(entry: Path, key: str, arrays: dict[str, np.ndarray]) -> None:
    """Writes an entry beside its final place, then moves it there.

    Raises:
        OSError: if the cache folder cannot be written to.
    """
    entry.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=entry.parent, prefix=f".{entry.name}-"))
    try:
        staged = scratch / "new"
        staged.mkdir()
        digests = {}
        for array_name, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            digests[array_name] = hashlib.sha256(buffer.getbuffer()).hexdigest()
            (staged / f"{array_name}.npy").write_bytes(buffer.getbuffer())
        manifest = {"key": key, "sha256": digests}
        (staged / _MANIFEST).write_text(json.dumps(manifest, indent=2))
        _publish(staged, entry, scratch / "old")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


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
