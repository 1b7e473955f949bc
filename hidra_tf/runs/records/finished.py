"""Whether a training command has nothing left to do."""

from __future__ import annotations

from pathlib import Path

from hidra_tf import methods
from hidra_tf.runs.checkpoints.files import saved_step
from hidra_tf.runs.checkpoints.weights import Weights
from hidra_tf.runs.config import Config, EvalRequest
from hidra_tf.runs.records import kept, report
from hidra_tf.runs.records.reading import read, rows_of, seconds_of, validation_of


def says_finished(path: Path, config: Config, request: EvalRequest) -> bool:
    """Whether the run at `path` is trained and evaluated as asked; if so, prints its results.

    Results count only if they are of the weights that would be evaluated now, on the run's own
    classes, and at the ways, steps and tasks that are asked for.
    """
    steps = total_steps(config)
    if saved_step(path) < steps:
        return False
    file = kept.answering(path, config, request)
    if file is None:
        return False
    made = read(file)
    weights = Weights.of_fields(made["checkpoint"])
    rows, seconds = rows_of(made), seconds_of(made)
    time = f"{report.pace(request.tasks, rows, seconds)}\n" if sum(seconds.values()) else ""
    print(
        f"{path} is finished: {steps} of {steps} steps; tested at {weights}\n\n"
        f"{report.table(rows)}\n\n{report.validation(validation_of(made))}{time}results  {file}\n"
        f"to evaluate it otherwise: --eval_only --run_dir={path}"
    )
    return True


def total_steps(config: Config) -> int:
    """The meta-updates that a training makes."""
    return config.steps if methods.trains(config.method) else 0
