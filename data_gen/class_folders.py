"""Pictures whose folders or lists name their classes: found, checked, and decoded once.

What data sets of photographs have in common. A class is in one split, and in the order of its
pool its pictures are sorted by name, so folders and zips give the same.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from data_gen import cache
from data_gen.class_pool import ClassPool, Splits
from data_gen.errors import UserError
from data_gen.pictures import MODES, PictureTree, decode_picture


class SplitFiles(NamedTuple):
    """The pictures of one split, before they are decoded.

    Attributes:
        tree: where they are.
        classes: their names in `tree` by class; in this order they come into the pool.
    """

    tree: PictureTree
    classes: dict[str, list[str]]


def decoded(
    splits: Sequence[SplitFiles],
    image_size: tuple[int, int],
    channels: int,
    cache_dir: str | None,
    name: str,
) -> Splits:
    """Decodes three splits, or takes them from the cache.

    Args:
        splits: for training, validation and testing.
        image_size: height and width of the pictures in the pools.
        channels: 1 for grey, 3 for colour.
        cache_dir: folder for decoded arrays; None is the default of `data_gen.cache`.
        name: of the data set.

    Returns:
        The pools, uint8 [N, H, W, channels]; large ones are mapped from the cache.

    Raises:
        UserError: if a class is in two splits, or a picture is damaged.
    """
    named = dict(zip(Splits._fields, splits, strict=True))
    _check_disjoint(named)
    key = {
        "splits": [[split.tree.fingerprint(), _digest(split.classes)] for split in splits],
        "size": list(image_size),
        "channels": channels,
    }

    def build() -> dict[str, cache.Blocks]:
        return {n: _blocks(split, image_size, channels) for n, split in named.items()}

    images = cache.cached(key, build, cache_dir, name)
    return Splits(
        *(
            ClassPool(images[n], tuple(map(len, split.classes.values())), tuple(split.classes))
            for n, split in named.items()
        )
    )


def by_folder(tree: PictureTree) -> dict[str, list[str]]:
    """Names of pictures `[…/]<class>/<file>` by class, sorted."""
    return grouped(tree.names, lambda name: PurePosixPath(name).parent.name)


def grouped(names: Sequence[str], class_of: Callable[[str], str]) -> dict[str, list[str]]:
    """Names by class, in the order of the classes' names."""
    classes: dict[str, list[str]] = {}
    for name in names:
        classes.setdefault(class_of(name), []).append(name)
    return dict(sorted(classes.items()))


def find(parent: Path, names: Sequence[str]) -> list[Path]:
    """The folder in `parent`, or else the zip, of each name; without those that are missing."""
    found = []
    for name in names:
        candidates = (parent / name, parent / f"{name}.zip")
        found += [path for path in candidates if path.exists()][:1]
    return found


def needs_folder(data_dir: str | None, what: str) -> Path:
    """`data_dir` as a path.

    Raises:
        UserError: if it is None.
    """
    if data_dir is None:
        raise UserError(f"expected a folder with {what}, received none; name it with `data_dir`")
    return Path(data_dir)


def check_counts(
    splits: Sequence[SplitFiles], classes: Mapping[str, int], pictures: int, what: str
) -> None:
    """Raises `UserError` unless each split has all its classes, and each its number of pictures."""
    for split, (name, expected) in zip(splits, classes.items(), strict=True):
        where = f"{split.tree.root}: expected"
        if len(split.classes) != expected:
            raise UserError(
                f"{where} {expected} {what} classes in the {name} split, "
                f"got {len(split.classes)}; copy or unpack it again"
            )
        for class_name, files in split.classes.items():
            if len(files) != pictures:
                raise UserError(
                    f"{where} {pictures} pictures of {class_name}, got {len(files)}; "
                    "copy or unpack it again"
                )


def check_same_files(listed: set[str], there: set[str], where: str, folder: Path) -> None:
    """Raises `UserError` unless the list `where` names exactly what is there."""
    absent, extra = sorted(listed - there), sorted(there - listed)
    problems = []
    if absent:
        problems.append(f"{len(absent)} listed are missing, such as {absent[0]}")
    if extra:
        problems.append(f"{len(extra)} are not listed, such as {extra[0]}")
    if problems:
        raise UserError(f"{where}: expected the list of what is in {folder}; {'; '.join(problems)}")


def _check_disjoint(splits: Mapping[str, SplitFiles]) -> None:
    """Raises `UserError` if a class is in two splits: it would be tested after being learned."""
    first: dict[str, str] = {}
    for split_name, split in splits.items():
        for class_name in split.classes:
            if class_name in first:
                raise UserError(
                    f"{split.tree.root}: expected every class in one split only, got {class_name} "
                    f"in {first[class_name]} and in {split_name}"
                )
            first[class_name] = split_name


def _digest(classes: dict[str, list[str]]) -> str:
    return hashlib.sha256(json.dumps(classes).encode()).hexdigest()


def _blocks(split: SplitFiles, image_size: tuple[int, int], channels: int) -> cache.Blocks:
    """The pictures of a split, one after the other."""
    names = [name for files in split.classes.values() for name in files]

    def parts() -> Iterator[np.ndarray]:
        for name, data in zip(names, split.tree.read(names), strict=True):
            path = split.tree.path(name)
            image = decode_picture(data, path, image_size, MODES[channels])
            yield image.reshape(1, *image_size, channels)

    return cache.Blocks((len(names), *image_size, channels), np.uint8, parts)
