"""What is made once for an object, and lives as long as the object does."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Made = TypeVar("Made")

# The number of things that are kept with one object; those used least recently go first.
MOST = 8
_NAME = "_kept_by_classifiers"
# A thing may be made of another that is kept, in the same thread.
_LOCK = threading.RLock()


def kept_with(owner: object, key: Hashable, make: Callable[[], Made]) -> Made:
    """What `make()` returned when an object was asked for this key first.

    No table elsewhere refers to the object, so that what is kept may refer to it: both are
    garbage at the same time. Threads get the same thing. Copies of the object, and what pickle
    reads, start with nothing.

    Args:
        owner: the object, which has a `__dict__`.
        key: what the thing depends on beside the object.
        make: makes the thing.
    """
    with _LOCK:
        # Not by `setattr`, for Keras's models look at what they are given.
        kept = vars(owner).get(_NAME)
        if kept is None or kept.owner() is not owner:
            kept = vars(owner)[_NAME] = _Kept(owner)
        if key not in kept.made:
            kept.made[key] = make()
        kept.made.move_to_end(key)
        while len(kept.made) > MOST:
            kept.made.popitem(last=False)
        return kept.made[key]


class _Kept:
    """Things by their keys, and whose they are: a shallow copy of the owner has them too."""

    def __init__(self, owner: object) -> None:
        self.owner = weakref.ref(owner)
        self.made: OrderedDict[Hashable, Any] = OrderedDict()

    def __reduce__(self) -> tuple:
        # Compiled functions cannot be pickled, and need not be.
        return _none, ()


def _none() -> None:
    """What a pickled or deeply copied owner has in the place of what was kept."""
