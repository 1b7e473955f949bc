"""The picture files in a folder or in a zip: listed, and read within bounds."""

import contextlib
import functools
import hashlib
import json
import logging
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from data_gen import pictures
from data_gen.errors import UserError, printable
from data_gen.pictures import BadPictureError, PictureError

# Bytes above which a file, or what a zip unpacks for one, is refused unread.
MOST_BYTES = 256 * 2**20

# What operating systems leave behind beside files whose name starts with a dot; in lower case.
_JUNK = ("__macosx", "thumbs.db", "desktop.ini", "icon\r", "lost+found")

# A damaged zip member: a wrong checksum or header, an unknown or an encrypted compression.
_MEMBER_ERRORS = (
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
)
# The same for a list of members, whose names may be of no known encoding.
_LIST_ERRORS = (OSError, ValueError, struct.error, *_MEMBER_ERRORS)

_log = logging.getLogger(__name__)


class _Listed(NamedTuple):
    """One thing in a folder or a zip.

    Attributes:
        name: its path, with a slash at the end if it is a folder.
        stamp: of a picture, its size in bytes and what changes with its contents (a folder's file
            has a time in ns, a zip's member a CRC-32); None for anything else.
        special: whether it is neither a file nor a folder: a pipe, a socket or a device.
    """

    name: str
    stamp: tuple[int, int] | None = None
    special: bool = False


class PictureTree:
    """The pictures of a folder or of a zip, by their paths inside it.

    Files and folders whose name starts with a dot, `__MACOSX`, `Thumbs.db` and the like are what
    operating systems leave behind, not data; they are passed over. Links are what they lead to, but
    for those that lead back to a folder that they are in.

    Attributes:
        root: the folder or the zip file.
        names: the paths of the pictures below `root`, with forward slashes, sorted.
        others: the paths of the files that are no pictures.
        special: the paths of pipes, sockets and devices, which are never opened.
        folders: the paths of all folders but `root`.
    """

    def __init__(self, root: Path) -> None:
        """Lists the pictures without reading them.

        Args:
            root: a folder, or a file taken for a zip.

        Raises:
            UserError: if it is neither, or cannot be listed.
        """
        self.root = root
        self._is_folder = root.is_dir()
        try:
            listed = list(_list_folder(root) if self._is_folder else _list_zip(root))
        except _LIST_ERRORS as error:
            raise UserError(f"{root}: expected a folder or a whole zip, got: {error}") from error
        # A zip may list a name twice; the last one is what is read.
        self._stamps = {entry.name: entry.stamp for entry in listed if entry.stamp is not None}
        self.names = sorted(self._stamps)
        self.special = sorted(entry.name for entry in listed if entry.special)
        left = {entry.name for entry in listed} - self._stamps.keys() - set(self.special)
        self.others = sorted(name for name in left if not name.endswith("/"))
        self.folders = _folders(entry.name for entry in listed)

    def fingerprint(self) -> str:
        """A digest that changes when a picture is added, removed or replaced.

        It is made of the names with sizes and times (folder) or sizes and CRCs (zip), so no
        picture is read for it.
        """
        listing = json.dumps([(name, *self._stamps[name]) for name in self.names])
        return hashlib.sha256(listing.encode()).hexdigest()

    def path(self, name: str) -> str:
        """How messages call the picture `name`."""
        return f"{self.root}/{name}" if self._is_folder else f"{self.root}: {name}"

    def warn_of_special(self) -> None:
        """Names the pipes, sockets and devices that are passed over, if there are any."""
        if self.special:
            _log.warning(
                "%s: passing over what is neither a file nor a folder (%d): %s",
                printable(self.root),
                len(self.special),
                shortened(self.special),
            )

    @contextlib.contextmanager
    def opened(self) -> Iterator[Callable[[str], bytes]]:
        """Gives a function from a name of `names` to the bytes of that file.

        The function raises `BadPictureError` if a file is damaged or larger than `MOST_BYTES`, and
        another `PictureError` if the system cannot read it; both name the file.

        Raises:
            UserError: if the zip cannot be opened.
        """
        if self._is_folder:
            yield functools.partial(self._checked, self._read_file)
            return
        try:
            archive = zipfile.ZipFile(self.root)
        except _LIST_ERRORS as error:
            raise UserError(f"{self.root}: expected a whole zip, got: {error}") from error
        with archive:
            yield functools.partial(self._checked, functools.partial(self._read_member, archive))

    def read(self, names: Iterable[str] | None = None) -> Iterator[bytes]:
        """Yields the bytes of each file.

        Args:
            names: some of `self.names`, in the wanted order; None is all of them.

        Raises:
            UserError: if a file cannot be read; it is named.
        """
        with self.opened() as read:
            for name in self.names if names is None else names:
                yield read(name)

    def _read_file(self, name: str) -> bytes:
        """A file of the folder, or the beginning of one that has grown beyond the bound."""
        with (self.root / name).open("rb") as file:
            return file.read(MOST_BYTES + 1)

    def _read_member(self, archive: zipfile.ZipFile, name: str) -> bytes:
        """A member of the zip, and no more of it than the zip says that there is."""
        with archive.open(name) as member:
            return member.read(self._stamps[name][0])

    def _checked(self, read: Callable[[str], bytes], name: str) -> bytes:
        """What `read` gives for a name, unless it is too much."""
        path, size = self.path(name), self._stamps[name][0]
        try:
            data = read(name) if size <= MOST_BYTES else b""
        except OSError as error:
            raise PictureError(f"{path}: expected a readable file, got: {error}") from error
        except _MEMBER_ERRORS as error:
            raise BadPictureError(f"{path}: expected a readable file, got: {error}") from error
        size = max(size, len(data))
        if size > MOST_BYTES:
            raise BadPictureError(
                f"{path}: expected a file of at most {MOST_BYTES // 2**20} MiB, "
                f"received {size / 2**20:.0f} MiB or more"
            )
        return data


