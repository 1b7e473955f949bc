"""Folders in which entries are written; one that a killed process left behind can be told."""

import contextlib
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no such locks; there only the age of a folder tells.
    fcntl = None

# The name of an entry, and what `scratch_folder` makes of it: other people's folders are not ours.
_ENTRY = r"[\w-]+-[0-9a-f]{16}"
_SCRATCH = rf"\.{_ENTRY}-[a-z0-9_]{{8}}"
_LOCK = "lock"
# Seconds after which a folder without a lock was left behind: one is locked as soon as it is made.
_UNLOCKED = 3600.0


@contextlib.contextmanager
def scratch_folder(entry: Path) -> Iterator[Path]:
    """A folder beside `entry` to prepare it in, locked while it is used, and removed afterwards.

    Raises:
        OSError: if it cannot be made.
    """
    entry.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=entry.parent, prefix=f".{entry.name}-"))
    try:
        # The system releases the lock when the process ends, however it does.
        with (scratch / _LOCK).open("wb") as lock:
            if fcntl is not None:
                with contextlib.suppress(OSError):  # Some network disks have no locks.
                    fcntl.flock(lock, fcntl.LOCK_EX)
            yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def is_scratch(path: Path) -> bool:
    """Whether a folder of the cache is one that `scratch_folder` made."""
    return re.fullmatch(_SCRATCH, path.name) is not None and path.is_dir()


def is_entry(path: Path) -> bool:
    """Whether a folder of the cache is named as entries are."""
    return re.fullmatch(_ENTRY, path.name) is not None and path.is_dir()


def is_abandoned(scratch: Path) -> bool:
    """Whether the process that wrote in this folder has ended without removing it."""
    try:
        with (scratch / _LOCK).open("rb") as lock:
            if fcntl is not None:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
    except BlockingIOError:
        return False
    except OSError:
        pass
    try:
        return time.time() - scratch.stat().st_mtime > _UNLOCKED
    except OSError:
        return False
