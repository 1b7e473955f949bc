"""Reads `results/*.json`, of this or an earlier version, and takes nothing for what it is not."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_gen import typed_json
from data_gen.errors import UserError
from hidra_tf.evaluation.rows import Row
from hidra_tf.runs.records.results import shots_shown


@dataclass(frozen=True)
class _Row:
    ways: int
    steps: int
    accuracy: float
    ci95: float | None
    metrics: dict[str, dict[str, float | None]] = dataclasses.field(default_factory=dict)
    queries: int | None = None
    correct: list[int] | None = None

    def __post_init__(self) -> None:
        _expect((self.queries is None) == (self.correct is None), "queries and correct", self.ways)
        if self.correct is not None:
            possible = all(0 <= count <= self.queries for count in self.correct)
            _expect(self.queries > 0 and possible, f"0 to {self.queries} correct", self.correct)


@dataclass(frozen=True)
class _Request:
    split: str
    ways: list[int]
    steps: list[int]
    tasks: int
    norm: str | None = None
    shots: list[int] | None = None
    query_shots: int | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        _expect(self.ways and self.steps, "numbers of ways and of steps", (self.ways, self.steps))


@dataclass(frozen=True)
class _Data:
    name: str
    place: str | None
    own: bool
    classes: int
    pictures: int
    fingerprint: str


@dataclass(frozen=True)
class _Checkpoint:
    kind: str
    step: int
    digest: str | None
    steps: list[int] | None = None

    def __post_init__(self) -> None:
        if self.steps is not None:
            _expect(self.step == max(self.steps, default=None), f"step {self.step}", self.steps)


@dataclass(frozen=True)
class _Validation:
    accuracy: float
    tasks: int


@dataclass(frozen=True, kw_only=True)
class _OfEarlierVersions:
    """The fields that all versions wrote and that are read again."""

    split: str
    step: int
    tasks: int
    rows: list[_Row]
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        _expect(self.rows, "rows", self.rows)
        for row in self.rows:
            counts = len(row.correct or ())
            _expect(row.correct is None or counts == self.tasks, f"{self.tasks} tasks", counts)
        whole = all(ways.isdecimal() and value >= 0 for ways, value in self.seconds.items())
        _expect(whole, "seconds at each number of ways", self.seconds)


@dataclass(frozen=True, kw_only=True)
class _OfThisVersion(_OfEarlierVersions):
    """The same with all that names an evaluation."""

    eval_dataset: str
    method: str
    shots: int | list[int]
    query_shots: int
    norm: str
    seed: int
    request: _Request
    data: _Data
    checkpoint: _Checkpoint
    validation: _Validation | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        twice = {
            "split": self.request.split,
            "tasks": self.request.tasks,
            "step": self.checkpoint.step,
            "eval_dataset": self.data.name,
        }
        if self.request.shots is not None:
            twice["shots"] = shots_shown(self.request.shots)
        if self.request.query_shots is not None:
            twice["query_shots"] = self.request.query_shots
        for name, value in twice.items():
            _expect(getattr(self, name) == value, f"{name} {value}", getattr(self, name))


def read(file: Path) -> dict[str, Any]:
    """What `results.contents` made, of this or an earlier version.

    Raises:
        OSError: if there is no such file.
        ValueError: if it holds anything else; it says what.
    """
    try:
        made = typed_json.parse(dict[str, Any], file.read_bytes())
        kind = _OfThisVersion if "request" in made else _OfEarlierVersions
        names = {field.name for field in dataclasses.fields(kind)}
        typed_json.convert(kind, {name: made[name] for name in made if name in names})
    except UserError as error:
        raise ValueError(str(error)) from error
    return made


def rows_of(made: Mapping[str, Any]) -> list[Row]:
    """The rows of what `read` returned; they come without losses."""
    return [
        Row(**{**value, "correct": _tuple(value.get("correct"))}, loss=math.nan)
        for value in made["rows"]
    ]


def seconds_of(made: Mapping[str, Any]) -> dict[int, float]:
    """The seconds at each number of ways; none in a file from before they were taken."""
    return {int(ways): value for ways, value in made.get("seconds", {}).items()}


def validation_of(made: Mapping[str, Any]) -> tuple[float, int] | None:
    """The validation accuracy of the evaluated weights and its number of tasks, if it is known."""
    found = made.get("validation")
    return None if found is None else (found["accuracy"], found["tasks"])


def says_tasks(made: Mapping[str, Any]) -> bool:
    """Whether a file says how many queries of each task were correct; earlier versions' do not."""
    return all("correct" in row for row in made["rows"])


def _tuple(values: list[int] | None) -> tuple[int, ...] | None:
    return None if values is None else tuple(values)


def _expect(holds: object, what: str, received: object) -> None:
    if not holds:
        raise UserError(f"expected {what}, received {received}")
