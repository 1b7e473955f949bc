"""Compares runs on the same tasks: from their folders to a table, a CSV and a chart."""

from __future__ import annotations

import dataclasses
import string
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from data_gen.errors import UserError, printable
from hidra_tf.methods import METHODS
from hidra_tf.runs.checkpoints.files import saved_step
from hidra_tf.runs.config import Config, EvalRequest, format_ways
from hidra_tf.runs.evaluate import evaluate
from hidra_tf.runs.measuring import ANY_WAYS
from hidra_tf.runs.place import identity
from hidra_tf.runs.place.folder import write_atomically
from hidra_tf.runs.place.groups import Group
from hidra_tf.runs.records import kept
from hidra_tf.runs.records.comparison import Entry, compare_entries
from hidra_tf.runs.records.comparison_chart import comparison_chart
from hidra_tf.runs.records.comparison_text import as_csv, text
from hidra_tf.runs.records.finished import total_steps
from hidra_tf.runs.records.reading import read
from hidra_tf.runs.terminal.refusals import in_one_line
from hidra_tf.runs.terminal.stopped import comparison_stopped

CSV, CHART = "compare.csv", "compare.png"
LETTERS = string.ascii_uppercase

# How to evaluate the run in a folder as requested: returns the file of the results.
Evaluate = Callable[[Path, EvalRequest], Path]


def compare(
    groups: Sequence[Group],
    request: EvalRequest,
    folder: Path,
    data_dirs: Mapping[Path, str | None],
    cache_dir: str | None = None,
    pictures: str = "auto",
) -> None:
    """Evaluates runs on the same tasks, prints a table, and writes `CSV` and `CHART`.

    An evaluation that a run keeps is taken if it answers the request; otherwise the run is
    evaluated, and keeps the result. A head for one number of ways is evaluated at that alone.

    Args:
        groups: the runs; the others are compared with the first.
        request: the evaluation. Ways of None are 2–10 and those of heads for one number; a seed of
            None is that of the first run.
        folder: the folder to write into, which is made if it is missing.
        data_dirs: where the pictures of each run are, if no longer where they were.
        cache_dir: the folder for decoded data sets; None is the user's cache.
        pictures: the place that holds the pictures, one of `data_gen.PICTURES`.

    Raises:
        UserError: if the runs cannot be compared, or one cannot be evaluated.
        KeyboardInterrupt: after Ctrl-C; evaluations that were made are kept.
    """
    if request.seed is None:
        request = dataclasses.replace(request, seed=groups[0].configs[0].seed)

    def measure(path: Path, asked: EvalRequest) -> Path:
        return evaluate(path, asked, data_dirs[path], cache_dir, pictures)

    try:
        show(groups, request, folder, measure)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(comparison_stopped()) from None


@in_one_line
def show(groups: Sequence[Group], request: EvalRequest, folder: Path, measure: Evaluate) -> None:
    """Prints and writes what `compare` says; a seed of None is that of each run.

    Raises:
        UserError: as `compare` does.
    """
    _check(groups, request, folder)
    ways = _ways(groups, request)
    own = [_own(request, group, ways) for group in groups]
    made = [
        tuple(_made(path, config, asked, measure) for config, path in _members([group]))
        for group, asked in zip(groups, own, strict=True)
    ]
    found = compare_entries([Entry(*parts) for parts in zip(LETTERS, groups, made, strict=False)])
    print(f"\n{text(found)}", flush=True)
    chart, lines = comparison_chart(found), as_csv(found)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / CHART, chart)
    write_atomically(folder / CSV, lines)
    print(f"\ntable    {printable(folder / CSV)}\nchart    {printable(folder / CHART)}")


