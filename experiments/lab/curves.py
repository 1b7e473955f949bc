"""The curves of a run, read back from TensorBoard's files."""

from __future__ import annotations

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


def curve(path: Path, split: str, tag: str = "accuracy") -> list[Point]:
    """A curve of the run at `path`: points in the order of their meta-updates.

    A run that was stopped and went on has a file for each start. Where two have the same
    meta-update, the later one counts; its seconds are those of the file that it is in, after all
    that files before it had up to its first point.

    Args:
        path: the run's folder.
        split: `train`, `val` or `test`.
        tag: the name of the scalar.
    """
    files = sorted((path / split).glob("events.out.tfevents.*"), key=_first_time)
    points: dict[int, Point] = {}
    for file in files:
        found = _scalars(file, tag)
        if not found:
            continue
        first_step, first_time, _ = found[0]
        before = max((p.seconds for p in points.values() if p.step <= first_step), default=0.0)
        points = {step: point for step, point in points.items() if step < first_step}
        for step, time, value in found:
            points[step] = Point(step, before + time - first_time, value)
    return [points[step] for step in sorted(points)]


def training_seconds(path: Path) -> float | None:
    """The seconds from the first measurement of a training to its last one; None without any."""
    points = curve(path, "val") or curve(path, "train")
    return points[-1].seconds if points else None


def _scalars(file: Path, tag: str) -> list[tuple[int, float, float]]:
    """Step, wall time and value of each event of a tag."""
    return [
        (event.step, event.wall_time, float(tensor_util.make_ndarray(value.tensor).item()))
        for event in EventFileLoader(str(file)).Load()
        for value in event.summary.value
        if value.tag == tag
    ]


def _first_time(file: Path) -> float:
    """When a file was begun, which its name says."""
    return float(file.name.split(".")[3])
