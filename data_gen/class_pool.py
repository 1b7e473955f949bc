"""Pictures grouped by class: what every data set is turned into."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

ALIGNMENT = 64  # bytes: where TensorFlow wants memory to begin that it is lent


@dataclasses.dataclass(frozen=True, eq=False)
class ClassPool:
    """Pictures of several classes, one class after the other; or vectors in the place of pictures.

    Attributes:
        images: uint8 [N, H, W, channels] in 0..255; may be a `np.memmap`. The pictures of class 0
            come first, then those of class 1, and so on. Vectors are floats [N, D], all finite,
            which networks see as they are; the function of a backbone then takes [N, D].
        counts: number of pictures of each class, all at least 1; they may differ.
        names: distinct class names, in the order of the classes. A name that comes from a file
            may hold lone surrogates, which stand for bytes that are no text.
        known_digest: the SHA-256 of the bytes of `images`, where the cache has noted it; None lets
            `pixels_digest` compute it.

    Raises:
        ValueError: if images, counts and names do not describe the same pictures, or a vector has
            a number that is not finite.
    """

    images: np.ndarray
    counts: tuple[int, ...]
    names: tuple[str, ...]
    known_digest: str | None = None

    def __post_init__(self) -> None:
        _check_images(self.images)
        if len(self.counts) != len(self.names):
            raise ValueError(
                f"expected one name per class, got {len(self.names)} names "
                f"for {len(self.counts)} classes"
            )
        if any(count < 1 for count in self.counts):
            raise ValueError(f"expected at least 1 picture per class, got {min(self.counts)}")
        if sum(self.counts) != len(self.images):
            raise ValueError(
                f"expected {sum(self.counts)} pictures (the sum of counts), got {len(self.images)}"
            )
        if len(set(self.names)) != len(self.names):
            raise ValueError("expected distinct class names, got a name twice")

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.counts)

    @functools.cached_property
    def starts(self) -> np.ndarray:
        """Index of the first picture of each class, int64 [num_classes]."""
        return np.cumsum((0, *self.counts), dtype=np.int64)[:-1]

    @functools.cached_property
    def pixels_digest(self) -> str:
        """SHA-256 of the pictures' bytes, in hexadecimal digits."""
        return self.known_digest or digest(self.images)

    @functools.cached_property
    def fingerprint(self) -> str:
        """A digest of the classes' names and sizes, and of the pictures' shape and pixels.

        It depends on nothing else: not on where the files are, whether they are in a zip, or how
        old they are.
        """
        said = json.dumps([self.names, self.counts, self.image_shape, self.pixels_digest])
        return hashlib.sha256(said.encode()).hexdigest()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of one picture; or the length of a vector, (D,)."""
        return self.images.shape[1:]

    def select(self, names: Sequence[str]) -> "ClassPool":
        """Copies out some of the classes.

        Args:
            names: the distinct names of some classes of this pool.

        Returns:
            A pool of those classes, in the order of `names`.

        Raises:
            KeyError: if this pool has no class of one of the names.
            ValueError: if a name is given twice.
        """
        position = {name: i for i, name in enumerate(self.names)}
        chosen = [position[name] for name in names]
        counts = tuple(self.counts[i] for i in chosen)
        images = np.empty((sum(counts), *self.image_shape), self.images.dtype)
        end = 0
        for i, count in zip(chosen, counts, strict=True):
            images[end : end + count] = self.images[self.starts[i] : self.starts[i] + count]
            end += count
        return ClassPool(images, counts, tuple(names))


class _Pools(NamedTuple):
    train: ClassPool
    val: ClassPool
    test: ClassPool


class Splits(_Pools):
    """Three pools without a common class.

    Attributes:
        train: the pool to learn from.
        val: the pool to choose settings on.
        test: the pool to report on.
    """

    @functools.cached_property
    def all(self) -> ClassPool:
        """All the classes as one pool: those of train, then of val, then of test.

        If two of them have pictures, memory holds a copy of all.
        """
        pools = [pool for pool in self if pool.num_classes] or [self.test]
        return functools.reduce(join, pools)


def _check_images(images: np.ndarray) -> None:
    """Raises `ValueError` unless these are pictures, or vectors of finite numbers."""
    if images.dtype == np.uint8 and images.ndim == 4:
        return
    if images.dtype.kind != "f" or images.ndim != 2:
        raise ValueError(
            "expected uint8 images [N, H, W, channels] or vectors of floats [N, D], "
            f"got {images.dtype} {list(images.shape)}"
        )
    if not np.isfinite(images).all():
        raise ValueError("expected vectors of finite numbers, got one that is not finite")


def empty_pool(shape: tuple[int, int, int]) -> ClassPool:
    """A pool without classes, for pictures of height, width and channels `shape`."""
    return ClassPool(np.empty((0, *shape), np.uint8), (), ())


def digest(array: np.ndarray) -> str:
    """SHA-256 of an array's elements in their order, in hexadecimal digits."""
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def join(first: ClassPool, second: ClassPool) -> ClassPool:
    """Puts the classes of `second` after those of `first`, in memory that may be lent.

    Raises:
        ValueError: if the pools share a name or differ in the shape or type of their pictures.
    """
    if first.images.dtype != second.images.dtype:
        raise ValueError(
            f"expected pools of one type, got {first.images.dtype} and {second.images.dtype}"
        )
    size = first.images.nbytes + second.images.nbytes
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    whole = memory[start : start + size].view(first.images.dtype)
    images = whole.reshape(-1, *first.image_shape)
    np.concatenate([first.images, second.images], out=images)
    images.flags.writeable = False
    return ClassPool(
        images,
        first.counts + second.counts,
        first.names + second.names,
    )


def split_by_name(pool: ClassPool, seed: str, *, train: int, val: int) -> Splits:
    """Deals the classes out to three splits by the hash of their names.

    A class's place depends on nothing but `seed` and the set of names: not on the order of the
    folders on disk, nor on any library's random numbers.

    Args:
        pool: the pool with all the classes of a data set.
        seed: a text that chooses one of the possible ways to deal.
        train: the number of classes to train on.
        val: the number of classes to validate on; all the others are for testing.
    """
    parts = deal(pool.names, seed, train=train, val=val)
    return Splits(*(pool.select(names) for names in parts))


def deal(names: Sequence[str], seed: str, *, train: int, val: int) -> list[list[str]]:
    """Deals names out to training, validation and testing, like `split_by_name`."""

    def place(name: str) -> bytes:
        # File names are bytes, of which some may be no text.
        return hashlib.sha256(f"{seed}:{name}".encode(errors="surrogateescape")).digest()

    order = sorted(names, key=place)
    return [order[:train], order[train : train + val], order[train + val :]]
