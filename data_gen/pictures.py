"""Pictures in a folder or a zip, and how one becomes an array."""

import contextlib
import functools
import hashlib
import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, ImageOps

from data_gen.errors import UserError

MODES = {1: "L", 3: "RGB"}  # Pillow's name of a picture with so many channels

# What operating systems leave behind beside files whose name starts with a dot; in lower case.
_JUNK = ("__macosx", "thumbs.db", "desktop.ini", "icon\r", "lost+found")

# What Pillow raises, depending on where a damaged file stops making sense.
_PILLOW_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
# The same for a zip member: a wrong checksum or header, an unknown or an encrypted compression.
_ZIP_ERRORS = (
    OSError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
)


def resize(image: Image.Image, size: tuple[int, int], mode: str = "L") -> np.ndarray:
    """Converts a picture to `mode`, then resamples it with a Lanczos filter.

    The order matters: Pillow resamples black-and-white pictures by nearest neighbour only. The
    whole picture is shown, so one of another shape is stretched.

    Args:
        image: a decoded picture of any mode with up to 16 bits per channel.
        size: height and width in pixels.
        mode: "L" for grey, "RGB" for colour.

    Returns:
        uint8 [H, W] for grey, [H, W, 3] for colour, in 0..255; transparent parts are white.

    Raises:
        ValueError: if the mode's values have no known range.
    """
    height, width = size
    opaque = _opaque(_eight_bits(image))
    # Not all modes, such as CMYK, are converted to grey directly.
    plain = opaque if opaque.mode in ("1", "L") else opaque.convert("RGB")
    return np.asarray(plain.convert(mode).resize((width, height), Image.Resampling.LANCZOS))


def _eight_bits(image: Image.Image) -> Image.Image:
    """A grey picture of 16 bits, scaled to 8; any other as it is."""
    if not image.mode.startswith("I"):
        if image.mode == "F":
            raise ValueError("values of unknown range (mode F)")
        return image
    values = np.asarray(image)  # Files of 16 bits come in the 32-bit mode "I" too.
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("values of more than 16 bits")
    return Image.fromarray(np.rint(values / 257).astype(np.uint8))


def _opaque(image: Image.Image) -> Image.Image:
    """The picture, on white where it has transparent parts."""
    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)


def decode_picture(data: bytes, path: str, size: tuple[int, int], mode: str = "L") -> np.ndarray:
    """Decodes one picture file.

    Args:
        data: the whole file, in any format Pillow reads; of a moving picture the first frame.
        path: where it came from, for the message.
        size: height and width of the result in pixels.
        mode: "L" for grey, "RGB" for colour.

    Returns:
        uint8 [H, W] for grey, [H, W, 3] for colour, in 0..255; turned as its EXIF data say,
        transparent parts white.

    Raises:
        UserError: if the file is truncated or no picture at all.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            return resize(ImageOps.exif_transpose(image), size, mode)
    except _PILLOW_ERRORS as error:
        raise UserError(f"{path}: expected a whole picture, got one that fails: {error}") from error


@functools.cache
def suffixes() -> frozenset[str]:
    """Endings, ".png" …, of the picture files that the installed Pillow opens.

    Pillow also opens films, drawings and tables of measurements; a picture is what it registers
    with a picture's media type, "image/…". Portable float maps have no known range.
    """
    Image.preinit()  # First, so that common formats are tried before rare ones.
    Image.init()
    formats = {name for name in Image.OPEN if Image.MIME.get(name, "").startswith("image/")}
    known = Image.registered_extensions().items()
    return frozenset(suffix for suffix, name in known if name in formats) - {".pfm"}


class PictureTree:
    """The pictures of a folder or of a zip, by their paths inside it.

    Files and folders whose name starts with a dot, `__MACOSX`, `Thumbs.db` and the like are what
    operating systems leave behind, not data; they are passed over. Links are what they lead to, but
    for those that lead back to a folder that they are in.

    Attributes:
        root: the folder or the zip file.
        names: paths of pictures below `root`, with forward slashes, sorted.
        others: those of files that are no pictures.
        folders: those of all folders but `root`.
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
            listed = dict(_list_folder(root) if self._is_folder else _list_zip(root))
        except _ZIP_ERRORS as error:
            raise UserError(f"{root}: expected a folder or a whole zip, got: {error}") from error
        self._stamps = {name: stamp for name, stamp in listed.items() if stamp is not None}
        self.names = sorted(self._stamps)
        self.others = sorted(
            name for name in listed.keys() - self._stamps if not name.endswith("/")
        )
        self.folders = _folders(listed)

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

    def read(self, names: Iterable[str] | None = None) -> Iterator[bytes]:
        """Yields the bytes of each file.

        Args:
            names: some of `self.names`, in the wanted order; None is all of them.

        Raises:
            UserError: if a file cannot be read; it is named.
        """
        opened = contextlib.nullcontext() if self._is_folder else zipfile.ZipFile(self.root)
        with opened as archive:
            for name in self.names if names is None else names:
                try:
                    data = archive.read(name) if archive else (self.root / name).read_bytes()
                except _ZIP_ERRORS as error:
                    path = self.path(name)
                    raise UserError(f"{path}: expected a readable file, got: {error}") from error
                yield data


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
    return PurePosixPath(name).suffix.lower() in suffixes()


def _list_folder(
    folder: Path, prefix: str = "", above: tuple[str, ...] = ()
) -> Iterator[tuple[str, tuple[int, int] | None]]:
    """Yields the relative name of each file and, ending with a slash, folder below `folder`.

    With it comes the (size in bytes, mtime in ns) of a picture, None for anything else.

    Args:
        folder: to be listed; links are followed.
        prefix: of the names.
        above: the true paths of the folders on the way here, which a link may lead back to.
    """
    above = (*above, os.path.realpath(folder))
    with os.scandir(folder) as entries:
        for entry in entries:
            name = prefix + entry.name
            if _is_junk(entry.name):
                continue
            if not entry.is_dir():
                stat = entry.stat() if _is_picture(name) else None
                yield name, stat and (stat.st_size, stat.st_mtime_ns)
            elif os.path.realpath(entry.path) not in above:
                yield f"{name}/", None
                yield from _list_folder(Path(entry.path), f"{name}/", above)


def _list_zip(root: Path) -> Iterator[tuple[str, tuple[int, int] | None]]:
    """Yields the names in the central directory, of folders with a slash at the end.

    With it comes the (size in bytes, CRC-32) of a picture, None for anything else.
    """
    with zipfile.ZipFile(root) as archive:
        for info in archive.infolist():
            name = info.filename
            if any(map(_is_junk, PurePosixPath(name).parts)):
                continue
            is_picture = not info.is_dir() and _is_picture(name)
            yield name, (info.file_size, info.CRC) if is_picture else None