def shortened(names: Iterable[str], most: int = 3) -> str:
    """The first few names, printable and separated by commas, with "…" for the others."""
    listed = [printable(name) for name in names]
    return ", ".join(listed if len(listed) <= most else [*listed[:most], "…"])


def _folders(names: Iterable[str]) -> list[str]:
    """Paths, sorted, of the folders that are among `names` or that hold some of them."""
    folders = {PurePosixPath(folder) for folder in {name.rpartition("/")[0] for name in names}}
    folders |= {above for folder in folders for above in folder.parents}
    return sorted(folder.as_posix() for folder in folders - {PurePosixPath()})


def _is_junk(name: str) -> bool:
    """Whether an operating system left behind a file or folder of this name."""
    return name.startswith(".") or name.lower() in _JUNK


def _is_picture(name: str) -> bool:
    """Whether a file is a picture, by its ending."""
    return PurePosixPath(name).suffix.lower() in pictures.suffixes()


def _list_folder(folder: Path, prefix: str = "", above: tuple[str, ...] = ()) -> Iterator[_Listed]:
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
                yield _Listed(f"{name}/")
                yield from _list_folder(Path(entry.path), f"{name}/", above)


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


def _listed_file(name: str, status: os.stat_result | None) -> _Listed:
    """An entry of a folder that is no folder; `status` None is a link to nowhere."""
    if status is None:
        return _Listed(name)
    if not stat.S_ISREG(status.st_mode):
        return _Listed(name, special=True)
    return _Listed(name, (status.st_size, status.st_mtime_ns) if _is_picture(name) else None)


def _list_zip(root: Path) -> Iterator[_Listed]:
    """Yields what the central directory of a zip lists.

    Raises:
        OSError: if it cannot be read; one that is no file, such as a pipe, is not opened.
    """
    if root.exists() and not root.is_file():
        raise OSError("neither a file nor a folder")
    with zipfile.ZipFile(root) as archive:
        for info in archive.infolist():
            name = info.filename
            if any(map(_is_junk, PurePosixPath(name).parts)):
                continue
            is_picture = not info.is_dir() and _is_picture(name)
            yield _Listed(name, (info.file_size, info.CRC) if is_picture else None)
