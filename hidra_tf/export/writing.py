"""Writes all of something, or nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from data_gen.errors import UserError


@contextlib.contextmanager
def whole(path: str | os.PathLike) -> Iterator[Path]:
    """Yields a place to write to, beside `path`, which is renamed to `path` at the end.

    Raises:
        UserError: if something is at `path` already, but for an empty folder, or if it cannot be
            written there.
    """
    target = Path(path).expanduser().absolute()
    _check_free(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            yield beside / target.name
            os.replace(beside / target.name, target)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise UserError(f"expected to write to {target}; received {error}") from error


def _check_free(target: Path) -> None:
    try:
        empty = target.is_dir() and not target.is_symlink() and not any(target.iterdir())
        taken = os.path.lexists(target)
    except OSError as error:
        raise UserError(f"expected to write to {target}; received {error}") from error
    if taken and not empty:
        raise UserError(f"expected no file and no folder with files at {target}, found one")
