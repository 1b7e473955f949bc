"""What a person reads of a run: its opening, and tables of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data_gen.class_pool import Splits
from hidra_tf.evaluation.rows import Row
from hidra_tf.runs.config import Config


def opening(config: Config, splits: Splits, weights: int, device: str) -> str:
    """What is about to be trained, on two lines: the data, then the method.

    Args:
        config: the configuration of the training.
        splits: the classes of the training, the validation and the tests.
        weights: the number of weights that the meta-optimizer moves.
        device: the device that computes, in words.
    """
    height, width, channels = splits.train.image_shape
    seen = "" if config.crop_margin == 1 else " × ".join(map(str, config.seen_shape[:2]))
    across = evaluated(config, "val")
    data = config.dataset if across == config.dataset else f"{config.dataset} → {across}"
    classes = " / ".join(f"{split.num_classes}" for split in splits)
    ways = ", ".join(map(str, config.train_ways))
    return (
        f"data     {data}: {classes} classes for training, validation and tests, "
        f"{height} × {width} × {channels}{seen and f', seen at {seen}'}\n"
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


def validation(found: tuple[float, int] | None) -> str:
    """The validation accuracy of the weights and its number of tasks: a line, or none of it."""
    if found is None:
        return ""
    return f"val      {100 * found[0]:.2f} % with these weights on {found[1]} validation tasks\n"


def markdown(rows: Sequence[Row]) -> str:
    """All that rows hold, losses included, as a table in Markdown."""
    metrics = sorted({name for row in rows for name in row.metrics})
    heads = ["ways", "steps", "accuracy", "loss", *metrics]
    lines = [_cells(heads), _cells(["--"] * len(heads))]
    for row in sorted(rows, key=lambda row: (row.ways, row.steps)):
        means = [row.metrics[name]["mean"] if name in row.metrics else None for name in metrics]
        numbers = ["" if value is None else f"{value:.4g}" for value in (row.loss, *means)]
        lines.append(_cells([row.ways, row.steps, percent(row), *numbers]))
    return "\n".join(lines)


def _cells(values: Sequence[object]) -> str:
    return f"| {' | '.join(map(str, values))} |"


def percent(row: Row) -> str:
    """A row's accuracy with its 95 % interval, as "98.71 ± 0.12 %"."""
    interval = "" if row.ci95 is None else f" ± {100 * row.ci95:.2f}"
    return f"{100 * row.accuracy:.2f}{interval} %"


def evaluated(config: Config, split: str) -> str:
    """The data set that a split's classes come from."""
    return config.dataset if split == "train" else config.eval_dataset or config.dataset
