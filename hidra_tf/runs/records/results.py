"""What `results/*.json` holds: an evaluation with all that was asked, under a name that says it."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from data_gen.class_pool import ClassPool
from hidra_tf.evaluation.rows import Row
from hidra_tf.options import setting_of
from hidra_tf.runs.checkpoints.weights import Weights
from hidra_tf.runs.config import Config, format_ways

# Of a part of a file's name; the whole then stays below what file systems take, 255 bytes.
LONGEST_LIST = 30
LONGEST_PLACE = 40

# Settings of a run that stand in its results, and that decide the numbers.
SETTINGS = ("method", "shots", "query_shots", "norm", "seed")

# In JSON, a line break stands between values only: within text it is written as two characters.
_WHOLE_NUMBERS = re.compile(r"(?<=\[)\s*\n\s*\d+(?:,\s+\d+)*\s*(?=\])")
_NO_VALIDATION = "only checkpoints in best/ and ensemble/ keep one, each that of its own weights"
_WORDS = {math.inf: "infinite", -math.inf: "minus infinite"}


class Data(NamedTuple):
    """The classes of an evaluation.

    Attributes:
        name: the name of the data set.
        place: the folder of the data set `folder`; None for other data sets.
        own: whether the classes are the run's own.
        classes: the number of classes.
        pictures: the number of all pictures.
        fingerprint: a digest of names, numbers and pixels; see `ClassPool.fingerprint`.
    """

    name: str
    place: str | None
    own: bool
    classes: int
    pictures: int
    fingerprint: str

    @classmethod
    def of(cls, pool: ClassPool, name: str, place: str | None, own: bool) -> Data:
        """The description of a pool."""
        return cls(name, place, own, pool.num_classes, len(pool.images), pool.fingerprint)


class Asked(NamedTuple):
    """An evaluation that was asked for, with every default filled in.

    Attributes:
        split: `train`, `val`, `test` or `all`.
        ways: the numbers of ways.
        steps: the numbers of inner steps.
        tasks: the number of tasks at each number of ways.
        data: the classes.
        weights: the weights of a checkpoint.
        norm: the norm, where the evaluation asked for one.
        shots: the numbers of support pictures of a class; None for the run's own.
        query_shots: the number of query pictures of a class; None for the run's own.
        validation: the validation accuracy of these weights; None where nobody measured it.
        seed: the seed of the tasks where it is not the run's, else None.
    """

    split: str
    ways: tuple[int, ...]
    steps: tuple[int, ...]
    tasks: int
    data: Data
    weights: Weights
    norm: str | None = None
    shots: tuple[int, ...] | None = None
    query_shots: int | None = None
    validation: float | None = None
    seed: int | None = None


def request_of(config: Config, asked: Asked) -> dict[str, Any]:
    """What was asked: pictures, norm and seed only where they are others than the run's own."""
    made: dict[str, Any] = {
        "split": asked.split,
        "ways": list(asked.ways),
        "steps": list(asked.steps),
        "tasks": asked.tasks,
    }
    if asked.shots not in (None, (config.shots,)):
        made["shots"] = list(asked.shots)
    if asked.query_shots not in (None, config.query_shots):
        made["query_shots"] = asked.query_shots
    for name in ("norm", "seed"):
        if getattr(asked, name) is not None:
            made[name] = getattr(asked, name)
    return made


def shots_shown(shots: Sequence[int]) -> int | list[int]:
    """One number of support pictures as a number, several as a list."""
    return shots[0] if len(shots) == 1 else list(shots)


