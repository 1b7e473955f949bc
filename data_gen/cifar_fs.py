"""CIFAR-FS: the 100 classes of CIFAR-100, 600 small colour pictures each.

Bertinetto et al. (2019), "Meta-learning with differentiable closed-form solvers".
"""

from pathlib import Path

from data_gen.class_folders import (
    SplitFiles,
    by_folder,
    check_counts,
    check_same_files,
    decoded,
    find,
    needs_folder,
)
from data_gen.class_pool import Splits
from data_gen.errors import UserError
from data_gen.pictures import PictureTree

CLASSES = {"train": 64, "val": 16, "test": 20}
PICTURES = 600  # per class
IMAGE_SIZE = (32, 32)
CHANNELS = 3

_SUBFOLDERS = ("", "cifar_fs", "cifar-fs", "cifar_fs/cifar-fs")
_LISTS = "splits/bertinetto"


def load(
    data_dir: str | None = None,
    cache_dir: str | None = None,
    invert: bool = True,
    image_size: tuple[int, int] | None = None,
    channels: int | None = None,
    per_class: int = 1,
    split_seed: int = 0,
) -> Splits:
    """Loads CIFAR-FS.

    Args:
        data_dir: folder that holds `train`, `val` and `test` (or `meta-train` …), each a folder or
            a .zip with a folder per class; or `data` with a folder per class and the lists
            `splits/bertinetto/{train,val,test}.txt` of classes; or a subfolder `cifar_fs` or
            `cifar-fs` that does.
        cache_dir: folder for decoded arrays; None is the default of `data_gen.cache`.
        invert: not used; there so that all data sets load alike, as are `per_class` and
            `split_seed`.
        image_size: height and width; None is 32 × 32.
        channels: 1 or 3; None is 3.
        per_class: not used.
        split_seed: not used.

    Returns:
        Pools of 64, 16 and 20 classes, 600 pictures each.

    Raises:
        UserError: if the data is missing, incomplete or damaged.
    """
    del invert, per_class, split_seed
    splits = _listed(*locate(data_dir))
    check_counts(splits, CLASSES, PICTURES, "CIFAR-FS")
    return decoded(splits, image_size or IMAGE_SIZE, channels or CHANNELS, cache_dir, "cifar_fs")


def locate(data_dir: str | None = None) -> tuple[list[Path], Path]:
    """The folders or zips, one for each split or one of all pictures, and that of the lists.

    Raises:
        UserError: if they are in no known layout.
    """
    folder = needs_folder(data_dir, "CIFAR-FS")
    for parent in (folder / subfolder for subfolder in _SUBFOLDERS):
        for prefix in ("", "meta-"):
            roots = find(parent, [prefix + split for split in CLASSES])
            if len(roots) == len(CLASSES):
                return roots, parent / _LISTS
        roots = find(parent, ["data"])
        if roots and (parent / _LISTS).is_dir():
            return roots, parent / _LISTS
    raise UserError(
        f"{folder}: expected train, val and test of CIFAR-FS, each a folder or a .zip, or data "
        f"with {_LISTS}, there or in its subfolder cifar_fs"
    )


def _listed(roots: list[Path], lists: Path) -> list[SplitFiles]:
    """The pictures of each split; see `locate`."""
    trees = [PictureTree(root) for root in roots]
    if len(trees) < len(CLASSES):
        return _of_lists(trees[0], lists)
    return [SplitFiles(tree, by_folder(tree)) for tree in trees]


def _of_lists(tree: PictureTree, lists: Path) -> list[SplitFiles]:
    """The splits of one folder, as the lists of classes say."""
    try:
        names = [(lists / f"{split}.txt").read_text().split() for split in CLASSES]
    except (OSError, ValueError) as error:
        raise UserError(f"{lists}: expected train, val and test.txt; got {error}") from error
    classes = by_folder(tree)
    check_same_files(set().union(*names), set(classes), str(lists), tree.root)
    return [SplitFiles(tree, {name: classes[name] for name in sorted(part)}) for part in names]
