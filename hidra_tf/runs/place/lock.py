"""One training at a time in a run's folder: a lock that the system releases with its process."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from data_gen.errors import UserError, printable

LOCK_FILE = ".lock"

# How `fcntl.lockf` says that another process holds the lock, and that no process can hold one.
_HELD = (errno.EACCES, errno.EAGAIN)
_UNSUPPORTED = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
# A start that fails removes the folder that it made, perhaps from under another start.
_TRIES = 100

_LOG = logging.getLogger(__name__)
# Folders that this process holds: the system's lock keeps out other processes only.
_OURS: set[str] = set()


class InUseError(UserError):
    """Another training holds a run's folder."""


@contextlib.contextmanager
def hold(path: Path) -> Iterator[None]:
    """Keeps other trainings out of the run's folder `path` as long as the context lasts.

    The lock is a POSIX record lock on a file in the folder. The system releases it when the process
    ends, whatever ends it; network file systems know it; processes that this one forks neither
    inherit it nor release it. The file is removed at the end; one that a killed process has left
    locks nobody out.

    The folder is made if it is not there, and taken away again if it is still empty at the end.
    (Of several starts at once, the refused ones may leave it there, empty.)

    Raises:
        InUseError: if another training holds the folder; the message says which one.
        OSError: if the folder cannot be made or written to.
    """
    key = os.path.realpath(path)
    if key in _OURS:
        raise _in_use(path, "this process")
    _OURS.add(key)
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        with _locked(path):
            yield
    finally:
        _OURS.discard(key)
        with contextlib.suppress(OSError):  # the first folder that holds something ends it
            for folder in missing:
                folder.rmdir()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = _acquire(path)
    try:
        yield
    finally:
        # Removed while it is held. Who has opened it before sees that it is no longer the file of
        # that name (`_is_still`), and makes another.
        (path / LOCK_FILE).unlink(missing_ok=True)
        os.close(descriptor)


def _acquire(path: Path) -> int:
    """The descriptor of the lock file, locked."""
    for _ in range(_TRIES):
        path.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            continue
        try:
            _lock(path, descriptor)
            if _is_still(path / LOCK_FILE, descriptor):
                _sign(descriptor)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
    raise _in_use(path, "starts that fail one after the other")


def _lock(path: Path, descriptor: int) -> None:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
            raise _in_use(path, holder or "another process") from None
        if error.errno not in _UNSUPPORTED:
            raise
        _LOG.warning(
            "the file system of %s has no locks; do not start this run twice at the same time", path
        )


def _is_still(file: Path, descriptor: int) -> bool:
    """Whether the file of that name is the one that was opened."""
    try:
        return os.path.samestat(os.stat(file), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _sign(descriptor: int) -> None:
    """Writes who holds the lock, for those who are refused."""
    since = time.strftime("%Y-%m-%d %H:%M:%S %z")
    holder = f"process {os.getpid()} on {socket.gethostname()}, since {since}\n"
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, holder.encode(), 0)


def _in_use(path: Path, holder: str) -> InUseError:
    return InUseError(
        f"expected to be the only training of {path}, but it is in use by {printable(holder)}; "
        "wait until that one ends, or give another `run_dir`"
    )
