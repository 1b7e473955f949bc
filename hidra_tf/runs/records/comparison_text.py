"""A comparison of runs as text for a person, and as CSV for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from hidra_tf.evaluation.intervals import Estimate
from hidra_tf.options import setting_of
from hidra_tf.runs.config import format_ways
from hidra_tf.runs.records.comparison import Cell, Comparison, Entry
from hidra_tf.runs.records.reading import validation_of
from hidra_tf.runs.records.results import task_seed

NOTHING = "none"


def text(found: Comparison) -> str:
    """All that a comparison says: who is compared, the accuracies, the paired differences."""
    made = found.entries[0].made[0]
    seeds = format_ways(sorted({task_seed(m) for m in found.entries[0].made}))
    parts = [
        f"comparison on {made['tasks']} tasks per row, {made['split']} classes of "
        f"{made['eval_dataset']}, {made['shots']} shots, {made['query_shots']} queries per class, "
        f"seed of the tasks {seeds}; 95 % intervals",
        "\n".join(describe(entry) for entry in found.entries),
        _table(found, "accuracy, %", [entry.letter for entry in found.entries], _accuracy),
    ]
    if len(found.entries) > 1:
        first, *others = found.entries
        heads = [f"{entry.letter} - {first.letter}" for entry in others]
        title = f"difference to {first.letter} on the same tasks, percentage points"
        parts.append(_table(found, title, heads, _difference))
    return "\n\n".join([*parts, *filter(None, ["\n".join(_notes(found))])])


def describe(entry: Entry) -> str:
    """An entry on one line: its method and everything that decides what its accuracy means."""
    made, config = entry.made[0], entry.group.configs[0]
    steps = format_ways(list(dict.fromkeys(m["checkpoint"]["step"] for m in entry.made)))
    value = validation(entry)
    known = "" if value is None else f", {100 * value:.2f} % on validation classes"
    return (
        f"{entry.letter}  {entry.group.name}: {made['method']}, {setting_of(made['norm'])} "
        f"(norm {made['norm']}), {made['shots']} shots, trained at "
        f"{format_ways(config.train_ways)} ways, {_count('seed', entry.group.seeds)}, "
        f"{entry.steps} inner step{'' if entry.steps == 1 else 's'}, "
        f"{made['checkpoint']['kind']} checkpoint of step {steps}{known}"
    )


def validation(entry: Entry) -> float | None:
    """The mean accuracy on validation classes, where all evaluations of an entry state one."""
    known = [found for found in map(validation_of, entry.made) if found is not None]
    complete = len(known) == len(entry.made)
    return sum(accuracy for accuracy, _ in known) / len(known) if complete else None


def as_csv(found: Comparison) -> str:
    """A line per entry and number of ways; numbers in full, and empty where there is none."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(_line(found, found.ways[0], 0)), lineterminator="\n")
    writer.writeheader()
    for ways in found.ways:
        for place in range(len(found.entries)):
            writer.writerow(_line(found, ways, place))
    return stream.getvalue()


def _line(found: Comparison, ways: int, place: int) -> dict[str, Any]:
    entry, cell = found.entries[place], found.cells[ways][place]
    made, nothing = entry.made[0], Estimate(None, None)
    accuracy, against = cell.accuracy or nothing, cell.difference or nothing
    return {
        "entry": entry.letter,
        "run": entry.group.name,
        "method": made["method"],
        "norm": made["norm"],
        "setting": setting_of(made["norm"]),
        "shots": made["shots"],
        "query_shots": made["query_shots"],
        "seeds": " ".join(map(str, entry.group.seeds)),
        "task_seeds": " ".join(str(task_seed(m)) for m in entry.made),
        "checkpoint_steps": " ".join(str(m["checkpoint"]["step"]) for m in entry.made),
        "validation_accuracy": validation(entry),
        "tasks": made["tasks"],
        "steps": entry.steps,
        "ways": ways,
        "accuracy": accuracy.mean,
        "ci95": accuracy.ci95,
        "difference": against.mean,
        "difference_ci95": against.ci95,
        "missing": _why_missing(entry) if cell.accuracy is None else "",
    }


def _table(found: Comparison, title: str, heads: Sequence[str], cell_of: object) -> str:
    """A line for each number of ways, and a column for each of the last entries."""
    rows = {
        ways: [cell_of(cell) for cell in found.cells[ways][-len(heads) :]] for ways in found.ways
    }
    width = max(len(cell) for cells in (heads, *rows.values()) for cell in cells) + 3
    lines = [title, "ways" + "".join(head.rjust(width) for head in heads)]
    lines += [f"{w:4d}" + "".join(c.rjust(width) for c in cells) for w, cells in rows.items()]
    return "\n".join(lines)


def _accuracy(cell: Cell) -> str:
    return _percent(cell.accuracy, "")


def _difference(cell: Cell) -> str:
    return _percent(cell.difference, "+")


def _percent(estimate: Estimate | None, sign: str) -> str:
    if estimate is None:
        return NOTHING
    around = "" if estimate.ci95 is None else f" ± {100 * estimate.ci95:.2f}"
    return f"{100 * estimate.mean:{sign}.2f}{around}"


def _notes(found: Comparison) -> list[str]:
    """What a reader of the tables has to know to read them right."""
    notes = []
    for entry in found.entries:
        missing = [ways for ways in found.ways if ways not in entry.ways]
        if missing:
            notes.append(
                f"{entry.letter} has no accuracy at {format_ways(missing)} ways: "
                f"{_why_missing(entry)}"
            )
    single = [entry.letter for entry in found.entries if len(entry.made) == 1]
    if single:
        notes.append(
            f"{', '.join(single)}: of a single training; intervals do not count how other seeds "
            "of it would vary"
        )
    return notes


def _why_missing(entry: Entry) -> str:
    most = entry.group.configs[0].most_ways
    if most is not None:
        return f"{entry.made[0]['method']} has neurons for at most {most} ways"
    return f"{entry.made[0]['method']} has a head for {format_ways(entry.ways)} ways"


def _count(noun: str, values: Sequence[int]) -> str:
    return f"{noun}{'' if len(values) == 1 else 's'} {format_ways(values)}"