def contents(
    config: Config, asked: Asked, rows: Sequence[Row], seconds: Mapping[int, float]
) -> dict[str, Any]:
    """What a file of results holds: strict JSON, in which `nulls` says why a value is missing.

    Args:
        config: the run's configuration, with the data sets of the evaluation.
        asked: the evaluation.
        rows: the rows that it found.
        seconds: the seconds that the tasks of each number of ways took; see `Evaluator.seconds`.
    """
    found = [_fields_of(row) for row in rows]
    nulls: dict[str, str] = {}
    validation = None
    if asked.validation is None:
        nulls["validation"] = _NO_VALIDATION
    else:
        validation = {"accuracy": asked.validation, "tasks": config.val_tasks}
    return {
        "dataset": config.dataset,
        "eval_dataset": asked.data.name,
        "split": asked.split,
        "method": config.method,
        "step": asked.weights.step,
        "shots": shots_shown(asked.shots or (config.shots,)),
        "query_shots": asked.query_shots or config.query_shots,
        "tasks": asked.tasks,
        "seconds": {str(ways): round(value, 6) for ways, value in seconds.items()},
        "norm": config.norm,
        "setting": setting_of(config.norm),
        "seed": config.seed,
        "request": request_of(config, asked),
        "data": asked.data._asdict(),
        "checkpoint": asked.weights.fields,
        "validation": validation,
        "rows": _strict(found, "rows", nulls),
        "nulls": nulls,
    }


def name_of(made: Mapping[str, Any]) -> str:
    """A file name, without suffix, that says what `contents` are the results of.

    The digest at its end is of everything that decides the numbers, so that another evaluation has
    another name and the same one the same. Old contents, without the request, are named by all
    that they hold.
    """
    if "request" not in made:
        return f"{made['split']}_step={made['step']}_{_digest(made)}"
    request, data, weights = made["request"], made["data"], made["checkpoint"]
    settings = [made[key] for key in SETTINGS]
    digest = _digest([settings, request, data["name"], data["fingerprint"], weights])
    kind = "" if weights["kind"].isdecimal() else f"{weights['kind']}-"
    parts = [
        made["split"],
        *([] if data["own"] else [_label(data)]),
        f"ways={_short(request['ways'])}",
        f"steps={_short(request['steps'])}",
        *([f"shots={_short(request['shots'])}"] if "shots" in request else []),
        *([f"query_shots={request['query_shots']}"] if "query_shots" in request else []),
        f"tasks={request['tasks']}",
        *([f"norm={request['norm']}"] if "norm" in request else []),
        *([f"seed={request['seed']}"] if "seed" in request else []),
        f"checkpoint={kind}{weights['step']}",
        digest,
    ]
    return "_".join(parts)


def as_json(made: Mapping[str, Any]) -> str:
    """The text of a file of results, in which a list of whole numbers stands on one line."""
    text = json.dumps(made, indent=2, allow_nan=False)
    return _WHOLE_NUMBERS.sub(lambda match: re.sub(r"\s+", " ", match[0].strip()), text) + "\n"


def task_seed(made: Mapping[str, Any]) -> int:
    """The seed of the tasks of an evaluation of this version."""
    return made["request"].get("seed", made["seed"])


def _fields_of(row: Row) -> dict[str, Any]:
    """What a file holds of a row: no loss, and nothing of tasks where the row has nothing."""
    fields = {key: value for key, value in row._asdict().items() if key != "loss"}
    if row.correct is None:
        del fields["queries"], fields["correct"]
        return fields
    return {**fields, "correct": list(row.correct)}


def _strict(value: object, where: str, nulls: dict[str, str]) -> object:
    """`value` without what JSON has no number for; why is noted in `nulls`, by its place."""
    if isinstance(value, dict):
        return {key: _strict(part, f"{where}.{key}", nulls) for key, part in value.items()}
    if isinstance(value, list):
        return [_strict(part, f"{where}[{i}]", nulls) for i, part in enumerate(value)]
    if value is None:
        nulls[where] = "a single task has no interval"
    elif isinstance(value, float) and not math.isfinite(value):
        nulls[where] = _WORDS.get(value, "not a number")
        return None
    return value


def _label(data: Mapping[str, Any]) -> str:
    """The name of a data set that is not the run's own; of `folder`, which one."""
    if not data["place"]:
        return str(data["name"])
    place = re.sub(r"[^A-Za-z0-9.]+", "-", os.path.basename(data["place"]), flags=re.ASCII)
    return f"{data['name']}={place[:LONGEST_PLACE].strip('.-')}"


def _short(numbers: Sequence[int]) -> str:
    text = format_ways(tuple(numbers))
    return text if len(text) <= LONGEST_LIST else f"{numbers[0]}..{numbers[-1]}"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:10]
