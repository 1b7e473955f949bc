"""A new file or folder that is whole or not there, whatever happens while it is written."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from data_gen.errors import UserError


def check_new(path: Path, setting: str, kind: str = "folder", or_empty: bool = False) -> None:
    """Refuses a place at which there is something that a new file or folder would replace.

    Args:
        path: the place.
        setting: how messages call what named it.
        kind: what is to be there, `folder` or `file`.
        or_empty: whether an empty folder may be there.

    Raises:
        UserError: if there is something, or the system does not say.
    """
    try:
        empty = path.is_dir() and not path.is_symlink() and not any(path.iterdir())
        if os.path.lexists(path) and not (empty and or_empty):
            wanted = f"a new {'or empty ' if or_empty else ''}{kind}"
            raise UserError(f"{setting}: expected {wanted}, found {_found(path, empty)} at {path}")
    except OSError as error:  # such as a name that is too long
        raise UserError(f"{setting}: expected a place for a {kind}; received {error}") from error


def _found(path: Path, empty: bool) -> str:
    if path.is_symlink():
        return "a link"
    if path.is_dir():
        return "a folder without files" if empty else "a folder with files"
    return "a file" if path.is_file() else "something else"


@contextlib.contextmanager
def written(
    path: str | os.PathLike, setting: str, kind: str = "folder", or_empty: bool = False
) -> Iterator[Path]:
    """Gives a place for the block to write to, as `whole` does, where nothing is replaced.

    Args:
        path: where it is to be; `~` is understood.
        setting: see `check_new`.
        kind: see `check_new`.
        or_empty: see `check_new`.

    Raises:
        UserError: if something is there already, or if it cannot be written.
    """
    target = Path(path).expanduser().absolute()
    check_new(target, setting, kind, or_empty)
    try:
        with whole(target) as place:
            yield place
    except OSError as error:
        raise UserError(f"{setting}: expected to write to {target}; received {error}") from error


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Gives an empty folder to be filled, which is at `path` after the block; see `whole`."""
    with whole(path) as place:
        place.mkdir()
        yield place


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Gives a place to write to, what is there being at `path` after the block, or nowhere.

    Args:
        path: where nothing is, or an empty folder. Folders on the way are made, and taken away
            again where the block fails.

    Raises:
        UserError: if nothing can be written beside `path`.
        OSError: if it cannot be moved to its place.
    """
    target = path.absolute()
    missing = [above for above in target.parents if not above.exists()]
    try:
        with _beside(target) as folder:
            yield folder / target.name
            (folder / target.name).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):  # the first folder that holds something ends it
            for above in missing:
                above.rmdir()
        raise


@contextlib.contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A folder for the time of the block, beside the place of what is written."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
    except OSError as error:
        raise UserError(f"expected to write to {target}; received {error}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
