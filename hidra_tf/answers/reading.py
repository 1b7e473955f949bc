"""Reads a person's pictures one after the other; what is damaged is left out and remembered."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, MutableMapping
from typing import NamedTuple

import numpy as np
from PIL import Image

from data_gen.picture_tree import PictureTree
from data_gen.pictures import MODES, PictureError, resize, whole_picture
from hidra_tf.classifier.pictures import PictureFormat

# Pixels of the longer side of a picture on a contact sheet.
THUMBNAIL = 72
# The ground of a drawing is at most so bright, or at most so dark.
_DARK = 85


class Picture(NamedTuple):
    """A picture that was read.

    Attributes:
        name: its path in the folder or zip.
        array: what a classifier takes as `Prepared`: uint8 [H, W, channels] of the size that it
            looks at, framed if it wants that.
        thumbnail: a person's view of it, uint8 [h, w, 3].
        digest: what tells its file's bytes from those of another.
    """

    name: str
    array: np.ndarray
    thumbnail: np.ndarray
    digest: bytes

    @property
    def bright(self) -> bool | None:
        """Whether most of the picture is bright; None where it is neither bright nor dark."""
        ground = np.median(self.array)
        return None if _DARK < ground < 255 - _DARK else bool(ground > _DARK)


def read(
    tree: PictureTree,
    names: Iterable[str],
    wanted: PictureFormat,
    left_out: MutableMapping[str, str],
) -> Iterator[Picture]:
    """Yields the pictures of some names that are whole.

    Args:
        tree: where they are.
        names: their names there.
        wanted: the size and the channels of `Picture.array`, and whether drawings are framed.
        left_out: to this is added what is wrong with each of the others.

    Raises:
        UserError: if a zip cannot be opened.
    """
    mode, shape = MODES[wanted.channels], (*wanted.size, wanted.channels)
    with tree.opened() as bytes_of:
        for name in names:
            try:
                data = bytes_of(name)
                with whole_picture(data, name) as image:
                    array = resize(image, wanted.size, mode, wanted.frame).reshape(shape)
                    thumbnail = resize(image, _fitted(image), "RGB")
            except PictureError as error:
                left_out[name] = str(error)
                continue
            yield Picture(name, array, thumbnail, hashlib.sha256(data).digest())


def _fitted(image: Image.Image) -> tuple[int, int]:
    """Height and width of a thumbnail with the picture's own ratio of sides."""
    scale = THUMBNAIL / max(image.width, image.height)
    return max(1, round(scale * image.height)), max(1, round(scale * image.width))
