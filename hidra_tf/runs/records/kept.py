"""The files of results that a run keeps: searched, and written so that none is lost.

`results/<split>.json` is the run's own final table, and only the training command writes it. Every
other evaluation has a file of its own, named by `results.name_of`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from data_gen.errors import printable
from hidra_tf.runs.checkpoints import weights
from hidra_tf.runs.checkpoints.weights import Weights
from hidra_tf.runs.config import Config, EvalRequest
from hidra_tf.runs.measuring import evaluated_seed, evaluated_steps, evaluated_ways
from hidra_tf.runs.place.folder import write_atomically
from hidra_tf.runs.records.confusion import CLASSES
from hidra_tf.runs.records.reading import read, says_tasks
from hidra_tf.runs.records.results import (
    SETTINGS,
    Asked,
    as_json,
    name_of,
    request_of,
    shots_shown,
    task_seed,
)

_LOG = logging.getLogger(__name__)


def answering(
    path: Path, config: Config, request: EvalRequest, by_task: bool = False
) -> Path | None:
    """The file that answers `request` about the run's own classes and present weights, if any.

    Args:
        path: the run's folder.
        config: its configuration.
        request: the evaluation; its data sets are the run's own.
        by_task: whether the file has to say how many queries of each task were correct.
    """
    now = weights.current(path, config, request.checkpoint)
    if now is None:
        return None
    for file, made in _readable(path, request.split):
        found = _weights_of(made) == now and _answers(made, config, request)
        has_all = not request.confusion or _beside(file, CLASSES).exists()
        if found and has_all and (says_tasks(made) or not by_task):
            return file
    return None


def write(
    path: Path,
    config: Config,
    made: Mapping[str, Any],
    chart: bytes,
    final: bool,
    more: Mapping[str, str | bytes] | None = None,
) -> Path:
    """Keeps an evaluation of the run at `path`, as JSON and as a picture; returns the former.

    Args:
        path: the run's folder.
        config: the run's configuration.
        made: the evaluation, as `results.contents` made it.
        chart: a PNG.
        final: whether the evaluation ended a training. It is then the run's own table, unless there
            is one of the same weights and classes that has more ways, steps or tasks: that one
            stays. An own table that is less, or of earlier weights, moves to the name that says of
            which.
        more: what else is to stand beside the evaluation, by the ends of the files' names.
    """
    folder = path / "results"
    folder.mkdir(parents=True, exist_ok=True)
    own = folder / f"{made['split']}.json"
    target = own if final and _may_replace(own, path, config, made) else None
    target = target or folder / f"{name_of(made)}.json"
    for suffix, part in {".png": chart, **(more or {})}.items():
        write_atomically(_beside(target, suffix), part)
    write_atomically(target, as_json(made))
    return target


def _may_replace(own: Path, path: Path, config: Config, made: Mapping[str, Any]) -> bool:
    """Whether `made` may be the run's own table; makes way for it without losing another."""
    if not own.exists():
        return True
    try:
        old = read(own)
    except ValueError as error:
        _LOG.warning("%s is damaged (%s) and is replaced", own, printable(error))
        for file in _companions(own):  # which belonged to it
            file.unlink()
        return True
    if _same(old, made):
        return True
    of_old = _weights_of(old)
    current = of_old is not None and of_old == weights.current(path, config, of_old.kind)
    alike = current and old["data"]["fingerprint"] == made["data"]["fingerprint"]
    return (not alike or _is_less(old, made)) and _put_aside(own, old)


def _is_less(old: Mapping[str, Any], made: Mapping[str, Any]) -> bool:
    """Whether `made` has all ways and steps that `old` has and more, or more tasks."""
    before, now = old["request"], made["request"]
    parts = all(set(before[name]) <= set(now[name]) for name in ("ways", "steps"))
    alike = all(before.get(name) == now.get(name) for name in ("shots", "query_shots"))
    more = parts and before["tasks"] <= now["tasks"]
    return before != now and alike and more and task_seed(old) == task_seed(made)


def _put_aside(own: Path, old: Mapping[str, Any]) -> bool:
    """Gives the own table of earlier weights or classes its name; returns True."""
    named = own.with_name(f"{name_of(old)}.json")
    for source in [*_companions(own), own]:
        source.replace(_beside(named, source.name.removeprefix(own.stem)))
    _LOG.warning(
        "%s was less, of other weights or classes, or did not say of which; it is now %s",
        own,
        named.name,
    )
    return True


def _beside(file: Path, suffix: str) -> Path:
    """The file that belongs to a file of results and whose name ends otherwise."""
    return file.with_name(file.name.removesuffix(".json") + suffix)


def _companions(own: Path) -> list[Path]:
    """Whatever belongs to a run's own table and stands beside it."""
    return [file for file in sorted(own.parent.glob(f"{own.stem}.*")) if file != own]


def _readable(path: Path, split: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The results of a split that can be read, the run's own table first."""
    folder = path / "results"
    for file in [folder / f"{split}.json", *sorted(folder.glob(f"{split}_*.json"))]:
        try:
            yield file, read(file)
        except (OSError, ValueError):
            continue


def _answers(made: Mapping[str, Any], config: Config, request: EvalRequest) -> bool:
    asked, data = made["request"], made["data"]
    wanted = Asked(
        request.split,
        evaluated_ways(config, request, data["classes"]),
        evaluated_steps(config, request),
        request.tasks,
        data,
        None,
        shots=request.shots_of(config),
        query_shots=request.query_shots_of(config),
        norm=None if request.norm == config.norm else request.norm,
    )
    settings = {name: getattr(config, name) for name in SETTINGS}
    settings |= {"shots": shots_shown(wanted.shots), "query_shots": wanted.query_shots}
    settings["norm"] = wanted.norm or config.norm
    if any(made[name] != value for name, value in settings.items()):
        return False
    tasks = {name: value for name, value in asked.items() if name != "seed"}
    same_tasks = task_seed(made) == evaluated_seed(config, request)
    return data["own"] and same_tasks and tasks == request_of(config, wanted)


def _same(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return "request" in old and name_of(old) == name_of(new)


def _weights_of(made: Mapping[str, Any]) -> Weights | None:
    """The weights that were evaluated; None in a file from before they were noted."""
    return Weights.of_fields(made["checkpoint"]) if "request" in made else None
