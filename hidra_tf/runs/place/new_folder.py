"""A new folder, filled and then shown: whoever looks sees all of it or nothing."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from data_gen.errors import UserError


def check_new(path: Path, setting: str, or_empty: bool = False) -> None:
    """Refuses a place at which there is something that a new folder would take the place of.

    Args:
        path: the place.
        setting: how messages call what named it.
        or_empty: whether an empty folder may be there.

    Raises:
        UserError: if there is something, or the system does not say.
    """
    try:
        empty = or_empty and path.is_dir() and not any(path.iterdir())
        if not empty and (path.exists() or path.is_symlink()):
            kind = "a new or empty folder" if or_empty else "a new folder"
            found = "a folder with files" if path.is_dir() else "something else"
            raise UserError(f"{setting}: expected {kind}, found {found} at {path}")
    except OSError as error:  # such as a name that is too long
        raise UserError(f"{setting}: expected a place for a folder; received {error}") from error


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Gives a folder to be filled, which is at `path` after the block, or nowhere if it failed.

    Args:
        path: where nothing is, or an empty folder. Folders on the way are made, and taken away
            again where the block fails.

    Raises:
        UserError: if the folder cannot be made.
        OSError: if it cannot be moved to its place.
    """
    target = path.absolute()
    missing = [above for above in target.parents if not above.exists()]
    temporary = None
    try:
        temporary = _temporary(target)
        yield temporary
        temporary.chmod(0o755)
        temporary.rename(target)
    except BaseException:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
        with contextlib.suppress(OSError):  # the first folder that holds something ends it
            for above in missing:
                above.rmdir()
        raise


def _temporary(target: Path) -> Path:
    """A new folder beside the place of another."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
    except OSError as error:
        raise UserError(
            f"expected a place for a new folder at {target}; received {error}"
        ) from error
