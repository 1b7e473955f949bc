"""Damaged pictures of a data set: all of them found at once, named, or left out."""

import logging
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from data_gen import cache
from data_gen.errors import UserError
from data_gen.picture_tree import PictureTree, shortened
from data_gen.pictures import BadPictureError, PictureError, decode_picture, recipe

# Any size and mode: whether a picture can be decoded depends on neither.
_SIZE, _MODE = (8, 8), "RGB"

_log = logging.getLogger(__name__)


def complaint(
    error: PictureError,
    parts: Iterable[tuple[PictureTree, Iterable[str]]],
    cache_dir: str | None,
    name: str,
) -> UserError:
    """The error of one line about all damaged pictures.

    Args:
        error: what was found first; it is the answer if nothing is found any more.
        parts: the pictures that are used, by the tree that they are in; one of them failed.
        cache_dir: the folder of the cache, which keeps what is found.
        name: the name of the data set.

    Raises:
        UserError: if a picture cannot be read at all.
    """
    found = {}
    for tree, names in parts:
        damaged = _damaged(tree, cache_dir, name)
        found |= {tree.path(file): damaged[file] for file in names if file in damaged}
    if not found:
        return error
    return UserError(f"{_first_and_others(found)}; `skip_damaged` leaves damaged pictures out")


def leave_out(
    parts: Sequence[tuple[PictureTree, Sequence[str]]], cache_dir: str | None, name: str
) -> list[list[str]]:
    """The pictures of each part that are whole; one warning counts and names the others.

    Args:
        parts: names of pictures, by the tree that they are in.
        cache_dir: the folder of the cache, which keeps what is found.
        name: the name of the data set.

    Raises:
        UserError: if a picture cannot be read at all.
    """
    damaged = [_damaged(tree, cache_dir, name) for tree, _ in parts]
    left = [
        tree.path(file)
        for (tree, names), bad in zip(parts, damaged, strict=True)
        for file in names
        if file in bad
    ]
    if left:
        _log.warning("leaving out damaged pictures (%d): %s", len(left), shortened(left))
    return [
        [file for file in names if file not in bad]
        for (_, names), bad in zip(parts, damaged, strict=True)
    ]


def _damaged(tree: PictureTree, cache_dir: str | None, name: str) -> dict[str, str]:
    """What is wrong with each damaged picture of a tree, by its name there; found once.

    Raises:
        UserError: if a picture cannot be read: that is for the system to mend, and not kept.
    """
    key = {"damaged": tree.fingerprint(), **recipe()}
    doing = f"looking for all damaged pictures of {name}"
    arrays = cache.cached(key, lambda: _find(tree), cache_dir, f"{name}-damaged", doing)
    return dict(zip(arrays["names"].tolist(), arrays["messages"].tolist(), strict=True))


def _find(tree: PictureTree) -> dict[str, np.ndarray]:
    """Names and messages of the damaged pictures of a tree; see `_damaged`."""
    damaged, unreadable = {}, {}
    with tree.opened() as read:
        for name in tree.names:
            path = tree.path(name)
            try:
                decode_picture(read(name), path, _SIZE, _MODE)
            except BadPictureError as error:
                damaged[name] = str(error)
            except PictureError as error:
                unreadable[path] = str(error)
    if unreadable:
        raise UserError(_first_and_others(unreadable))
    return {
        "names": np.array(list(damaged), dtype=str),
        "messages": np.array(list(damaged.values()), dtype=str),
    }


def _first_and_others(messages: Mapping[str, str]) -> str:
    """What is wrong with the first of some pictures, by their paths, and where the others are."""
    first, *others = sorted(messages)
    more = f"; and {len(others)} more: {shortened(others)}" if others else ""
    return messages[first] + more
