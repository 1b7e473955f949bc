"""A folder or a zip of one's own: each folder with pictures in it is a class."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from data_gen import damage
from data_gen.class_folders import SplitFiles, check_disjoint, decoded, grouped, needs_folder
from data_gen.class_pool import Splits, deal
from data_gen.errors import UserError, printable
from data_gen.picture_tree import PictureTree, shortened
from data_gen.request import DataRequest

SPLIT_SEED = "hidra-folder-1"
VAL_SHARE, TEST_SHARE = 0.16, 0.2  # of the classes; the others are for training
LEAST_CLASSES = 2  # of a split
IMAGE_SIZE = (84, 84)
CHANNELS = 3

_log = logging.getLogger(__name__)


def load(request: DataRequest) -> Splits:
    """Loads pictures of any size and of the formats that Pillow opens.

    Where the topmost folders are `train`, `val` and `test`, these are the splits. Otherwise the
    classes that are large enough are dealt out by their names and a seed. One warning names the
    classes that are too small, one counts the files of class folders that are no pictures.

    Args:
        request: what is wanted. Its `data_dir` is the folder or the zip file. The size and the
            channels are 84 × 84 and 3 unless it names others. Unless it is `divided`, all classes
            are in the test split.

    Returns:
        Pools of classes named by their folders.

    Raises:
        UserError: if there are too few classes, or a picture is damaged and not to be left out.
    """
    tree, home = locate(request.data_dir)
    names = tree.names
    if request.skip_damaged:
        (names,) = damage.leave_out([(tree, names)], request.cache_dir, "folder")
    classes = _classes(tree, names, home)
    _warn_of_others(tree.others, {home / name for name in classes})
    large = _large(classes, request.per_class)
    top = {name.split("/")[0] for name, files in classes.items() if files}
    parts = _split(large, str(tree.root), top, request)
    splits = {name: SplitFiles(tree, part) for name, part in parts.items()}
    if not request.divided:
        splits = _together(tree, splits)
    for name, split in splits.items():
        if len(split.classes) < LEAST_CLASSES and (request.divided or name == "test"):
            raise _too_few(split, name, len(classes), len(large), request)
    return decoded(list(splits.values()), request.shape(IMAGE_SIZE, CHANNELS), request, "folder")


def locate(data_dir: str | None = None) -> tuple[PictureTree, PurePosixPath]:
    """The pictures, and the folder in there that holds the classes or the splits.

    Raises:
        UserError: if there is no picture, or one is in no class folder.
    """
    tree = PictureTree(needs_folder(data_dir, "pictures in a folder for each class"))
    return tree, _home(tree)


def _together(tree: PictureTree, splits: Mapping[str, SplitFiles]) -> dict[str, SplitFiles]:
    """All the classes as the test split, by name.

    Raises:
        UserError: if two splits have a class of the same name.
    """
    check_disjoint(splits)
    classes = {name: files for split in splits.values() for name, files in split.classes.items()}
    parts = {"train": {}, "val": {}, "test": dict(sorted(classes.items()))}
    return {name: SplitFiles(tree, part) for name, part in parts.items()}


def _too_few(
    split: SplitFiles, name: str, there: int, large: int, request: DataRequest
) -> UserError:
    """The error for a split of too few classes.

    Args:
        split: the split.
        name: its name.
        there: the number of classes in the folder.
        large: the number of those that have enough pictures.
        request: what was asked for.
    """
    asked = f"at least {LEAST_CLASSES} classes with {request.per_class} or more pictures"
    found = f"the folder has {there}, of which {large} {'is' if large == 1 else 'are'} large enough"
    bigger = "" if large == there else ", add pictures, or ask for fewer `shots` or `query_shots`"
    if not request.divided:
        return UserError(f"{split.tree.root}: expected {asked}; {found}; add classes{bigger}")
    train = 1 - VAL_SHARE - TEST_SHARE
    return UserError(
        f"{split.tree.root}: expected {asked} in the {name} split, got {len(split.classes)}: "
        f"{found}, and three splits of at least {LEAST_CLASSES} classes each ({train:.0%} of them "
        f"for training, {VAL_SHARE:.0%} for validation, {TEST_SHARE:.0%} for tests) take "
        f"{len(Splits._fields) * LEAST_CLASSES}; add classes{bigger}; to evaluate only, take all "
        "classes as one split with `eval_split=all`"
    )


def _large(classes: Mapping[str, list[str]], per_class: int) -> dict[str, list[str]]:
    """The classes that have enough pictures; a warning names the others with their numbers."""
    large = {name: files for name, files in classes.items() if len(files) >= per_class}
    small = {name: len(classes[name]) for name in classes.keys() - large}
    if small:
        listed = ", ".join(f"{printable(name)} ({n})" for name, n in sorted(small.items()))
        _log.warning("leaving out classes with fewer than %d pictures: %s", per_class, listed)
    return large


def _warn_of_others(files: list[str], class_folders: set[PurePosixPath]) -> None:
    """Counts those of `files` that are in class folders, if there are any."""
    others = [name for name in files if PurePosixPath(name).parent in class_folders]
    if others:
        _log.warning(
            "passing over files in no known format of pictures (%d): %s",
            len(others),
            shortened(others),
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


def _classes(tree: PictureTree, names: Sequence[str], home: PurePosixPath) -> dict[str, list[str]]:
    """Pictures by class; a folder with neither pictures nor folders in it is a class of none.

    Args:
        tree: the folder or zip.
        names: those of its pictures that are used.
        home: the folder in there that holds the classes or the splits.
    """
    depth = len(home.parts)

    def class_of(name: str) -> str:
        return "/".join(PurePosixPath(name).parts[depth:-1])

    classes = grouped(names, class_of)
    folders = {PurePosixPath(name) for name in tree.folders}
    for folder in sorted(folders - {folder.parent for folder in folders}):
        if home in folder.parents:
            classes.setdefault(folder.relative_to(home).as_posix(), [])
    return classes


def _split(
    classes: Mapping[str, list[str]], where: str, top: set[str], request: DataRequest
) -> dict[str, dict[str, list[str]]]:
    """Classes by split.

    Args:
        classes: the classes to be split.
        where: how messages call the folder.
        top: the topmost folders of all pictures.
        request: it says whether the classes are divided, and the seed of `_dealt`.

    Raises:
        UserError: if some of `top` are splits and others are not, though they are to be divided.
    """
    named = top == set(Splits._fields)
    if request.divided and top & set(Splits._fields) and not named:
        raise UserError(
            f"{where}: expected the folders train, val and test, or none of them; "
            f"got {', '.join(sorted(top))}"
        )
    if not named:
        undivided = {"train": {}, "val": {}, "test": dict(classes)}
        return _dealt(classes, request.split_seed) if request.divided else undivided
    splits: dict[str, dict[str, list[str]]] = {split: {} for split in Splits._fields}
    for name, files in classes.items():
        split, _, rest = name.partition("/")
        splits[split][rest] = files
    return splits


def _dealt(classes: Mapping[str, list[str]], seed: int) -> dict[str, dict[str, list[str]]]:
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