def _check(groups: Sequence[Group], request: EvalRequest, folder: Path) -> None:
    """Raises `UserError` for what can be known to be wrong before anything is evaluated."""
    if len(groups) > len(LETTERS):
        raise UserError(f"compare: expected at most {len(LETTERS)} runs, received {len(groups)}")
    if request.steps is not None and len(request.steps) > 1:
        raise UserError(
            f"eval_steps: expected one number with `compare`, received {format_ways(request.steps)}"
        )
    if folder.exists() and not folder.is_dir():
        raise UserError(f"compare_dir: expected a folder, found a file at {folder}")
    first, first_path = groups[0].configs[0], groups[0].paths[0]
    for config, path in _members(groups):
        for name in ("shots", "query_shots"):
            ours, theirs = getattr(first, name), getattr(config, name)
            # What the evaluation asks for is the same for all.
            if ours != theirs and getattr(request, name) is None:
                raise UserError(
                    f"compare: expected runs with the same {name}; {first_path} has {ours}, {path} "
                    f"has {theirs}"
                )
        if saved_step(path) < total_steps(config):
            print(f"{path} has made {saved_step(path)} of {config.steps} meta-updates", flush=True)
    if request.dataset is None:
        _check_pictures(groups, request.split)


def _check_pictures(groups: Sequence[Group], split: str) -> None:
    """Raises `UserError` if two runs say that their pictures of a split differ."""
    known = [(path, identity.read(path)) for _, path in _members(groups)]
    said = [(path, data.splits[split]) for path, data in known if data and split in data.splits]
    for path, data in said[1:]:
        differing = identity.difference(said[0][1], data)
        if differing:
            raise UserError(
                f"compare: expected runs with the same {split} pictures; those of {path} are not "
                f"those of {said[0][0]} ({differing})"
            )


def _ways(groups: Sequence[Group], request: EvalRequest) -> tuple[int, ...]:
    """The numbers of ways that a comparison means, as far as there are classes."""
    fixed = {c for g in groups for c in g.configs[0].train_ways if g.configs[0].is_fixed_way}
    if request.ways is not None:
        return request.ways
    if all(group.configs[0].is_fixed_way for group in groups):
        return tuple(sorted(fixed))
    data = [identity.read(path) for _, path in _members(groups)] if not request.dataset else []
    most = [d.splits[request.split].classes for d in data if d and request.split in d.splits]
    limits = [group.configs[0].most_ways for group in groups if not group.configs[0].is_fixed_way]
    if None not in limits:
        most.append(max(limits))
    return tuple(c for c in sorted({*ANY_WAYS, *fixed}) if c <= min(most, default=c))


def _own(request: EvalRequest, group: Group, ways: tuple[int, ...]) -> EvalRequest:
    """What is requested of a group: its ways alone, and steps only where it has inner steps."""
    config = group.configs[0]
    own = tuple(c for c in ways if _serves(config, c))
    if not own:
        served = format_ways(config.train_ways) if config.is_fixed_way else f"2-{config.most_ways}"
        raise UserError(
            f"eval_ways: expected {served} among them, the ways of {group.name} "
            f"({config.method}); received {format_ways(ways)}"
        )
    steps = request.steps if METHODS[config.method].steps else None
    return dataclasses.replace(request, ways=own, steps=steps)


def _serves(config: Config, ways: int) -> bool:
    """Whether a run can be evaluated at a number of ways."""
    if config.is_fixed_way:
        return ways in config.train_ways
    return config.most_ways is None or ways <= config.most_ways


def _made(path: Path, config: Config, request: EvalRequest, measure: Evaluate) -> dict[str, Any]:
    """The evaluation of a run, kept or new."""
    file = None
    if request.dataset is None:
        file = kept.answering(path, config, request, by_task=True)
    if file is None:
        print(f"evaluating {path}", flush=True)
        return read(measure(path, request))
    print(f"kept in {file}", flush=True)
    return read(file)


def _members(groups: Sequence[Group]) -> list[tuple[Config, Path]]:
    return [pair for g in groups for pair in zip(g.configs, g.paths, strict=True)]
