"""The pictures or vectors of a pool, on the device or with the host, gathered by row numbers."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ClassVar, Protocol

import numpy as np
import tensorflow as tf
from tensorflow.python.client import device_lib

from data_gen import PICTURES
from data_gen.class_pool import ALIGNMENT, ClassPool
from data_gen.rotations import RotatedPool, turned

# Meta-batches that the host gathers ahead of the one in use.
AHEAD = 4
# Bytes up to which a pool goes to the device without a look at its memory.
SMALL = 2**30

_ON_DEVICE: weakref.WeakKeyDictionary[ClassPool, tf.Tensor] = weakref.WeakKeyDictionary()


def open_source(pool: ClassPool | RotatedPool, where: str) -> Source:
    """Opens the pictures of a pool, to be gathered by their rows.

    Args:
        pool: the pool with the pictures.
        where: the place that holds them, one of `data_gen.PICTURES`: the `device`, or the `host`,
            which maps them from its disk. `auto` is the host if they would take more than half of
            the memory that a GPU has left. On a CPU the two are one memory, and nothing is copied.

    Raises:
        ValueError: if `where` is no such place.
    """
    if where not in PICTURES:
        raise ValueError(f"expected one of {', '.join(PICTURES)}; received {where!r}")
    if isinstance(pool, RotatedPool):
        return TurnedPictures(open_source(pool.upright, where), len(pool.upright.images))
    too_large = where == "auto" and _is_too_large(pool)
    return HostPictures(pool) if where == "host" or too_large else DevicePictures(pool)


class Source(Protocol):
    """The pictures of a pool, each known by its row in the pool.

    Attributes:
        looks_ahead: whether the source wants to be told which rows it will be asked for later.
    """

    looks_ahead: bool

    def drawing(self) -> contextlib.AbstractContextManager:
        """Chooses the device on which row numbers are to be drawn."""

    def gather(
        self, rows: Sequence[tf.Tensor], later: Sequence[tf.Tensor] | None = None
    ) -> list[tf.Tensor]:
        """Some arrays of row numbers [...] → uint8 [..., H, W, channels] for each.

        Args:
            rows: the rows of the pictures that are wanted now.
            later: rows that will be asked for `AHEAD` calls later, if the source looks ahead.
        """


def scaled(images: tf.Tensor, dtype: str) -> tf.Tensor:
    """Pictures in 0..255 → the same in [0, 1], as numbers of type `dtype`."""
    # A product: a compiler would make one of the quotient, and other last bits with it.
    return tf.cast(images, dtype) * (1 / 255)


class TurnedPictures:
    """The pictures of a `RotatedPool`, which are kept upright and turned when they are gathered.

    Args:
        upright: the source of the upright pictures.
        count: N, the number of upright pictures.
    """

    def __init__(self, upright: Source, count: int) -> None:
        self._upright, self._count = upright, count
        self.looks_ahead, self.drawing = upright.looks_ahead, upright.drawing

    def gather(
        self, rows: Sequence[tf.Tensor], later: Sequence[tf.Tensor] | None = None
    ) -> list[tf.Tensor]:
        """Each upright picture, turned as its row says."""
        coming = None if later is None else [part % self._count for part in later]
        images = self._upright.gather([part % self._count for part in rows], coming)
        return [turned(i, part // self._count) for i, part in zip(images, rows, strict=True)]


class DevicePictures:
    """Pictures on the device, once for all samplers; on a CPU, where they are."""

    looks_ahead: ClassVar[bool] = False

    def __init__(self, pool: ClassPool) -> None:
        self._images = _on_device(pool)

    def drawing(self) -> contextlib.AbstractContextManager:
        """Chooses the device on which row numbers are drawn: the one that holds the pictures."""
        return contextlib.nullcontext()

    def gather(self, rows: Sequence[tf.Tensor], later: None = None) -> list[tf.Tensor]:
        """Some arrays of row numbers [...] → uint8 [..., H, W, channels] for each."""
        del later
        return [tf.gather(self._images, part) for part in rows]


class HostPictures:
    """Pictures that stay with the host, where a thread gathers them some meta-batches ahead.

    Nothing is to be saved for a resume: what is gathered ahead is known by its rows, and what was
    not gathered yet is gathered when it is asked for.
    """

    looks_ahead: ClassVar[bool] = True

    def __init__(self, pool: ClassPool) -> None:
        self._images = pool.images
        self._coming: dict[bytes, Future[list[np.ndarray]]] = {}
        self._thread = ThreadPoolExecutor(1, "pictures")

    def drawing(self) -> contextlib.AbstractContextManager:
        """Chooses the CPU to draw row numbers on, so that no other device is waited for."""
        return tf.device("CPU:0")

    def gather(
        self, rows: Sequence[tf.Tensor], later: Sequence[tf.Tensor] | None = None
    ) -> list[tf.Tensor]:
        """Some arrays of row numbers [...] → uint8 [..., H, W, channels] for each.

        Args:
            rows: the rows of the pictures that are wanted now.
            later: rows that will be asked for, to be gathered by the thread until then.
        """

        def fetch(*arrays: np.ndarray) -> list[np.ndarray]:
            return self._fetch(arrays[: len(rows)], arrays[len(rows) :])

        with tf.device("CPU:0"):
            types = [self._images.dtype] * len(rows)
            images = tf.numpy_function(fetch, [*rows, *(later or ())], types)
        images = tf.nest.flatten(images)  # a single one may come without its list
        shape = self._images.shape[1:]
        return [tf.ensure_shape(i, [*r.shape, *shape]) for i, r in zip(images, rows, strict=True)]

    def _fetch(self, rows: Sequence[np.ndarray], later: Sequence[np.ndarray]) -> list[np.ndarray]:
        coming = self._coming.pop(_key(rows), None)
        if later:
            self._coming[_key(later)] = self._thread.submit(self._take, later)
        for key in list(self._coming)[:-AHEAD]:  # left over from a training or evaluation
            self._coming.pop(key).cancel()
        return self._take(rows) if coming is None else coming.result()

    def _take(self, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [np.take(self._images, part, axis=0) for part in rows]


def has_gpu() -> bool:
    """Whether TensorFlow computes on a GPU: one that is there may be hidden from it."""
    return bool(tf.config.list_logical_devices("GPU"))


def _key(rows: Sequence[np.ndarray]) -> bytes:
    return b"".join(part.tobytes() for part in rows)


def _is_too_large(pool: ClassPool) -> bool:
    """Whether the device should not hold this pool, and does not yet."""
    if pool in _ON_DEVICE or pool.images.nbytes <= SMALL:
        return False
    room = _device_room()
    return room is not None and pool.images.nbytes > room / 2


def _device_room() -> int | None:
    """Bytes that the first GPU has left; None where there is none."""
    if not has_gpu():
        return None
    limits = [d.memory_limit for d in device_lib.list_local_devices() if d.device_type == "GPU"]
    return limits[0] - tf.config.experimental.get_memory_info("GPU:0")["current"]


def _on_device(pool: ClassPool) -> tf.Tensor:
    """The pictures [N, H, W, channels] uint8, the same tensor as long as the pool lives."""
    if pool not in _ON_DEVICE:
        constant = not pool.images.flags.writeable and pool.images.ctypes.data % ALIGNMENT == 0
        lend = constant and not has_gpu()
        _ON_DEVICE[pool] = (_lent if lend else tf.constant)(np.ascontiguousarray(pool.images))
    return _ON_DEVICE[pool]


def _lent(images: np.ndarray) -> tf.Tensor:
    """A tensor in the memory of `images`, where `tf.constant` would hold two copies for a while."""
    view = images.view()
    try:
        view.flags.writeable = True  # Nobody writes, but read-only arrays cannot be lent.
    except ValueError:  # memory that is read-only itself
        return tf.constant(images)
    return tf.experimental.dlpack.from_dlpack(view.__dlpack__())
