"""Results as a person and a program want them: a table, a JSON file, a chart."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from data_gen.class_pool import Splits
from hidra_tf.evaluation.rows import Row
from hidra_tf.runs.config import Config, EvalRequest
from hidra_tf.runs.folder import write_atomically


def opening(config: Config, splits: Splits, weights: int, device: str) -> str:
    """What is about to be trained, on two lines: the data, then the method.

    Args:
        config: the training's.
        splits: its data.
        weights: numbers that the meta-optimizer moves.
        device: where, in words.
    """
    height, width, channels = splits.train.image_shape
    across = evaluated(config, "val")
    data = config.dataset if across == config.dataset else f"{config.dataset} → {across}"
    classes = " / ".join(f"{split.num_classes}" for split in splits)
    ways = ", ".join(map(str, config.train_ways))
    return (
        f"data     {data}: {classes} classes for training, validation and tests, "
        f"{height} × {width} × {channels}\n"
        f"method   {config.method}, {ways} ways, {config.shots} shots: "
        f"{weights:,} weights, on {device}"
    )


def table(rows: Sequence[Row]) -> str:
    """A text table: a line per number of ways, a column per number of inner steps."""
    steps = sorted({row.steps for row in rows})
    cells = {(row.ways, row.steps): percent(row) for row in rows}
    heads = [f"{s} step{'' if s == 1 else 's'}" for s in steps]
    width = max(len(text) for text in [*heads, *cells.values()]) + 3
    lines = ["ways" + "".join(head.rjust(width) for head in heads)]
    for ways in sorted({row.ways for row in rows}):
        lines.append(f"{ways:4d}" + "".join(cells[ways, s].rjust(width) for s in steps))
    return "\n".join(lines)


def pace(tasks: int, rows: Sequence[Row], seconds: Mapping[int, float]) -> str:
    """How long all took, `tasks` tasks at each number of ways (`Evaluator.seconds`): a line."""
    steps, total, every = max(row.steps for row in rows), sum(seconds.values()), len(seconds)
    return (
        f"time     {total:.2f} s for {tasks * every} tasks with {steps} "
        f"step{'' if steps == 1 else 's'}, {tasks * every / total:.1f} tasks/s"
    )


def percent(row: Row) -> str:
    """A row's accuracy with its 95 % interval, as "98.71 ± 0.12 %"."""
    interval = "" if row.ci95 is None else f" ± {100 * row.ci95:.2f}"
    return f"{100 * row.accuracy:.2f}{interval} %"


def results(
    config: Config,
    split: str,
    step: int,
    tasks: int,
    rows: Sequence[Row],
    seconds: Mapping[int, float],
) -> dict[str, object]:
    """What `results/<split>.json` holds.

    Args:
        config: the run's.
        split: that was evaluated.
        step: the checkpoint's.
        tasks: at each number of ways.
        rows: what was found.
        seconds: that the tasks of each number of ways took; see `Evaluator.seconds`.
    """
    return {
        "dataset": config.dataset,
        "eval_dataset": evaluated(config, split),
        "split": split,
        "method": config.method,
        "step": step,
        "shots": config.shots,
        "query_shots": config.query_shots,
        "tasks": tasks,
        "seconds": {str(ways): round(value, 6) for ways, value in seconds.items()},
        "norm": config.norm,
        "seed": config.seed,
        "rows": [
            {key: value for key, value in row._asdict().items() if key != "loss"} for row in rows
        ],
    }


def evaluated(config: Config, split: str) -> str:
    """The data set that a split's classes come from."""
    return config.dataset if split == "train" else config.eval_dataset or config.dataset


def write(path: Path, contents: dict[str, object], chart: bytes) -> Path:
    """Writes `<path>.json` and `<path>.png`; returns the former."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".png").write_bytes(chart)
    target = path.with_suffix(".json")
    write_atomically(target, json.dumps(contents, indent=2) + "\n")
    return target


def rows_of(contents: dict[str, object]) -> list[Row]:
    """The rows that `results` was made from; they come without losses."""
    return [Row(**row, loss=float("nan")) for row in contents["rows"]]


def seconds_of(contents: dict[str, object]) -> dict[int, float]:
    """The seconds that `results` was told; none in a file from before they were taken."""
    return {int(ways): value for ways, value in contents.get("seconds", {}).items()}


def answers(contents: dict[str, object], request: EvalRequest) -> bool:
    """Whether what `results` made answers `request` already."""
    ways = sorted({row["ways"] for row in contents["rows"]})
    steps = sorted({row["steps"] for row in contents["rows"]})
    return (
        contents["tasks"] == request.tasks
        and (request.ways is None or list(request.ways) == ways)
        and (request.steps is None or list(request.steps) == steps)
    )


def any_way_chart(rows: Sequence[Row], title: str) -> bytes:
    """Accuracy over the number of ways, with 95 % intervals: a PNG."""
    # Slow to import, and its pyplot would look for a display.
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    for steps in sorted({row.steps for row in rows}):
        chosen = sorted(row for row in rows if row.steps == steps)
        axes.errorbar(
            [row.ways for row in chosen],
            [100 * row.accuracy for row in chosen],
            yerr=[100 * (row.ci95 or 0) for row in chosen],
            marker="o",
            markersize=4,
            capsize=3,
            label=f"{steps} inner step{'' if steps == 1 else 's'}",
        )
    axes.set(xlabel="ways (classes per task)", ylabel="accuracy, %", title=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left")
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=120)
    return image.getvalue()
