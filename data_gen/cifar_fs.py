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
    read_list,
)
from data_gen.class_pool import Splits
from data_gen.errors import UserError
from data_gen.picture_tree import PictureTree
from data_gen.request import DataRequest

CLASSES = {"train": 64, "val": 16, "test": 20}
PICTURES = 600  # per class
IMAGE_SIZE = (32, 32)
CHANNELS = 3

_SUBFOLDERS = ("", "cifar_fs", "cifar-fs", "cifar_fs/cifar-fs")
_LISTS = "splits/bertinetto"


def load(request: DataRequest) -> Splits:
    """Loads CIFAR-FS.

    Args:
        request: what is wanted. Its `data_dir` is a folder that holds `train`, `val` and `test`
            (or `meta-train` …), each a folder or a .zip with a folder per class; or `data` with a
            folder per class and the lists `splits/bertinetto/{train,val,test}.txt` of classes; or
            a folder whose subfolder `cifar_fs` or `cifar-fs` does. The size and the channels are
            32 × 32 and 3 unless it names others.

    Returns:
        Pools of 64, 16 and 20 classes, 600 pictures each.

    Raises:
        UserError: if the data is missing, incomplete or damaged.
    """
    splits = _listed(*locate(request.data_dir))
    check_counts(splits, CLASSES, PICTURES, "CIFAR-FS")
    return decoded(splits, request.shape(IMAGE_SIZE, CHANNELS), request, "cifar_fs")


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
        names = [read_list(lists / f"{split}.txt").split() for split in CLASSES]
    except (OSError, ValueError) as error:
        raise UserError(f"{lists}: expected train, val and test.txt; got {error}") from error
    classes = by_folder(tree)
    check_same_files(set().union(*names), set(classes), str(lists), tree.root)
    return [SplitFiles(tree, {name: classes[name] for name in sorted(part)}) for part in names]
