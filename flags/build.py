"""From flags to a configuration, a run's folder and an evaluation: the one place."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import Any

from absl import flags

from data_gen.errors import UserError
from flags import effects
from flags.defaults import settings_of
from hidra_tf.runs import folder
from hidra_tf.runs.config import BOOKKEEPING, Config, EvalRequest, format_ways, show

FLAGS = flags.FLAGS

RUNS = Path("runs")
LONGEST_NAME = 150  # of a run; file systems take 255
# Settings that every run's name shows; others are appended where they are not the default.
_IN_EVERY_NAME = ("dataset", "method", "train_ways", "shots")

_FOLDERS = ("data_dir", "eval_data_dir", "pretrained")


def config() -> Config:
    """The training that the flags describe.

    Raises:
        UserError: if a value cannot be meant, or a flag that was given has no effect.
    """
    settings = settings_of(FLAGS.dataset, FLAGS.method, FLAGS.backbone, FLAGS.meta_optimizer)
    values = {field.name: FLAGS[field.name].value for field in dataclasses.fields(Config)}
    given = {name: value for name, value in values.items() if value is not None}
    given["data_dir"] = data_dir()
    if FLAGS.eval_dataset:
        given["eval_data_dir"] = eval_data_dir() or data_dir()
    made = Config(**{**settings, **given})
    effects.check(made, _given())
    return made


def eval_request() -> EvalRequest:
    """The evaluation that the flags describe."""
    return EvalRequest(
        FLAGS.eval_ways,
        FLAGS.eval_steps,
        FLAGS.eval_tasks,
        FLAGS.eval_split,
        FLAGS.eval_dataset,
        eval_data_dir(),
        FLAGS.skip_damaged,
        FLAGS.checkpoint,
    )


def data_dir() -> str | None:
    """`--data_dir`, else the environment variable DATA_DIR; absolute."""
    return _absolute(FLAGS.data_dir or os.environ.get("DATA_DIR"))


def eval_data_dir() -> str | None:
    """`--eval_data_dir`, else the environment variable EVAL_DATA_DIR; absolute."""
    return _absolute(FLAGS.eval_data_dir or os.environ.get("EVAL_DATA_DIR"))


def run_dir(of: Config) -> Path:
    """`--run_dir`, else a folder under `runs/` that is named after the settings."""
    return Path(FLAGS.run_dir) if FLAGS.run_dir else RUNS / run_name(of)


def existing_run_dir() -> Path:
    """The folder of the run that `--eval_only` is about.

    Raises:
        UserError: if `--run_dir` is no run, or training flags say something else than its settings.
    """
    if not FLAGS.run_dir:
        across = config()
        alone = dataclasses.replace(across, eval_dataset=None, eval_data_dir=None)
        # Trained with a view to the other data set, or only now to be tested on it.
        return run_dir(across if run_dir(across).exists() else alone)
    run = Path(FLAGS.run_dir)
    _check_no_conflict(folder.open_run(run), run)
    return run


def run_name(of: Config) -> str:
    """A name that differs wherever the settings do."""
    usual = {field.name: field.default for field in dataclasses.fields(Config)}
    usual |= settings_of(of.dataset, of.method, of.backbone, of.meta_optimizer)
    name = f"{of.dataset}-{of.method}-{format_ways(of.train_ways)}way-{of.shots}shot"
    for setting, value in dataclasses.asdict(of).items():
        if setting not in (*_IN_EVERY_NAME, *of.bookkeeping) and value != usual[setting]:
            name += f"-{setting}={_short(value) if setting in _FOLDERS else _brief(value)}"
    if len(name) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{name[: LONGEST_NAME - 13]}-{digest}"


def _absolute(folder: str | None) -> str | None:
    return os.path.abspath(folder) if folder else None


def _brief(value: object) -> str:
    """A value in a name: numbers of meta-updates without brackets and blanks."""
    whole = type(value) is tuple and value and all(type(n) is int for n in value)
    return format_ways(value) if whole else str(value)


def _short(folder: str) -> str:
    """A name for a folder that tells it from others of its name elsewhere."""
    return f"{Path(folder).stem}-{hashlib.sha256(folder.encode()).hexdigest()[:6]}"


def _check_no_conflict(existing: Config, run: Path) -> None:
    """Raises `UserError` if a flag that was given says something else than the run's settings."""
    conflicts = [
        f"--{name} is {show(getattr(existing, name))}, received {show(value)}"
        for name, value in _given().items()
        if name not in (*BOOKKEEPING, "eval_dataset", "skip_damaged")
        and value != getattr(existing, name)
    ]
    if conflicts:
        raise UserError(f"{run} was trained with other settings: {'; '.join(conflicts)}")


def _given() -> dict[str, Any]:
    """The training flags that stand on the command line."""
    names = [field.name for field in dataclasses.fields(Config)]
    return {name: FLAGS[name].value for name in names if FLAGS[name].present}
