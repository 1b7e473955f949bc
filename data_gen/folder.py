"""A folder or a zip of one's own: each folder with pictures in it is a class."""

import logging
from pathlib import PurePosixPath

from data_gen.class_folders import SplitFiles, decoded, grouped, needs_folder
from data_gen.class_pool import Splits, deal
from data_gen.errors import UserError
from data_gen.pictures import PictureTree

SPLIT_SEED = "hidra-folder-1"
VAL_SHARE, TEST_SHARE = 0.16, 0.2  # of the classes; the others are for training
LEAST_CLASSES = 2  # of a split
IMAGE_SIZE = (84, 84)
CHANNELS = 3

_log = logging.getLogger(__name__)


def load(
    data_dir: str | None = None,
    cache_dir: str | None = None,
    invert: bool = True,
    image_size: tuple[int, int] | None = None,
    channels: int | None = None,
    per_class: int = 1,
) -> Splits:
    """Loads pictures of any size and common format.

    Where the topmost folders are `train`, `val` and `test`, these are the splits. Otherwise the
    classes are dealt out by their names, so that a class stays where it is whatever `per_class` is.

    Args:
        data_dir: the folder or the zip file.
        cache_dir: folder for decoded arrays; None is the default of `data_gen.cache`.
        invert: not used; there so that all data sets load alike. The pictures stay as they are.
        image_size: height and width, to which pictures are stretched; None is 84 × 84.
        channels: 1 or 3; None is 3.
        per_class: classes with fewer pictures are left out, with one warning for all.

    Returns:
        Pools of classes named by their folders.

    Raises:
        UserError: if there are too few classes, or a picture is damaged.
    """
    del invert
    tree = PictureTree(needs_folder(data_dir, "a folder for each class of pictures"))
    splits = _split(tree, _stripped(tree))
    kept = [SplitFiles(tree, _large_enough(classes, per_class)) for classes in splits.values()]
    small = {
        name: len(files)
        for classes in splits.values()
        for name, files in classes.items()
        if len(files) < per_class
    }
    if small:
        listed = ", ".join(f"{name} ({count})" for name, count in sorted(small.items()))
        _log.warning("leaving out classes with fewer than %d pictures: %s", per_class, listed)
    for name, split in zip(splits, kept, strict=True):
        if len(split.classes) < LEAST_CLASSES:
            raise UserError(
                f"{tree.root}: expected at least {LEAST_CLASSES} classes with {per_class} or more "
                f"pictures in the {name} split, got {len(split.classes)}; add pictures, ask for "
                "fewer --shots or --query_shots, or make folders train, val and test"
            )
    return decoded(kept, image_size or IMAGE_SIZE, channels or CHANNELS, cache_dir, "folder")


def _large_enough(classes: dict[str, list[str]], per_class: int) -> dict[str, list[str]]:
    return {name: files for name, files in classes.items() if len(files) >= per_class}


def _stripped(tree: PictureTree) -> dict[str, PurePosixPath]:
    """Path of each picture without the folders that hold all the others.

    Raises:
        UserError: if a picture is in no folder.
    """
    paths = {name: PurePosixPath(name) for name in tree.names}
    while True:
        top = {path.parts[0] for path in paths.values()}
        shortest = min((path for path in paths.values()), key=lambda p: len(p.parts), default=None)
        if shortest is None or len(shortest.parts) < 2:
            raise UserError(
                f"{tree.root}: expected pictures in a folder for each class, "
                f"got {'none' if shortest is None else f'{shortest} in no folder'}"
            )
        if len(top) > 1 or len(shortest.parts) == 2 or top & set(Splits._fields):
            return paths
        paths = {name: PurePosixPath(*path.parts[1:]) for name, path in paths.items()}


def _split(tree: PictureTree, paths: dict[str, PurePosixPath]) -> dict[str, dict[str, list[str]]]:
    """Names of pictures by split and class.

    Raises:
        UserError: if some folders are splits and others are not.
    """
    top = {path.parts[0] for path in paths.values()}
    if not top & set(Splits._fields):
        return _dealt(tree, grouped(tree.names, lambda name: paths[name].parent.as_posix()))
    if top != set(Splits._fields):
        raise UserError(
            f"{tree.root}: expected the folders train, val and test, or none of them; "
            f"got {', '.join(sorted(top))}"
        )
    return {
        split: grouped(
            [name for name in tree.names if paths[name].parts[0] == split],
            lambda name: "/".join(paths[name].parts[1:-1]),
        )
        for split in Splits._fields
    }


def _dealt(tree: PictureTree, classes: dict[str, list[str]]) -> dict[str, dict[str, list[str]]]:
    """The classes, dealt out to the splits.

    Raises:
        UserError: if there are too few.
    """
    val, test = (
        max(LEAST_CLASSES, round(share * len(classes))) for share in (VAL_SHARE, TEST_SHARE)
    )
    train = len(classes) - val - test
    if train < LEAST_CLASSES:
        raise UserError(
            f"{tree.root}: expected at least {3 * LEAST_CLASSES} class folders, got {len(classes)}"
        )
    parts = deal(list(classes), SPLIT_SEED, train=train, val=val)
    return {
        split: {name: classes[name] for name in names}
        for split, names in zip(Splits._fields, parts, strict=True)
    }
