"""Reads `results/*.json`, of this or an earlier version, and takes nothing for what it is not."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hidra_tf.evaluation.rows import Row
from hidra_tf.runs.records.results import SETTINGS


def read(file: Path) -> dict[str, Any]:
    """What `results.contents` made, of this or an earlier version.

    Raises:
        OSError: if there is no such file.
        ValueError: if it holds anything else; it says what.
    """
    try:
        made = json.loads(file.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("expected results, received JSON that is nested too deeply") from None
    _expect(made, dict, "the results")
    for name, kind in (("split", str), ("step", int), ("tasks", int), ("rows", list)):
        _expect(made.get(name), kind, name)
    _expect(made.get("seconds", {}), dict, "seconds")
    rows_of(made), seconds_of(made)
    if "request" in made:
        _check_request(made)
    return made


def rows_of(made: Mapping[str, Any]) -> list[Row]:
    """The rows that `contents` was made from; they come without losses.

    Raises:
        ValueError: if they are none.
    """
    if not made["rows"]:
        raise ValueError("expected rows, received none")
    return [_row(value) for value in made["rows"]]


def seconds_of(made: Mapping[str, Any]) -> dict[int, float]:
    """The seconds that `contents` was told; none in a file from before they were taken."""
    found = made.get("seconds", {})
    if not all(_is_number(value) and value >= 0 for value in found.values()):
        raise ValueError(f"expected seconds at each number of ways, received {found}")
    return {int(ways): value for ways, value in found.items()}


def _check_request(made: Mapping[str, Any]) -> None:
    """Raises `ValueError` unless the parts that `name_of` and `answering` read are whole."""
    parts = {
        "request": {"split": str, "ways": list, "steps": list, "tasks": int},
        "data": {
            "name": str, "place": (str, type(None)), "own": bool, "classes": int, "pictures": int,
            "fingerprint": str,
        },
        "checkpoint": {"kind": str, "step": int, "digest": (str, type(None))},
    }  # fmt: skip
    for part, kinds in parts.items():
        _expect(made.get(part), dict, part)
        if made[part].keys() != kinds.keys():
            raise ValueError(f"expected {part} with {', '.join(kinds)}")
        for name, kind in kinds.items():
            _expect(made[part][name], kind, f"{part}.{name}")
    for name in ("ways", "steps"):
        for number in made["request"][name] or [None]:
            _expect(number, int, f"request.{name}")
    for name in SETTINGS:
        if name not in made:
            raise ValueError(f"expected {name}, found none")
    _check_agrees(made)


def _check_agrees(made: Mapping[str, Any]) -> None:
    """Raises `ValueError` unless what stands twice in results is twice the same."""
    request = made["request"]
    twice = {
        "split": request["split"],
        "tasks": request["tasks"],
        "step": made["checkpoint"]["step"],
        "eval_dataset": made["data"]["name"],
    }
    for name, value in twice.items():
        if made.get(name) != value:
            raise ValueError(f"expected {name} {value}, received {str(made.get(name))[:80]}")


def _row(value: object) -> Row:
    _expect(value, dict, "a row")
    whole = (
        value.keys() >= {"ways", "steps", "accuracy", "ci95"}
        and value.keys() <= {"ways", "steps", "accuracy", "ci95", "metrics"}
        and type(value["ways"]) is type(value["steps"]) is int
        and _is_number(value["accuracy"])
        and (value["ci95"] is None or _is_number(value["ci95"]))
        and isinstance(value.get("metrics", {}), dict)
    )
    if not whole:
        raise ValueError(f"expected a row of results, received {value}")
    return Row(**value, loss=math.nan)


def _is_number(value: object) -> bool:
    return type(value) in (int, float)


def _expect(value: object, kind: type | tuple[type, ...], name: str) -> None:
    # True and False are no numbers here.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"expected another value for {name}, received {str(value)[:80]}")
