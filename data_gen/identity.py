"""Which pictures a split held, in a few values that a run can keep and compare later."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

from data_gen import typed_json
from data_gen.class_pool import ClassPool
from data_gen.errors import UserError, printable

# Classes above which an identity keeps the digest of the names and not the names themselves.
MOST_NAMES = 5000


@dataclasses.dataclass(frozen=True)
class SplitIdentity:
    """What tells the pictures of one split from others, wherever their files are.

    Attributes:
        classes: the number of classes.
        pictures: the number of pictures in all classes.
        shape: height, width and channels of a picture.
        names_digest: SHA-256 of the names of the classes and their numbers of pictures, in order.
        pixels_digest: SHA-256 of the pixels. It also changes with the polarity of strokes and,
            in the last bits of a few pixels, with the version of Pillow that decodes.
        counts: the number of pictures of each class by its name, in the order of the pool; None
            where there are more than `MOST_NAMES` classes.
    """

    classes: int
    pictures: int
    shape: tuple[int, int, int]
    names_digest: str
    pixels_digest: str
    counts: dict[str, int] | None

    @classmethod
    def of(cls, pool: ClassPool) -> SplitIdentity:
        """The identity of a pool; its pixels are read once unless the cache knows their digest."""
        names = json.dumps([pool.names, pool.counts])
        return cls(
            classes=pool.num_classes,
            pictures=len(pool.images),
            shape=pool.image_shape,
            names_digest=hashlib.sha256(names.encode()).hexdigest(),
            pixels_digest=pool.pixels_digest,
            counts=_counts(pool) if pool.num_classes <= MOST_NAMES else None,
        )

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values. Names with bytes that are no text need `ensure_ascii`."""
        return {**dataclasses.asdict(self), "shape": list(self.shape)}

    @classmethod
    def from_json(cls, values: object) -> SplitIdentity:
        """The inverse of `to_json`.

        Raises:
            ValueError: if `values` is not what `to_json` gives.
        """
        try:
            return typed_json.convert(cls, values)
        except UserError as error:
            raise ValueError(f"expected the identity of a split; {error}") from error


def difference(before: SplitIdentity, now: SplitIdentity) -> str:
    """Says in words how two splits differ; an empty text if they hold the same pictures.

    Args:
        before: the split as it was.
        now: the split as it is.
    """
    said = _of_classes(before, now) if before.names_digest != now.names_digest else []
    if before.shape != now.shape:
        old, new = (" × ".join(map(str, identity.shape)) for identity in (before, now))
        said.append(f"the pictures are {new}, before {old}")
    elif before.pixels_digest != now.pixels_digest and not said:
        said.append("the classes and their numbers of pictures are the same, the pixels are not")
    return "; ".join(said)


def _of_classes(before: SplitIdentity, now: SplitIdentity) -> list[str]:
    """How the classes differ, given that they do."""
    if before.counts is None or now.counts is None:
        return [
            f"there are {now.classes} classes with {now.pictures} pictures, before "
            f"{before.classes} with {before.pictures}, or of other names"
        ]
    missing = [name for name in before.counts if name not in now.counts]
    new = [name for name in now.counts if name not in before.counts]
    other = [n for n, count in before.counts.items() if now.counts.get(n, count) != count]
    said = []
    if missing:
        said.append(
            f"{len(missing)} of {before.classes} classes {_are_or_is(missing)} missing, "
            f"such as {printable(missing[0])}"
        )
    if new:
        said.append(f"{len(new)} {_are_or_is(new)} new, such as {printable(new[0])}")
    if other:
        name = other[0]
        said.append(
            f"{len(other)} of {before.classes} classes {'have' if len(other) > 1 else 'has'} "
            f"another number of pictures, such as {printable(name)} with {now.counts[name]}, "
            f"before {before.counts[name]}"
        )
    return said or ["the classes are the same in another order"]


def _counts(pool: ClassPool) -> dict[str, int]:
    return dict(zip(pool.names, pool.counts, strict=True))


def _are_or_is(names: list[str]) -> str:
    return "are" if len(names) > 1 else "is"
