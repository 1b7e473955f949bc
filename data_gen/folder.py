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
    classes that are large enough are dealt out by their names.

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
    tree = PictureTree(needs_folder(data_dir, "pictures in a folder for each class"))
    paths = _stripped(tree)
    classes = grouped(tree.names, lambda name: paths[name].parent.as_posix())
    large = {name: files for name, files in classes.items() if len(files) >= per_class}
    _warn_of_small({name: len(classes[name]) for name in classes.keys() - large}, per_class)
    splits = _split(large, str(tree.root), {path.parts[0] for path in paths.values()})
    for name, split in splits.items():
        if len(split) < LEAST_CLASSES:
            raise UserError(
                f"{tree.root}: expected at least {LEAST_CLASSES} classes with {per_class} or more "
                f"pictures in the {name} split, got {len(split)}; add pictures, or ask for fewer "
                "--shots or --query_shots"
            )
    files = [SplitFiles(tree, split) for split in splits.values()]
    return decoded(files, image_size or IMAGE_SIZE, channels or CHANNELS, cache_dir, "folder")


def _warn_of_small(small: dict[str, int], per_class: int) -> None:
    """Names the classes that are left out, if there are any, with their numbers of pictures."""
    if small:
        listed = ", ".join(f"{name} ({count})" for name, count in sorted(small.items()))
        _log.warning("leaving out classes with fewer than %d pictures: %s", per_class, listed)


def _stripped(tree: PictureTree) -> dict[str, PurePosixPath]:
    """Path of each picture without the folders that hold all the others.

    Raises:
        UserError: if a picture is in no class folder.
    """
    paths = {name: PurePosixPath(name) for name in tree.names}
    while True:
        top = {path.parts[0] for path in paths.values()}
        splits = top & set(Splits._fields)
        shortest = min(paths.values(), key=lambda path: len(path.parts), default=None)
        if shortest is None or len(shortest.parts) < 2 + (top == set(Splits._fields)):
            raise UserError(
                f"{tree.root}: expected pictures in a folder for each class, "
                f"got {'none' if shortest is None else f'{shortest} in none'}"
            )
        if splits or len(top) > 1 or len(shortest.parts) == 2:
            return paths
        paths = {name: PurePosixPath(*path.parts[1:]) for name, path in paths.items()}


def _split(
    classes: dict[str, list[str]], where: str, top: set[str]
) -> dict[str, dict[str, list[str]]]:
    """Classes by split.

    Args:
        classes: those to be split.
        where: how messages call the folder.
        top: the topmost folders of all pictures.

    Raises:
        UserError: if some of `top` are splits and others are not.
    """
    if not top & set(Splits._fields):
        return _dealt(classes)
    if top != set(Splits._fields):
        raise UserError(
            f"{where}: expected the folders train, val and test, or none of them; "
            f"got {', '.join(sorted(top))}"
        )
    splits: dict[str, dict[str, list[str]]] = {split: {} for split in Splits._fields}
    for name, files in classes.items():
        split, _, rest = name.partition("/")
        splits[split][rest] = files
    return splits


def _dealt(classes: dict[str, list[str]]) -> dict[str, dict[str, list[str]]]:
    """The classes, dealt out to the splits by their names."""
    val, test = (
        max(LEAST_CLASSES, round(share * len(classes))) for share in (VAL_SHARE, TEST_SHARE)
    )
    train = max(0, len(classes) - val - test)
    parts = deal(list(classes), SPLIT_SEED, train=train, val=val)
    return {
        split: {name: classes[name] for name in names}
        for split, names in zip(Splits._fields, parts, strict=True)
    }
