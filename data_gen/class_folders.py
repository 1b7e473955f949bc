"""Pictures whose folders or lists name their classes: found, checked, and decoded once.

What data sets of photographs have in common. A class is in one split, and in the order of its
pool its pictures are sorted by name, so folders and zips give the same.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from data_gen import cache, damage
from data_gen.class_pool import ClassPool, Splits
from data_gen.errors import UserError
from data_gen.picture_tree import PictureTree
from data_gen.pictures import MODES, PictureError, decode_picture, recipe
from data_gen.request import DataRequest
from data_gen.room import check_fits

MOST_OF_A_LIST = 64 * 2**20  # bytes


class SplitFiles(NamedTuple):
    """The pictures of one split, before they are decoded.

    Attributes:
        tree: the folder or zip that they are in.
        classes: their names in `tree` by class; in this order they come into the pool.
    """

    tree: PictureTree
    classes: dict[str, list[str]]

    @property
    def names(self) -> list[str]:
        """The names of all pictures, in the order of the pool."""
        return [name for files in self.classes.values() for name in files]


def decoded(
    splits: Sequence[SplitFiles], shape: tuple[int, int, int], request: DataRequest, name: str
) -> Splits:
    """Decodes three splits, or takes them from the cache.

    Args:
        splits: the pictures for training, validation and testing.
        shape: height, width and channels of the pictures in the pools.
        request: what the caller asks for, of which the cache folder and `skip_damaged` count here.
        name: the name of the data set.

    Returns:
        The pools, uint8 [N, H, W, channels]; large ones are mapped from the cache.

    Raises:
        UserError: if a class is in two splits, if pictures are damaged and not to be left out, or
            if there is no room for the decoded pictures.
    """
    for tree in {id(split.tree): split.tree for split in splits}.values():
        tree.warn_of_special()
    check_disjoint(dict(zip(Splits._fields, splits, strict=True)))
    if request.skip_damaged:
        splits = _without_damaged(splits, request.cache_dir, name)
    named = dict(zip(Splits._fields, splits, strict=True))

    def build() -> dict[str, cache.Blocks]:
        total = sum(len(split.names) for split in splits)
        check_fits(name, total, shape, disk=cache.folder(request.cache_dir))
        return {n: _blocks(split, shape) for n, split in named.items()}

    try:
        arrays = cache.cached(_key(splits, shape), build, request.cache_dir, name)
    except PictureError as error:
        used = [(split.tree, split.names) for split in splits]
        raise damage.complaint(error, used, request.cache_dir, name) from error
    return Splits(
        *(_pool(arrays[n], split.classes, arrays.digests.get(n)) for n, split in named.items())
    )


def _without_damaged(
    splits: Sequence[SplitFiles], cache_dir: str | None, name: str
) -> list[SplitFiles]:
    """The splits without their damaged pictures.

    Raises:
        UserError: if a class has no other.
    """
    whole = damage.leave_out([(split.tree, split.names) for split in splits], cache_dir, name)
    left = []
    for split, names in zip(splits, map(set, whole), strict=True):
        classes = {c: [n for n in files if n in names] for c, files in split.classes.items()}
        for class_name, files in classes.items():
            if not files:
                raise UserError(
                    f"{split.tree.root}: expected whole pictures of {class_name}, "
                    f"all {len(split.classes[class_name])} are damaged"
                )
        left.append(SplitFiles(split.tree, classes))
    return left


def _pool(images: np.ndarray, classes: Mapping[str, list[str]], digest: str | None) -> ClassPool:
    return ClassPool(images, tuple(map(len, classes.values())), tuple(classes), digest)


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


def read_list(path: Path) -> str:
    """The text of a list that comes with the pictures.

    Raises:
        OSError: if it cannot be read, or is no file; a pipe is never opened.
        ValueError: if it is no text, or larger than `MOST_OF_A_LIST`.
    """
    if path.exists() and not path.is_file():
        raise OSError("something that is no file")
    with path.open("rb") as file:
        data = file.read(MOST_OF_A_LIST + 1)
    if len(data) > MOST_OF_A_LIST:
        raise ValueError(f"more than {MOST_OF_A_LIST // 2**20} MiB")
    return data.decode("utf-8-sig")


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


def check_disjoint(splits: Mapping[str, SplitFiles]) -> None:
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


def _key(splits: Sequence[SplitFiles], shape: tuple[int, int, int]) -> dict[str, Any]:
    """Everything that the decoded pictures depend on.

    It lists the pictures themselves, and so also says which ones were left out.
    """

    def listed(split: SplitFiles) -> str:
        return hashlib.sha256(json.dumps(split.classes).encode()).hexdigest()

    return {
        "splits": [[split.tree.fingerprint(), listed(split)] for split in splits],
        "size": list(shape[:2]),
        "channels": shape[2],
        **recipe(),
    }


def _blocks(split: SplitFiles, shape: tuple[int, int, int]) -> cache.Blocks:
    """The pictures of a split, one after the other."""
    names = split.names

    def parts() -> Iterator[np.ndarray]:
        for name, data in zip(names, split.tree.read(names), strict=True):
            image = decode_picture(data, split.tree.path(name), shape[:2], MODES[shape[2]])
            yield image.reshape(1, *shape)

    return cache.Blocks((len(names), *shape), np.uint8, parts)
