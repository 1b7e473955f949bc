"""Whatever holds a person's pictures → what the network sees of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image

from data_gen import pictures as files
from data_gen.errors import UserError
from data_gen.views import AS_STORED, View
from hidra_tf.classifier.errors import InputError

Pictures = np.ndarray | Sequence[Any]
_EXPECTED = (
    "pictures: expected an array [N, H, W], [N, H, W, 1] or [N, H, W, 3], or a list of arrays, "
    "pictures or file names"
)


class Prepared(NamedTuple):
    """A picture that needs no resizing and no framing any more.

    Attributes:
        array: uint8 [H, W] or [H, W, channels] of the size and the channels of a `PictureFormat`.
    """

    array: np.ndarray


@dataclass(frozen=True)
class PictureFormat:
    """How pictures of any size and colour become what a network was trained on.

    Attributes:
        size: height and width that pictures are resized to, stretched where they have another
            shape.
        channels: 1 for grey, 3 for colour.
        invert: whether dark strokes on a bright ground become bright strokes on a dark one.
        view: what is seen of a resized picture: its middle, and colours standardised.
        preprocess: what takes the place of the view, if given: a function of pictures
            [N, H, W, channels] in 0 … 255 (float32) to what the network takes, such as
            `keras.applications.resnet50.preprocess_input`.
        frame: whether drawings are framed rather than resized, before all else; see
            `data_gen.framing.framed`. They are then dark strokes on white, whatever they were.
    """

    size: tuple[int, int]
    channels: int
    invert: bool = False
    view: View = AS_STORED
    preprocess: Callable[[np.ndarray], np.ndarray] | None = None
    frame: bool = False

    def seen(self, pictures: Pictures, dtype: str = "float32") -> np.ndarray:
        """What the network sees of N pictures, [N, H, W, channels].

        Args:
            pictures: an array [N, H, W], [N, H, W, 1] or [N, H, W, 3], of uint8 in 0 … 255 or of
                floats in [0, 1]; or a sequence of N such arrays without the first axis, of any
                sizes, of pictures of Pillow, or of names of picture files. An array of another
                size or with other channels is rounded to 8 bits before it is resized, and any
                array before it is framed. `Prepared` pictures are neither resized nor framed.
            dtype: the type of the result's numbers.

        Raises:
            InputError: if they are something else; the message names the place of the first one.
        """
        arrays = [self._resized(one, place) for place, one in enumerate(_listed(pictures))]
        if not arrays:
            raise InputError(f"{_EXPECTED}; received none")
        if self.invert:
            arrays = [255 - one if one.dtype == np.uint8 else 1 - one for one in arrays]
        if len({one.dtype for one in arrays}) > 1:
            arrays = [_as_floats(one) for one in arrays]
        stacked = np.stack(arrays)
        whole = stacked if stacked.dtype == np.uint8 else 255 * stacked
        if self.preprocess is not None:
            return np.asarray(self.preprocess(whole.astype(np.float32)), dtype)
        return self.view(tf.constant(whole), dtype).numpy()

    def _resized(self, picture: Any, place: int) -> np.ndarray:  # noqa: ANN401
        """One picture as an array [h, w, channels] of the stored size."""
        shape = (*self.size, self.channels)
        if isinstance(picture, str | os.PathLike):
            return self._from_file(Path(picture)).reshape(shape)
        if isinstance(picture, Image.Image):
            return self._through_pillow(picture, place).reshape(shape)
        if isinstance(picture, Prepared):
            return picture.array.reshape(shape)
        array = _checked(picture, place)
        if array.shape == shape and not self.frame:
            return array
        image = Image.fromarray(
            np.squeeze(_as_bytes(array), 2) if array.shape[2] == 1 else (_as_bytes(array))
        )
        return self._through_pillow(image, place).reshape(shape)

    def _through_pillow(self, image: Image.Image, place: int) -> np.ndarray:
        try:
            return files.resize(image, self.size, files.MODES[self.channels], self.frame)
        except (ValueError, OSError) as error:
            raise InputError(f"pictures[{place}]: {error}") from error

    def _from_file(self, path: Path) -> np.ndarray:
        try:
            data = path.read_bytes()
        except (OSError, ValueError) as error:  # such as a name with a null byte
            received = getattr(error, "strerror", None) or error
            raise InputError(f"expected a picture at {path}; received {received}") from error
        mode = files.MODES[self.channels]
        try:
            return files.decode_picture(data, str(path), self.size, mode, self.frame)
        except UserError as error:
            raise InputError(str(error)) from error


def _listed(pictures: Pictures) -> Iterable[Any]:
    if isinstance(pictures, str | os.PathLike | Image.Image):
        raise InputError(f"{_EXPECTED}; received a single one, {pictures!r}")
    if np.ma.is_masked(pictures):
        raise InputError("pictures: expected no masked pixels; received some")
    if isinstance(pictures, np.ndarray) or tf.is_tensor(pictures):
        array = np.asarray(pictures)
        if array.dtype.kind in "UO":
            return array.reshape(-1).tolist() if array.ndim == 1 else _refuse(array)
        if array.ndim not in (3, 4):
            _refuse(array)
        if array.ndim == 3 and array.shape[2] in (1, 3):
            raise InputError(
                f"{_EXPECTED}; received shape {list(array.shape)}, which looks like a single one: "
                "give pictures[np.newaxis]"
            )
        return array
    try:
        return list(pictures)
    except TypeError:
        raise InputError(f"{_EXPECTED}; received {type(pictures).__name__}") from None


def _refuse(array: np.ndarray) -> Iterable[Any]:
    raise InputError(f"{_EXPECTED}; received shape {list(array.shape)}, {array.dtype}")


def _checked(picture: Any, place: int) -> np.ndarray:  # noqa: ANN401 — whatever a caller gives
    """One picture [h, w, 1 or 3] of uint8 or of floats in [0, 1]."""
    if np.ma.is_masked(picture):
        raise InputError(f"pictures[{place}]: expected no masked pixels; received some")
    array = np.asarray(picture)
    if array.ndim == 2:
        array = array[:, :, np.newaxis]
    if array.ndim != 3 or array.shape[2] not in (1, 3) or 0 in array.shape:
        raise InputError(
            f"pictures[{place}]: expected a shape [H, W], [H, W, 1] or [H, W, 3]; received "
            f"{list(np.shape(picture))}"
        )
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f":
        raise InputError(
            f"pictures[{place}]: expected uint8 in 0 … 255 or floats in [0, 1]; received "
            f"{array.dtype}"
        )
    if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
        raise InputError(
            f"pictures[{place}]: expected floats in [0, 1], received {array.min():g} to "
            f"{array.max():g}; give pictures of 0 … 255 as uint8"
        )
    return array


def _as_bytes(array: np.ndarray) -> np.ndarray:
    return array if array.dtype == np.uint8 else np.rint(array * 255).astype(np.uint8)


def _as_floats(array: np.ndarray) -> np.ndarray:
    return array / np.float32(255) if array.dtype == np.uint8 else array.astype(np.float32)
