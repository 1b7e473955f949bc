"""The picture files in a folder or in a zip: listed, and read within bounds."""

import contextlib
import functools
import hashlib
import json
import logging
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

from data_gen.errors import UserError, printable
from data_gen.listing import list_folder, list_zip
from data_gen.pictures import BadPictureError, PictureError

# Bytes above which a file, or what a zip unpacks for one, is refused unread.
MOST_BYTES = 256 * 2**20

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
        outside: the paths in a zip that lead out of it; whatever they hold is passed over.
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
            listed = list(list_folder(root) if self._is_folder else list_zip(root))
        except _LIST_ERRORS as error:
            raise UserError(f"{root}: expected a folder or a whole zip, got: {error}") from error
        self.outside = sorted(entry.name for entry in listed if entry.outside)
        listed = [entry for entry in listed if not entry.outside]
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
