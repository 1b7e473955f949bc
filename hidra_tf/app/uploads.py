"""Files that a visitor sends → pictures of the network's size."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from data_gen import pictures
from data_gen.errors import UserError, printable
from hidra_tf.app.bounds import MOST_BYTES, MOST_FILES, MOST_PIXELS


def read(
    files: Sequence[str | os.PathLike],
    size: tuple[int, int],
    channels: int,
    frame: bool = False,
) -> tuple[list[np.ndarray], list[str]]:
    """The pictures of some files, and for each file that gives none one line that says why.

    Args:
        files: their names.
        size: the height and width of the pictures in pixels; others are stretched.
        channels: 1 for grey, 3 for colour.
        frame: whether drawings are framed instead; see `data_gen.framing.framed`.

    Returns:
        Pictures uint8 [H, W] or [H, W, 3], and lines; together as many as files.

    Raises:
        UserError: if there are too many files.
    """
    if len(files) > MOST_FILES:
        raise UserError(
            f"Please choose at most {MOST_FILES} files at a time; these are {len(files)}."
        )
    found, refused = [], []
    for file in files:
        try:
            found.append(_read(Path(file), size, channels, frame))
        except UserError as error:
            refused.append(str(error))
    return found, refused


def _read(path: Path, size: tuple[int, int], channels: int, frame: bool) -> np.ndarray:
    name = printable(path.name)
    try:
        if (length := path.stat().st_size) > MOST_BYTES:
            raise UserError(
                f"{name}: expected at most {MOST_BYTES >> 20} MiB, received {length / 2**20:.1f}"
            )
        _check_pixels(path, name)
        mode = pictures.MODES[channels]
        return pictures.decode_picture(path.read_bytes(), name, size, mode, frame)
    except OSError as error:
        raise UserError(f"{name}: expected a whole picture; {error.strerror or error}") from error


def _check_pixels(path: Path, name: str) -> None:
    """Raises `UserError` where the header of a picture tells too many pixels.

    What has no header to read is left to the decoder, which says what is wrong.
    """
    try:
        with warnings.catch_warnings():  # Pillow warns of pictures that are larger than ours.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                width, height = image.size
    except Image.DecompressionBombError:
        width, height = MOST_PIXELS, 2
    except Exception:  # whatever a damaged header makes of Pillow
        return
    if width * height > MOST_PIXELS:
        raise UserError(
            f"{name}: expected at most {MOST_PIXELS // 10**6} million pixels; it has many more"
        )
