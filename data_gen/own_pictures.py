"""A person's own pictures: which class each is of, and what is no picture of any."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from data_gen.class_folders import grouped
from data_gen.errors import UserError, printable
from data_gen.picture_tree import PictureTree, shortened

OTHER = "no file name of a picture"
SPECIAL = "neither a file nor a folder"
LEADS_OUT = "its path leads out of the zip"
LOOSE = "in no folder of a class"
LEAST_CLASSES = 2


class OwnPictures(NamedTuple):
    """The pictures of a folder or of a zip.

    Attributes:
        tree: where they are.
        classes: the names of the pictures in `tree`, sorted, by the folder that they lie in.
        loose: the names of the pictures that lie in no such folder.
        left_out: file → why it is not used.
    """

    tree: PictureTree
    classes: dict[str, list[str]]
    loose: list[str]
    left_out: dict[str, str]

    @property
    def names(self) -> list[str]:
        """The names of all pictures, sorted."""
        return sorted([*self.loose, *(name for files in self.classes.values() for name in files)])


def opened(place: str, setting: str) -> PictureTree:
    """The pictures in a folder or a zip, of which there must be one.

    Args:
        place: its path.
        setting: how messages call what named it.

    Raises:
        UserError: if there is no such folder or zip, or no picture in it.
    """
    try:
        tree = PictureTree(Path(place))
    except UserError as error:
        raise UserError(f"{setting}: {error}") from error
    if not any(map(_is_relative, tree.names)):
        others = [*tree.others, *tree.special, *tree.names, *tree.outside]
        among = f" among {len(others)} files, such as {shortened(others, 1)}" if others else ""
        raise UserError(f"{setting}: expected pictures in {place}, received none{among}")
    return tree


def by_class(tree: PictureTree, known: Collection[str] = ()) -> OwnPictures:
    """The pictures by the folder that they lie in; its path is the name of the class.

    Folders on the way to all pictures, such as the only one in a zip, are not part of the names.
    Letters with accents are the same letters however a system writes them.

    Args:
        tree: the folder or zip.
        known: classes that there are already; the way ends before a folder of one of them.
    """
    inside = [name for name in tree.names if _is_relative(name)]
    depth = _depth(tree, inside, known)

    def class_of(name: str) -> str:
        return _named(PurePosixPath(name).parts[depth:-1])

    found = grouped(inside, class_of)
    loose = found.pop("", [])
    for folder in _leaves(tree.folders):
        found.setdefault(_named(folder.parts[depth:]), [])
    found.pop("", None)
    left_out = dict.fromkeys(tree.others, OTHER) | dict.fromkeys(tree.special, SPECIAL)
    left_out |= dict.fromkeys({*tree.names, *tree.outside} - set(inside), LEADS_OUT)
    return OwnPictures(tree, dict(sorted(found.items())), loose, dict(sorted(left_out.items())))


def to_learn(place: str, setting: str, least: int = LEAST_CLASSES) -> OwnPictures:
    """The pictures in a folder for each class; loose ones are left out.

    Args:
        place: a folder or a zip.
        setting: how messages call what named it.
        least: the smallest number of classes.

    Raises:
        UserError: if there are fewer classes, or one has no picture.
    """
    found = by_class(opened(place, setting))
    if not found.classes:
        raise UserError(
            f"{setting}: expected pictures in a folder for each class, received "
            f"{found.loose[0]} in none: {place}/CLASS/{PurePosixPath(found.loose[0]).name} is what "
            "makes CLASS a class"
        )
    for name, files in found.classes.items():
        if not files:
            raise UserError(
                f"{setting}: expected pictures of every class, received none in {place} of "
                f"{name}; take the folder away, or add some"
            )
    if len(found.classes) < least:
        raise UserError(
            f"{setting}: expected at least {least} classes to tell apart, a folder for each; "
            f"received {len(found.classes)} in {place}: {printable(', '.join(found.classes))}"
        )
    loose = dict.fromkeys(found.loose, LOOSE)
    return found._replace(loose=[], left_out=found.left_out | loose)


def _depth(tree: PictureTree, names: Sequence[str], known: Collection[str]) -> int:
    """The number of folders on the way to all pictures."""
    ways = [PurePosixPath(name).parent.parts for name in names]
    shared = [PurePosixPath(folder).parts for folder in tree.folders if _is_relative(folder)]
    depth = 0
    while all(len(way) > depth for way in ways) and len(_at(shared, depth)) == 1:
        (top,) = _at(shared, depth)
        direct = any(len(way) == depth + 1 for way in ways)
        if (direct and not known) or _begins_one(_named([top]), known):
            break
        depth += 1
    return depth


def _at(ways: Sequence[Sequence[str]], depth: int) -> set[str]:
    return {way[depth] for way in ways if len(way) > depth}


def _begins_one(top: str, known: Collection[str]) -> bool:
    return any(name == top or name.startswith(f"{top}/") for name in known)


def _named(parts: Sequence[str]) -> str:
    return unicodedata.normalize("NFC", "/".join(parts))


def _leaves(folders: Sequence[str]) -> list[PurePosixPath]:
    """The folders in which there is no folder."""
    paths = {PurePosixPath(folder) for folder in folders if _is_relative(folder)}
    return sorted(paths - {path.parent for path in paths})


def _is_relative(name: str) -> bool:
    return not PurePosixPath(name).is_absolute()
