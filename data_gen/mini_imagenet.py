"""mini-ImageNet: 100 classes of ImageNet, 600 colour photographs each.

Vinyals et al. (2016), "Matching networks for one shot learning"; the classes are split as in Ravi
and Larochelle (2017), "Optimization as a model for few-shot learning".
"""

import csv
import io
from pathlib import Path, PurePosixPath

from data_gen.class_folders import (
    SplitFiles,
    by_folder,
    check_counts,
    check_same_files,
    decoded,
    find,
    grouped,
    needs_folder,
    read_list,
)
from data_gen.class_pool import Splits
from data_gen.errors import UserError
from data_gen.picture_tree import PictureTree
from data_gen.request import DataRequest

CLASSES = {"train": 64, "val": 16, "test": 20}
PICTURES = 600  # per class
IMAGE_SIZE = (84, 84)
CHANNELS = 3


def load(request: DataRequest) -> Splits:
    """Loads mini-ImageNet.

    Args:
        request: what is wanted. Its `data_dir` is a folder that holds `train`, `val` and `test`,
            each a folder or a .zip with a folder per class, or one `images` with everything and
            the official lists `train.csv`, `val.csv` and `test.csv`; or a folder whose subfolder
            `mini_imagenet` does. Lists that are there are compared with the pictures. The size
            and the channels are 84 × 84 and 3 unless it names others.

    Returns:
        Pools of 64, 16 and 20 classes named by their WordNet ids, 600 pictures each.

    Raises:
        UserError: if the data is missing, incomplete or damaged.
    """
    splits = _listed(*locate(request.data_dir))
    check_counts(splits, CLASSES, PICTURES, "mini-ImageNet")
    return decoded(splits, request.shape(IMAGE_SIZE, CHANNELS), request, "mini_imagenet")


def locate(data_dir: str | None = None) -> tuple[list[Path], list[Path]]:
    """The folders or zips, one for each split or one of all pictures, and the lists' places.

    Raises:
        UserError: if they are in no known layout.
    """
    folder = needs_folder(data_dir, "mini-ImageNet")
    for parent in (folder, folder / "mini_imagenet"):
        lists = [parent / f"{split}.csv" for split in CLASSES]
        roots = find(parent, list(CLASSES))
        if len(roots) == len(CLASSES):
            return roots, lists
        roots = find(parent, ["images"])
        if roots and all(file.is_file() for file in lists):
            return roots, lists
    raise UserError(
        f"{folder}: expected train, val and test of mini-ImageNet, each a folder or a .zip, or "
        "images with train.csv, val.csv and test.csv, there or in its subfolder mini_imagenet"
    )


def _listed(roots: list[Path], lists: list[Path]) -> list[SplitFiles]:
    """The pictures of each split; see `locate`.

    Raises:
        UserError: if lists say something else than folders.
    """
    trees = [PictureTree(root) for root in roots]
    if len(trees) < len(lists):
        return _of_lists(trees[0], lists)
    return [_of_folder(tree, file) for tree, file in zip(trees, lists, strict=True)]


def _of_folder(tree: PictureTree, list_file: Path) -> SplitFiles:
    """A split with a folder per class, which its list must repeat if there is one."""
    classes = by_folder(tree)
    if list_file.exists():
        listed = {f"{label}/{file}" for file, label in _read_list(list_file).items()}
        there = {"/".join(PurePosixPath(name).parts[-2:]) for name in tree.names}
        check_same_files(listed, there, str(list_file), tree.root)
    return SplitFiles(tree, classes)


def _of_lists(tree: PictureTree, lists: list[Path]) -> list[SplitFiles]:
    """The splits of one folder, as the lists say."""
    paths = {PurePosixPath(name).name: name for name in tree.names}
    labels = [_read_list(file) for file in lists]
    check_same_files(set().union(*labels), set(paths), ", ".join(map(str, lists)), tree.root)
    return [
        SplitFiles(
            tree,
            {
                label: [paths[file] for file in files]
                for label, files in grouped(sorted(of_split), of_split.__getitem__).items()
            },
        )
        for of_split in labels
    ]


def _read_list(path: Path) -> dict[str, str]:
    """Label of each file name in a list with the columns `filename` and `label`.

    Raises:
        UserError: if it is no such list.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(read_list(path), newline=""), strict=True))
        labels = {row["filename"]: row["label"] for row in rows}
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise UserError(f"{path}: expected a list filename,label; got {error!r}") from error
    if None in labels.values() or len(labels) != len(rows):
        raise UserError(f"{path}: expected one label for each file, got none or several")
    return labels
