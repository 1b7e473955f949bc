"""Kept pictures that are damaged, and places where none can be kept: the answer stays right."""

from __future__ import annotations

import json

from tests.faults import checks
from tests.faults.harness import Place, Row
from tests.faults.recipes import (
    EVAL,
    damage,
    filled_cache,
    folder,
    link,
    manifest,
    remove,
    step,
    trained,
    write,
)

CACHE = (("HIDRA_CACHE_DIR", "cache"),)
ENTRY = "cache/folder-*"


def cached(name: str, *prepare: object, says: str = "rebuil|cache", **more: object) -> Row:
    """An evaluation whose table has to be that of the training, whatever the cache holds."""
    steps = (trained("folder"), filled_cache(), *prepare)
    return Row(f"cache: {name}", EVAL, says, steps, (0,), environment=CACHE,
               check=checks.as_trained("folder"), **more)  # fmt: skip


@step
def swapped(place: Place) -> None:
    """The pictures of two splits, each under the other's name, with a manifest that says so too."""
    (entry,) = place.folder.glob(ENTRY)
    one, other = entry / "val.npy", entry / "test.npy"
    one.rename(entry / "aside")
    other.rename(one)
    (entry / "aside").rename(other)


_GARBAGE = {
    "empty": "", "a list": "[]", "half": '{"key": ', "brackets": "[" * 100_000,
    "bytes": b"\xff\xfe",
}  # fmt: skip
# Those of a kind are told apart in `tests/data_gen/cache/test_entries.py`, and one of each goes all
# the way here.
_ALWAYS = ("bytes", "files of a list", "a file outside of the entry", "zeros")
# In a manifest: a path of keys, and what is put there.
_TYPES = {
    "files of a list": (("files",), []),
    "files of nothing": (("files",), {}),
    "no files": (("files",), None),
    "a size in words": (("files", "train", "size"), "large"),
    "a time in words": (("files", "train", "time"), "now"),
    "a checksum of a number": (("files", "train", "sha256"), 5),
    "a key of a number": (("key",), 5),
    "one file more": (("files", "more"), {"size": 1, "time": 1, "sha256": "a"}),
    "a file outside of the entry": (("files", "../../run/config"), {"size": 1, "time": 1,
                                                                    "sha256": "a"}),
}  # fmt: skip


def _entries() -> list[Row]:
    return [
        *(cached(f"a manifest is {name}", manifest(text), slow=name not in _ALWAYS)
          for name, text in _GARBAGE.items()),
        *(cached(f"a manifest has {name}", manifest(path, json.dumps(value)),
                 slow=name not in _ALWAYS) for name, (path, value) in _TYPES.items()),
        *(cached(f"an array is {how}", damage(f"{ENTRY}/train.npy", how), slow=how not in _ALWAYS)
          for how in ("empty", "half", "zeros")),
        cached("an array is missing", remove(f"{ENTRY}/test.npy")),
        cached("two arrays changed places", swapped()),
        cached("the manifest is missing", remove(f"{ENTRY}/manifest.json")),
    ]  # fmt: skip


def _places() -> list[Row]:
    def placed(name: str, place: str, *prepare: object, says: str, slow: bool = True) -> Row:
        return Row(f"cache: {name}", EVAL, says, (trained("folder"), *prepare), (0, 2),
                   environment=(("HIDRA_CACHE_DIR", place),), slow=slow)  # fmt: skip

    return [
        placed("a file in place of the folder", "cache", write("cache", "a file"), says="cache",
               slow=False),
        placed("a link to itself in place of the folder", "cache", link("cache", "cache"),
               says="cache"),
        placed("below a device", "/dev/null/cache", says="/dev/null"),
        placed("in the system's own folder", "/proc/cache", says="/proc"),
        placed("a full disk", "cache/full", folder("cache"), link("cache/full", "/dev/full"),
               says="cache"),
        placed("a name that is too long", "x" * 300, says="cache|long"),
        Row("cache: a flag that names a file", (*EVAL, "--cache_dir=cache"), "cache",
            (trained("folder"), write("cache", "a file")), (0, 2)),
        Row("cache: neither a home nor a cache folder", EVAL, "cache|^$", (trained("folder"),),
            (0, 2), environment=(("HIDRA_CACHE_DIR", ""), ("HOME", "/nonexistent/home"))),
    ]  # fmt: skip


ROWS = [*_entries(), *_places()]
