"""From flags to a configuration, a run's folder and an evaluation: the one place."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

from absl import flags as absl_flags

from data_gen.errors import UserError
from flags import effects
from flags.defaults import settings_of
from flags.names import run_name
from flags.parsing import GROUPS
from hidra_tf.runs.checkpoints.files import holds_nothing
from hidra_tf.runs.config import BOOKKEEPING, Config, EvalRequest, show
from hidra_tf.runs.place import folder
from hidra_tf.runs.place.trust import check_trusted

FLAGS = absl_flags.FLAGS

RUNS = Path("runs")
# What an evaluation may have otherwise than the run's training.
_OF_AN_EVALUATION = ("data_dir", "eval_dataset", "eval_data_dir", "pictures", "skip_damaged")


def config() -> Config:
    """The training that the flags describe; with `--run_dir`, that of the run which is there.

    A run that ended before its first checkpoint holds nothing, and other flags start it over.

    Raises:
        UserError: if a value cannot be meant, a flag that was given has no effect, or a flag says
            something else than the run that is there.
    """
    return _config_at(Path(FLAGS.run_dir) if FLAGS.run_dir else None)


def trainings() -> list[tuple[Config, Path]]:
    """The training that the flags describe with its folder, or one for each of `--seeds`.

    Raises:
        UserError: as `config` does for each of them; or if `--run_dir` is a run, and with `--seeds`
            should be a folder of runs.
    """
    if FLAGS.seeds is None:
        made = config()
        return [(made, run_dir(made))]
    parent = seeds_dir()
    given = [(seed, parent / f"seed{seed}") for seed in FLAGS.seeds]
    return [(_config_at(run if FLAGS.run_dir else None, seed), run) for seed, run in given]


def seeds_dir() -> Path:
    """The folder that holds the runs of `--seeds`: `--run_dir`, or one named after the settings."""
    parent = Path(FLAGS.run_dir) if FLAGS.run_dir else RUNS / f"{run_name(_new(0))}-seeds"
    if (parent / folder.CONFIG_FILE).exists():
        raise UserError(
            f"seeds: expected a folder for a run of each seed, received the run {parent}; give "
            "another `run_dir`"
        )
    return parent


def _config_at(run: Path | None, seed: int | None = None) -> Config:
    """The training that the flags describe, of the run in a folder if it has one already.

    Args:
        run: the folder, where `--run_dir` was given.
        seed: the seed, where it is not that of the flags.
    """
    existing = folder.find(run) if run else None
    if existing and _conflicts(existing, BOOKKEEPING) and holds_nothing(run):
        existing = None
    if existing is None and run and not _settings_given():
        raise UserError(
            f"expected a run at {run} to continue, found none; to train a new one there, "
            "say what to train, at least its `dataset`"
        )
    made = _new(seed) if existing is None else _continued(existing, run)
    if seed not in (None, made.seed):
        raise UserError(f"seeds: expected seed {seed} for {run}, which has seed {made.seed}")
    effects.check(made, given_flags())
    if made.pretrained:
        check_trusted_run(Path(made.pretrained))
    return made


def eval_request() -> EvalRequest:
    """The evaluation that the flags describe."""
    return EvalRequest(
        ways=FLAGS.eval_ways,
        steps=FLAGS.eval_steps,
        tasks=FLAGS.eval_tasks,
        split=FLAGS.eval_split,
        dataset=FLAGS.eval_dataset,
        data_dir=eval_data_dir(),
        skip_damaged=FLAGS.skip_damaged,
        norm=FLAGS.eval_norm,
        checkpoint=FLAGS.checkpoint,
        shots=FLAGS.eval_shots,
        query_shots=FLAGS.eval_query_shots,
        confusion=FLAGS.eval_confusion,
        seed=FLAGS.eval_seed,
    )


def data_dir(existing: Config | None = None) -> str | None:
    """The absolute folder of the pictures.

    It is `--data_dir`, else where an existing run has its own if that is still there, else the
    environment variable DATA_DIR.
    """
    own = existing.data_dir if existing is not None else None
    kept = own if own and os.path.exists(own) else None
    return _absolute(FLAGS.data_dir or kept or os.environ.get("DATA_DIR"))


def data_dir_of(run: Path) -> str | None:
    """The same for the run in a folder."""
    return data_dir(folder.find(run))


def eval_data_dir() -> str | None:
    """`--eval_data_dir`, else the environment variable EVAL_DATA_DIR; absolute."""
    return _absolute(FLAGS.eval_data_dir or os.environ.get("EVAL_DATA_DIR"))


def run_dir(of: Config) -> Path:
    """`--run_dir`, else a folder under `runs/` that is named after the settings."""
    return Path(FLAGS.run_dir) if FLAGS.run_dir else RUNS / run_name(of)


def existing_run_dir() -> Path:
    """The folder of the run that `--eval_only` is about.

    Raises:
        UserError: if `--run_dir` is no run, it names code that nobody asked for, a flag says
            something else than its settings, or has no effect.
    """
    path = Path(FLAGS.run_dir) if FLAGS.run_dir else _described_run()
    run = folder.open_run(path) if FLAGS.run_dir else folder.find(path)
    if run is not None:
        _check_agrees(run, path, _OF_AN_EVALUATION)
        effects.check(run, given_flags())
        check_trusted_run(path)
    return path


def _described_run() -> Path:
    """The folder that the training flags name."""
    across = config()
    alone = dataclasses.replace(across, eval_dataset=None, eval_data_dir=None)
    # Trained with a view to the other data set, or only now to be tested on it.
    return run_dir(across if run_dir(across).exists() else alone)


def _new(seed: int | None = None) -> Config:
    """A training with what was given, and the papers' settings for the rest.

    Args:
        seed: the seed, where it is not that of the flags.
    """
    settings = settings_of(FLAGS.dataset, FLAGS.method, FLAGS.backbone, FLAGS.meta_optimizer)
    values = {field.name: FLAGS[field.name].value for field in dataclasses.fields(Config)}
    given = {name: value for name, value in values.items() if value is not None}
    given["data_dir"] = data_dir()
    if FLAGS.eval_dataset:
        given["eval_data_dir"] = eval_data_dir() or data_dir()
    if seed is not None:
        given["seed"] = seed
    return Config(**{**settings, **given})


def _continued(existing: Config, run: Path) -> Config:
    """The training of an existing run, with what may be given anew."""
    _check_agrees(existing, run, (*BOOKKEEPING, "steps"))
    check_trusted_run(run)
    given = {name: value for name, value in _settings_given().items() if name in BOOKKEEPING}
    given["data_dir"] = data_dir(existing) or existing.data_dir
    given["steps"] = FLAGS.steps or existing.steps
    existing.check_steps_may_become(given["steps"])
    if existing.eval_dataset:
        given["eval_data_dir"] = _absolute(FLAGS.eval_data_dir) or existing.eval_data_dir
    return dataclasses.replace(existing, **given)


def _absolute(folder: str | None) -> str | None:
    return os.path.abspath(folder) if folder else None


def _check_agrees(existing: Config, run: Path, free: tuple[str, ...]) -> None:
    """Raises `UserError` if a flag that was given contradicts the run, but for those `free`."""
    conflicts = _conflicts(existing, free)
    if conflicts:
        raise UserError(
            f"{run} was trained with other settings: {'; '.join(conflicts)}; leave these flags "
            "out, or name another `run_dir`"
        )


def _conflicts(existing: Config, free: tuple[str, ...]) -> list[str]:
    """What the flags that were given say otherwise than a run, but for those `free`."""
    return [
        f"--{name} is {show(getattr(existing, name))}, received {show(value)}"
        for name, value in _settings_given().items()
        if name not in free and value != getattr(existing, name)
    ]


def check_trusted_run(path: Path) -> None:
    """Raises `UserError` if the run at `path` names code that the user did not name."""
    run = None if FLAGS.trust_run else folder.find(path)
    if run is not None:
        check_trusted(run, path, FLAGS.backbone if FLAGS["backbone"].present else None)


def _settings_given() -> dict[str, Any]:
    """The settings of `Config` among the flags that were given."""
    names = {field.name for field in dataclasses.fields(Config)}
    return {name: value for name, value in given_flags().items() if name in names}


def given_flags() -> dict[str, Any]:
    """Flag → value of this program's flags that stand on the command line or in its flagfiles."""
    modules = absl_flags.FLAGS.flags_by_module_dict()
    ours = [flag for group in GROUPS for flag in modules[group.__name__]]
    return {flag.name: flag.value for flag in ours if flag.present}
