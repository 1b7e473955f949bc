"""What is in a folder or in a zip: pictures by their endings, other files, and what is no file."""

import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from data_gen import pictures

# What operating systems leave behind beside files whose name starts with a dot; in lower case.
_JUNK = ("__macosx", "thumbs.db", "desktop.ini", "icon\r", "lost+found")


class Listed(NamedTuple):
    """One thing in a folder or a zip.

    Attributes:
        name: its path, with a slash at the end if it is a folder.
        stamp: the size of a picture in bytes, and a number that changes with its contents (a
            folder's file has a time in ns, a zip's member a CRC-32); None for anything else.
        special: whether it is neither a file nor a folder: a pipe, a socket or a device.
        outside: whether it is a file of a zip whose path leads out of the zip; it is no picture.
    """

    name: str
    stamp: tuple[int, int] | None = None
    special: bool = False
    outside: bool = False


def _is_junk(name: str) -> bool:
    """Whether an operating system left behind a file or folder of this name."""
    return name.startswith(".") or name.lower() in _JUNK


def _is_picture(name: str) -> bool:
    """Whether a file is a picture, by its ending."""
    return PurePosixPath(name).suffix.lower() in pictures.suffixes()


def list_folder(folder: Path, prefix: str = "", above: tuple[str, ...] = ()) -> Iterator[Listed]:
    """Yields each file below `folder` and, before its contents, each folder.

    Args:
        folder: the folder to be listed; links are followed.
        prefix: what the names begin with.
        above: the true paths of the folders on the way here, which a link may lead back to.

    Raises:
        OSError: if a folder cannot be listed, or a picture is a link that leads nowhere.
    """
    above = (*above, os.path.realpath(folder))
    with os.scandir(folder) as entries:
        for entry in entries:
            if _is_junk(entry.name):
                continue
            name = prefix + entry.name
            status = _status(entry)
            if status is None or not stat.S_ISDIR(status.st_mode):
                yield _listed_file(name, status)
            elif os.path.realpath(entry.path) not in above:
                yield Listed(f"{name}/")
                yield from list_folder(Path(entry.path), f"{name}/", above)


def _status(entry: os.DirEntry) -> os.stat_result | None:
    """What a folder's entry is in the end; None for a link to nowhere that is to be no picture.

    Raises:
        OSError: if that cannot be found out of a picture; a link may lead to itself.
    """
    try:
        return entry.stat()
    except OSError:
        if _is_picture(entry.name):
            raise
        return None


def _listed_file(name: str, status: os.stat_result | None) -> Listed:
    """An entry of a folder that is no folder; `status` None is a link to nowhere."""
    if status is None:
        return Listed(name)
    if not stat.S_ISREG(status.st_mode):
        return Listed(name, special=True)
    return Listed(name, (status.st_size, status.st_mtime_ns) if _is_picture(name) else None)


def list_zip(root: Path) -> Iterator[Listed]:
    """Yields what the central directory of a zip lists.

    Raises:
        OSError: if it cannot be read; one that is no file, such as a pipe, is not opened.
    """
    if root.exists() and not root.is_file():
        raise OSError("neither a file nor a folder")
    with zipfile.ZipFile(root) as archive:
        for info in archive.infolist():
            name = info.filename
            parts = [part for part in PurePosixPath(name).parts if part != ".."]
            if any(map(_is_junk, parts)):
                continue
            if len(parts) < len(PurePosixPath(name).parts):
                if not info.is_dir():
                    yield Listed(name, outside=True)
                continue
            is_picture = not info.is_dir() and _is_picture(name)
            yield Listed(name, (info.file_size, info.CRC) if is_picture else None)
