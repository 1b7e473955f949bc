"""The curves of a run, read back from TensorBoard's files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.util import tensor_util


class Point(NamedTuple):
    """A point of a curve.

    Attributes:
        step: the meta-update.
        seconds: seconds of training until then, without pauses between two starts of a run.
        value: what was measured.
    """

    step: int
    seconds: float
    value: float


def curve(
    path: Path, split: str, tag: str = "accuracy", starts: Sequence[float] = ()
) -> list[Point]:
    """A curve of the run at `path`: points in the order of their meta-updates.

    A run that was stopped and went on has a file for each start. What a later file measured takes
    the place of all that earlier ones measured at its first meta-update and after it; its seconds
    follow on theirs. When a start was is not in the files: without `starts`, the time before the
    first point of each file is not counted. With them it is, loading and compiling included; the
    updates that a later start repeats then count once, those between the last point that stays and
    the checkpoint that it went on from not at all.

    Args:
        path: the run's folder.
        split: `train`, `val` or `test`.
        tag: the name of the scalar.
        starts: the times of the starts of the run, in seconds since 1970.
    """
    points: dict[int, Point] = {}
    ended = -math.inf
    for found in _starts(path, split, tag):
        first_step, first_time, _ = found[0]
        begun = max((start for start in starts if ended < start <= first_time), default=None)
        # Without a start, the way to the first point is known only where it was gone before.
        last_kept = first_step if begun is None else first_step - 1
        before = max((p.seconds for p in points.values() if p.step <= last_kept), default=0.0)
        points = {step: point for step, point in points.items() if step < first_step}
        for step, time, value in found:
            seconds = before + time - (first_time if begun is None else begun)
            points[step] = Point(step, seconds, value)
        ended = found[-1][1]
    return [points[step] for step in sorted(points)]


def pieces(path: Path, split: str, tag: str = "accuracy") -> int:
    """In how many pieces a curve was measured: more than one if its run was stopped."""
    return len(_starts(path, split, tag))


def training_seconds(path: Path) -> float | None:
    """The seconds from the first measurement of a training to its last one; None without any."""
    points = curve(path, "val") or curve(path, "train")
    return points[-1].seconds if points else None


def _starts(path: Path, split: str, tag: str) -> list[list[tuple[int, float, float]]]:
    """What each start of a run measured: step, wall time and value of each event of a tag."""
    files = (path / split).glob("events.out.tfevents.*")
    found = filter(None, (_scalars(file, tag) for file in files))
    return sorted(found, key=lambda events: events[0][1])


def _scalars(file: Path, tag: str) -> list[tuple[int, float, float]]:
    """Step, wall time and value of each event of a tag."""
    return [
        (event.step, event.wall_time, float(tensor_util.make_ndarray(value.tensor).item()))
        for event in EventFileLoader(str(file)).Load()
        for value in event.summary.value
        if value.tag == tag
    ]
