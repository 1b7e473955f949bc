"""How one picture file becomes an array."""

import contextlib
import functools
import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import PIL
from PIL import Image, ImageOps

from data_gen.errors import UserError
from data_gen.framing import framed

MODES = {1: "L", 3: "RGB"}  # Pillow's name of a picture with so many channels

# Pixels above which a picture is refused unread. The largest cameras have 102 million.
MOST_PIXELS = 120_000_000

_RECIPE = 1  # Raise it when pictures are decoded otherwise, so that cached ones are not used.

# What Pillow raises, depending on where a damaged file stops making sense.
_PILLOW_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
)


class PictureError(UserError):
    """A file that gives no picture, perhaps only today; the message names it."""


class BadPictureError(PictureError):
    """A picture that is damaged, or too large to be decoded."""


def recipe() -> dict[str, Any]:
    """What decoded pictures depend on besides their files: a part of every cache key."""
    return {"recipe": _RECIPE, "pillow": PIL.__version__}


def resize(
    image: Image.Image, size: tuple[int, int], mode: str = "L", frame: bool = False
) -> np.ndarray:
    """Converts a picture to `mode`, then resamples it with a Lanczos filter.

    The order matters: Pillow resamples black-and-white pictures by nearest neighbour only. The
    whole picture is shown, so one of another shape is stretched.

    Args:
        image: a decoded picture of any mode with up to 16 bits per channel.
        size: the height and width of the result in pixels.
        mode: the colours of the result, "L" for grey or "RGB".
        frame: whether a drawing is framed instead of resized; see `data_gen.framing.framed`. What
            is no drawing is resized.

    Returns:
        uint8 [H, W] for grey, [H, W, 3] for colour, in 0..255; transparent parts are white.

    Raises:
        ValueError: if the mode's values have no known range.
    """
    height, width = size
    opaque = _opaque(_eight_bits(image))
    # Not all modes, such as CMYK, are converted to grey directly.
    plain = opaque if opaque.mode in ("1", "L") else opaque.convert("RGB")
    if frame and (drawing := framed(np.asarray(plain.convert("L")), size)) is not None:
        return drawing if mode == "L" else np.stack([drawing] * 3, axis=-1)
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


def decode_picture(
    data: bytes, path: str, size: tuple[int, int], mode: str = "L", frame: bool = False
) -> np.ndarray:
    """Decodes one picture file.

    Args:
        data: the whole file, in any format that Pillow reads; of a moving picture, the first frame
            is taken.
        path: the name of the file, for the message.
        size: the height and width of the result in pixels.
        mode: the colours of the result, "L" for grey or "RGB".
        frame: as for `resize`.

    Returns:
        uint8 [H, W] for grey, [H, W, 3] for colour, in 0..255; turned as its EXIF data say,
        transparent parts white.

    Raises:
        BadPictureError: if the file is truncated or no picture at all, or has more than
            `MOST_PIXELS` pixels.
    """
    with whole_picture(data, path) as image:
        return resize(image, size, mode, frame)


@contextlib.contextmanager
def whole_picture(data: bytes, path: str) -> Iterator[Image.Image]:
    """Gives a picture file's picture in its own size and mode, turned as its EXIF data say.

    Args:
        data: as for `decode_picture`.
        path: as for `decode_picture`.

    Raises:
        BadPictureError: as `decode_picture` does; also where what is done with the picture fails.
    """
    try:
        with _opened(data) as image:
            if image.width * image.height > MOST_PIXELS:
                raise _too_many_pixels(path, f"{image.width} × {image.height}")
            image.load()
            yield ImageOps.exif_transpose(image)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(path, "many more") from error
    except PIL.UnidentifiedImageError as error:
        message = f"{path}: expected a whole picture, got one that begins like no known format"
        raise BadPictureError(message) from error
    except _PILLOW_ERRORS as error:
        message = f"{path}: expected a whole picture, got one that fails: {error}"
        raise BadPictureError(message) from error


def _opened(data: bytes) -> Image.Image:
    """The picture with its header read, and nothing else yet."""
    with warnings.catch_warnings():  # Pillow warns of pictures that are smaller than our bound.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(io.BytesIO(data))


def _too_many_pixels(path: str, received: str) -> BadPictureError:
    return BadPictureError(
        f"{path}: expected a picture of at most {MOST_PIXELS // 10**6} million pixels, "
        f"received {received}"
    )


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
