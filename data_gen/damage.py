"""Damaged pictures of a data set: all of them found at once, named, or left out."""

import logging
from collections.abc import Iterable, Sequence

import numpy as np

from data_gen import cache
from data_gen.errors import UserError
from data_gen.picture_tree import PictureTree, shortened
from data_gen.pictures import BadPictureError, decode_picture, recipe

# Any size and mode: whether a picture can be decoded depends on neither.
_SIZE, _MODE = (8, 8), "RGB"

_log = logging.getLogger(__name__)


def complaint(
    parts: Iterable[tuple[PictureTree, Iterable[str]]], cache_dir: str | None, name: str
) -> UserError:
    """The error of one line about all damaged pictures.

    Args:
        parts: the pictures that are used, by the tree that they are in; some of them are damaged.
        cache_dir: the folder of the cache, which keeps what is found.
        name: the name of the data set.

    Raises:
        UserError: if a picture cannot be read at all.
    """
    messages, paths = [], []
    for tree, names in parts:
        damaged = _damaged(tree, cache_dir, name)
        used = set(names)
        messages += [message for file, message in damaged.items() if file in used]
        paths += [tree.path(file) for file in damaged if file in used]
    return UserError(_first_and_others(messages, paths) + "; `skip_damaged` leaves them out")


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
            except UserError as error:
                unreadable[path] = str(error)
    if unreadable:
        raise UserError(_first_and_others(list(unreadable.values()), list(unreadable)))
    return {
        "names": np.array(list(damaged), dtype=str),
        "messages": np.array(list(damaged.values()), dtype=str),
    }


def _first_and_others(messages: Sequence[str], paths: Sequence[str]) -> str:
    """What is wrong with the first of some pictures, and which the others are."""
    if len(paths) == 1:
        return messages[0]
    return f"{messages[0]}; and {len(paths) - 1} more: {shortened(paths[1:])}"
