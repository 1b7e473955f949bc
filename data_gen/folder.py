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
    split_seed: int = 0,
) -> Splits:
    """Loads pictures of any size and of the formats that Pillow opens.

    Where the topmost folders are `train`, `val` and `test`, these are the splits. Otherwise the
    classes that are large enough are dealt out by their names and a seed. One warning names the
    classes that are too small, one counts the files of class folders that are no pictures.

    Args:
        data_dir: the folder or the zip file.
        cache_dir: folder for decoded arrays; None is the default of `data_gen.cache`.
        invert: not used; there so that all data sets load alike. The pictures stay as they are.
        image_size: height and width, to which pictures are stretched; None is 84 × 84.
        channels: 1 or 3; None is 3.
        per_class: classes with fewer pictures are left out, with one warning for all.
        split_seed: ≥ 0, chooses which classes are dealt to which split.

    Returns:
        Pools of classes named by their folders.

    Raises:
        UserError: if there are too few classes, or a picture is damaged.
    """
    del invert
    tree, home = locate(data_dir)
    classes = _classes(tree, home)
    _warn_of_others(tree.others, {home / name for name in classes})
    large = {name: files for name, files in classes.items() if len(files) >= per_class}
    _warn_of_small({name: len(classes[name]) for name in classes.keys() - large}, per_class)
    top = {name.split("/")[0] for name, files in classes.items() if files}
    splits = _split(large, str(tree.root), top, split_seed)
    for name, split in splits.items():
        if len(split) < LEAST_CLASSES:
            raise UserError(
                f"{tree.root}: expected at least {LEAST_CLASSES} classes with {per_class} or more "
                f"pictures in the {name} split, got {len(split)}; add pictures, or ask for fewer "
                "`shots` or `query_shots`"
            )
    files = [SplitFiles(tree, split) for split in splits.values()]
    return decoded(files, image_size or IMAGE_SIZE, channels or CHANNELS, cache_dir, "folder")


def locate(data_dir: str | None = None) -> tuple[PictureTree, PurePosixPath]:
    """The pictures, and the folder in there that holds the classes or the splits.

    Raises:
        UserError: if there is no picture, or one is in no class folder.
    """
    tree = PictureTree(needs_folder(data_dir, "pictures in a folder for each class"))
    return tree, _home(tree)


def _warn_of_small(small: dict[str, int], per_class: int) -> None:
    """Names the classes that are left out, if there are any, with their numbers of pictures."""
    if small:
        listed = ", ".join(f"{name} ({count})" for name, count in sorted(small.items()))
        _log.warning("leaving out classes with fewer than %d pictures: %s", per_class, listed)


def _warn_of_others(files: list[str], class_folders: set[PurePosixPath]) -> None:
    """Counts those of `files` that are in class folders, if there are any."""
    others = [name for name in files if PurePosixPath(name).parent in class_folders]
    if others:
        _log.warning(
            "passing over files in no known format of pictures (%d): %s",
            len(others),
            ", ".join([*others[:3], "…"] if len(others) > 3 else others),
        )


def _home(tree: PictureTree) -> PurePosixPath:
    """The innermost folder that holds all the classes, or all the splits.

    Raises:
        UserError: if there is no picture, or one is in no class folder.
    """
    paths = [PurePosixPath(name).parts for name in tree.names]
    if not paths:
        others = f" among {len(tree.others)} files, such as {tree.others[0]}" if tree.others else ""
        raise _no_classes(tree, f"none{others}")
    shortest = min(paths, key=len)
    depth = 0
    while True:
        top = {path[depth] for path in paths}
        below = len(shortest) - depth
        if below < 2 + (top == set(Splits._fields)):
            raise _no_classes(tree, f"{'/'.join(shortest)} in none")
        if top & set(Splits._fields) or len(top) > 1 or below == 2:
            return PurePosixPath(*shortest[:depth])
        depth += 1


def _no_classes(tree: PictureTree, received: str) -> UserError:
    return UserError(f"{tree.root}: expected pictures in a folder for each class, got {received}")


def _classes(tree: PictureTree, home: PurePosixPath) -> dict[str, list[str]]:
    """Pictures by class; a folder with neither pictures nor folders in it is a class of none."""
    depth = len(home.parts)

    def class_of(name: str) -> str:
        return "/".join(PurePosixPath(name).parts[depth:-1])

    classes = grouped(tree.names, class_of)
    folders = {PurePosixPath(name) for name in tree.folders}
    for folder in sorted(folders - {folder.parent for folder in folders}):
        if home in folder.parents:
            classes.setdefault(folder.relative_to(home).as_posix(), [])
    return classes


def _split(
    classes: dict[str, list[str]], where: str, top: set[str], seed: int
) -> dict[str, dict[str, list[str]]]:
    """Classes by split.

    Args:
        classes: those to be split.
        where: how messages call the folder.
        top: the topmost folders of all pictures.
        seed: see `_dealt`.

    Raises:
        UserError: if some of `top` are splits and others are not.
    """
    if not top & set(Splits._fields):
        return _dealt(classes, seed)
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


def _dealt(classes: dict[str, list[str]], seed: int) -> dict[str, dict[str, list[str]]]:
    """The classes, dealt out to the splits by their names; each seed has its own way."""
    val, test = (
        max(LEAST_CLASSES, round(share * len(classes))) for share in (VAL_SHARE, TEST_SHARE)
    )
    train = max(0, len(classes) - val - test)
    # 0 is the one split of earlier versions, so that their runs keep their classes.
    way = f"{SPLIT_SEED}-{seed}" if seed else SPLIT_SEED
    parts = deal(list(classes), way, train=train, val=val)
    return {
        split: {name: classes[name] for name in names}
        for split, names in zip(Splits._fields, parts, strict=True)
    }
