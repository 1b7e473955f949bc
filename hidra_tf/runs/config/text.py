"""Settings as a user would write them."""

from __future__ import annotations

from collections.abc import Sequence


def format_ways(ways: Sequence[int]) -> str:
    """(5,) → "5", (2, 3, 4) → "2-4", (2, 5, 8) → "2,5,8"."""
    if len(ways) > 2 and list(ways) == list(range(ways[0], ways[-1] + 1)):
        return f"{ways[0]}-{ways[-1]}"
    return ",".join(map(str, ways))


def show(value: object) -> str:
    """A setting's value as a user would give it."""
    return format_ways(value) if type(value) is tuple else str(value)
