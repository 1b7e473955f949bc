"""What the cache holds, and how it is cleaned."""

import contextlib
import os
import shutil
import time
from pathlib import Path
from typing import NamedTuple

from data_gen.cache.entries import MANIFEST
from data_gen.cache.scratch import is_abandoned, is_entry, is_scratch, scratch_folder

_DAY = 86400.0  # seconds


class Entry(NamedTuple):
    """One entry of the cache, or a folder that a killed process left behind.

    Attributes:
        path: the folder.
        size: the bytes of its files.
        used: the time of its last use, in seconds since 1970; of a folder that was left behind,
            the time of its last change.
        abandoned: whether it was left behind.
    """

    path: Path
    size: int
    used: float
    abandoned: bool


def entries(folder: Path) -> list[Entry]:
    """What a cache folder holds, by name, without what is being written now.

    Folders that are no entries are not listed, and so never removed. Of two processes that clean
    at once, each lists what the other has not removed yet.
    """
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        abandoned = is_scratch(path) and is_abandoned(path)
        if not abandoned and not (is_entry(path) and (path / MANIFEST).is_file()):
            continue
        with contextlib.suppress(OSError):
            used = (path if abandoned else path / MANIFEST).stat().st_mtime
            found.append(Entry(path, _size(path), used, abandoned))
    return found


def clean(folder: Path, days: float = 0.0) -> tuple[list[Entry], list[Entry]]:
    """Removes entries that were not used for a number of days, and all that was left behind.

    What a running process has mapped stays readable for it. An entry is moved away first, so that
    no reader finds half of one.

    Args:
        folder: the cache folder.
        days: 0 removes all entries.

    Returns:
        The entries that were removed, and those that should have been and could not be.
    """
    removed: list[Entry] = []
    failed: list[Entry] = []
    for entry in entries(folder):
        if entry.abandoned or days <= 0 or entry.used < time.time() - days * _DAY:
            (removed if _remove(entry) else failed).append(entry)
    return removed, failed


def _remove(entry: Entry) -> bool:
    """Removes one; returns whether it is gone."""
    if entry.abandoned:
        shutil.rmtree(entry.path, ignore_errors=True)
        return not entry.path.exists()
    try:
        with scratch_folder(entry.path) as scratch:
            os.replace(entry.path, scratch / "old")
    except OSError:
        return False
    return not entry.path.exists()


def _size(folder: Path) -> int:
    """The bytes of all files below a folder; those that vanish at the same time count nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total
