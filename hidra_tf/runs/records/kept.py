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
from hidra_tf.runs.assembly import evaluated_seed, evaluated_steps, evaluated_ways
from hidra_tf.runs.checkpoints import weights
from hidra_tf.runs.checkpoints.weights import Weights
from hidra_tf.runs.config import Config, EvalRequest
from hidra_tf.runs.place.folder import write_atomically
from hidra_tf.runs.records.reading import read, says_tasks
from hidra_tf.runs.records.results import SETTINGS, as_json, name_of, task_seed

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
        if found and (says_tasks(made) or not by_task):
            return file
    return None


def write(path: Path, config: Config, made: Mapping[str, Any], chart: bytes, final: bool) -> Path:
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
    """
    folder = path / "results"
    folder.mkdir(parents=True, exist_ok=True)
    own = folder / f"{made['split']}.json"
    target = own if final and _may_replace(own, path, config, made) else None
    target = target or folder / f"{name_of(made)}.json"
    write_atomically(target.with_name(f"{target.name[:-5]}.png"), chart)
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
    more = parts and before["tasks"] <= now["tasks"]
    return before != now and more and task_seed(old) == task_seed(made)


def _put_aside(own: Path, old: Mapping[str, Any]) -> bool:
    """Gives the own table of earlier weights or classes its name; returns True."""
    named = own.with_name(f"{name_of(old)}.json")
    for suffix in (".png", ".json"):
        source = own.with_suffix(suffix)
        if source.exists():
            source.replace(named.with_name(named.name[:-5] + suffix))
    _LOG.warning(
        "%s was less, of other weights or classes, or did not say of which; it is now %s",
        own,
        named.name,
    )
    return True


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
    if any(made[name] != getattr(config, name) for name in SETTINGS):
        return False
    tasks = {name: value for name, value in asked.items() if name != "seed"}
    return (
        data["own"]
        and task_seed(made) == evaluated_seed(config, request)
        and tasks
        == {
            "split": request.split,
            "ways": list(evaluated_ways(config, request, data["classes"])),
            "steps": list(evaluated_steps(config, request)),
            "tasks": request.tasks,
        }
    )


def _same(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return "request" in old and name_of(old) == name_of(new)


def _weights_of(made: Mapping[str, Any]) -> Weights | None:
    """The weights that were evaluated; None in a file from before they were noted."""
    return Weights(**made["checkpoint"]) if "request" in made else None
