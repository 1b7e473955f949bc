"""Evaluates a run: from its folder to a table, a file and curves."""

from __future__ import annotations

import dataclasses
import logging
import os
from pathlib import Path

from data_gen.class_pool import Splits
from data_gen.errors import UserError
from hidra_tf.evaluation.evaluator import Evaluator
from hidra_tf.evaluation.rows import mean_scores
from hidra_tf.methods.base import GradientMethod
from hidra_tf.runs import folder, report
from hidra_tf.runs.assembly import build_method, load_splits, make_evaluator, monitored_ways
from hidra_tf.runs.checkpoints import Checkpoints
from hidra_tf.runs.config import Config, EvalRequest
from hidra_tf.runs.event_log import EventLog
from hidra_tf.runs.progress import Progress
from hidra_tf.runs.refusals import in_one_line

_LOG = logging.getLogger(__name__)


@in_one_line
def evaluate(
    path: Path,
    request: EvalRequest,
    data_dir: str | None = None,
    cache_dir: str | None = None,
    pictures: str = "auto",
) -> None:
    """Evaluates the best checkpoint of the run at `path`.

    Args:
        path: the run's folder.
        request: what is to be evaluated.
        data_dir: where the pictures are, if no longer where they were.
        cache_dir: where decoded data sets are kept; None: the user's cache.
        pictures: where they are meanwhile; one of `data_gen.PICTURES`.

    Raises:
        UserError: if there is no such run, or it cannot give such tasks.
    """
    own = folder.open_run(path)
    config = dataclasses.replace(
        _as_requested(own, request, data_dir),
        pictures=pictures,
        skip_damaged=own.skip_damaged or request.skip_damaged,
    )
    splits = load_splits(config, cache_dir, request.split)
    method = build_method(config, splits)
    evaluator = make_evaluator(config, method, splits, request)
    _check_untrained(own, config, request.split, splits, cache_dir)
    where = _source(config, request.split)
    # Without a request the pictures are the run's own, though perhaps in another place.
    own_classes = request.dataset is None or where == _source(own, request.split)
    label = request.split if own_classes else f"{request.split}_{where[0]}"
    evaluate_best(config, path, method, evaluator, request, label)


def _as_requested(config: Config, request: EvalRequest, data_dir: str | None) -> Config:
    """The configuration with the data sets that an evaluation asks for."""
    other = request.dataset or config.eval_dataset
    if other is None:
        return dataclasses.replace(config, data_dir=data_dir or config.data_dir)
    kept = config.eval_data_dir if other == config.eval_dataset else None
    return dataclasses.replace(
        config,
        data_dir=data_dir or config.data_dir,
        eval_dataset=other,
        eval_data_dir=request.data_dir or kept or data_dir or config.data_dir,
    )


def _source(config: Config, split: str) -> tuple[str, str | None]:
    """What decides which classes a split holds: the data set, and of `folder` which one."""
    name = report.evaluated(config, split)
    if name != "folder":
        return name, None
    across = split != "train" and config.eval_dataset is not None
    return name, os.path.abspath((config.eval_data_dir if across else config.data_dir) or "")


def _check_untrained(
    own: Config, config: Config, split: str, splits: Splits, cache_dir: str | None
) -> None:
    """Raises `UserError` if a run that was trained for tests elsewhere learned these classes."""
    at_home = own.eval_dataset is not None and _source(config, split) == _source(own, "train")
    if not at_home or split == "train":
        return
    known = set(load_splits(own, cache_dir).train.names) & set(getattr(splits, split).names)
    if known:
        raise UserError(
            f"expected {split} classes that the run was not trained on; it was trained for "
            f"{own.eval_dataset} on {len(known)} of the {split} classes of {own.dataset}"
        )


def evaluate_best(
    config: Config,
    path: Path,
    method: GradientMethod,
    evaluator: Evaluator,
    request: EvalRequest,
    label: str,
) -> None:
    """Evaluates the best checkpoint; results and curves are kept under `label`."""
    checkpoints = Checkpoints(path, method, None, _LOG.warning)
    if not checkpoints.restore_best():
        raise UserError(f"expected a checkpoint in {path}, found none; train the run first")
    step = int(checkpoints.step)
    total = request.tasks * len(evaluator.ways)
    progress = Progress(total, 0, "task", f"{request.split} tasks")
    try:
        rows = list(evaluator.rows(request.tasks, progress.advance))
    finally:
        progress.close()
    where = report.evaluated(config, request.split)
    data = config.dataset if where == config.dataset else f"{config.dataset} → {where}"
    title = f"{data}, {config.method}, {config.shots}-shot, step {step}"
    chart = report.any_way_chart(rows, f"{title}, {request.split} split")
    seconds = evaluator.seconds
    contents = report.results(config, request.split, step, request.tasks, rows, seconds)
    written = report.write(path / "results" / label, contents, chart)
    log = EventLog(path)
    log.any_way_table(label, rows, chart, step)
    ways = monitored_ways(config)
    like_curves = [r for r in rows if r.steps == config.own_steps and r.ways in ways]
    if label == "test" and len(like_curves) == len(ways):
        accuracy, loss = mean_scores(like_curves)
        log.scalars("test", step, accuracy=accuracy, loss=loss)
    print(
        f"\n{title}: accuracy on {request.tasks} {request.split} tasks per row, "
        f"with 95 % intervals\n\n{report.table(rows)}\n\n"
        f"{report.pace(request.tasks, rows, seconds)}\n"
        f"results  {written}\ncharts   tensorboard --logdir {path.parent}",
        flush=True,
    )
