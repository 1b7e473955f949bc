"""Evaluates a run: from its folder to a table, a file and curves."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

from data_gen.errors import printable
from hidra_tf import methods
from hidra_tf.evaluation.evaluator import Evaluator
from hidra_tf.evaluation.rows import Row, mean_scores
from hidra_tf.options import setting_of
from hidra_tf.runs import sizes
from hidra_tf.runs.assembly import build_method, load_splits
from hidra_tf.runs.checkpoints.weights import check_kept, restore, validation_accuracy
from hidra_tf.runs.config import Config, EvalRequest, format_ways
from hidra_tf.runs.measuring import evaluated_norm, make_evaluator, monitored_ways
from hidra_tf.runs.place import folder, identity
from hidra_tf.runs.records import confusion, kept, report, results
from hidra_tf.runs.records.charts import accuracy_chart
from hidra_tf.runs.records.event_log import EventLog
from hidra_tf.runs.records.reading import seconds_of, validation_of
from hidra_tf.runs.terminal.progress import Progress
from hidra_tf.runs.terminal.refusals import in_one_line
from hidra_tf.runs.terminal.stopped import evaluation_stopped, told_when_stopped, writing_stopped
from hidra_tf.runs.untrained import check_untrained, source

_LOG = logging.getLogger(__name__)


@in_one_line
def evaluate(
    path: Path,
    request: EvalRequest,
    data_dir: str | None = None,
    cache_dir: str | None = None,
    pictures: str = "auto",
) -> Path:
    """Evaluates a checkpoint of the run at `path`, and keeps what it finds beside other results.

    Args:
        path: the run's folder.
        request: what is to be evaluated.
        data_dir: where the pictures are, if no longer where they were.
        cache_dir: the folder for decoded data sets; None is the user's cache.
        pictures: the place that holds the pictures, one of `data_gen.PICTURES`.

    Returns:
        The file of the results.

    Raises:
        UserError: if there is no such run or checkpoint, or it cannot give such tasks, or if the
            results, which were printed, cannot be written.
        KeyboardInterrupt: after Ctrl-C; nothing was written.
    """
    with told_when_stopped(evaluation_stopped):
        own = folder.open_run(path)
        check_kept(path, own, request.checkpoint)
        if request.norm == own.norm:
            request = dataclasses.replace(request, norm=None)
        config = dataclasses.replace(
            _as_requested(own, request, data_dir),
            norm=evaluated_norm(own, request.norm),
            pictures=pictures,
            skip_damaged=own.skip_damaged or request.skip_damaged,
        )
        sizes.check_evaluation(config, request.ways or (), request)
        splits = load_splits(config, cache_dir, request.split, _per_class(config, request))
        pool = getattr(splits, request.split)
        if request.dataset is None:
            identity.check_evaluation(path, request.split, pool, _LOG.warning)
        check_untrained(path, own, config, request, pool, cache_dir)
        method = build_method(config, splits)
        evaluator = make_evaluator(config, method, splits, request)
        at_home = identity.is_own(path, request.split, pool)
        if at_home is None:  # what the run does not say, its place lets us guess
            at_home = source(config, request.split) == source(own, request.split)
        return evaluate_checkpoint(config, path, evaluator, request, own=at_home, final=False)


def _per_class(config: Config, request: EvalRequest) -> int | None:
    """The pictures that a class of another data set must have; None for the run's own classes."""
    if request.dataset is None:
        return None
    return max(request.shots_of(config)) + request.query_shots_of(config)


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


def evaluate_checkpoint(
    config: Config,
    path: Path,
    evaluator: Evaluator,
    request: EvalRequest,
    own: bool = True,
    final: bool = True,
) -> Path:
    """Evaluates a checkpoint: prints the table, then writes results and curves.

    Args:
        config: the run's configuration, with the data sets of the evaluation.
        path: the run's folder.
        evaluator: the evaluator of the tasks that are asked for, whose method's weights are
            restored from the checkpoint.
        request: the request, which names the split and the checkpoint.
        own: whether the classes are the run's own.
        final: whether the evaluation ends a training; see `kept.write`.

    Returns:
        The file of the results.
    """
    weights = restore(path, evaluator.method, config, request.checkpoint)
    name, place = source(config, request.split)
    # Under another norm or with other shots, the accuracy of the training means something else.
    as_in_training = (request.norm, request.shots, request.query_shots) == (None, None, None)
    asked = results.Asked(
        request.split,
        evaluator.ways,
        evaluator.at_steps,
        request.tasks,
        results.Data.of(evaluator.pool, name, place, own),
        weights,
        request.norm,
        request.shots_of(config),
        request.query_shots_of(config),
        validation_accuracy(path, weights) if as_in_training else None,
        None if request.seed == config.seed else request.seed,
    )
    rows = _measure(evaluator, request)
    made = results.contents(config, asked, rows, evaluator.seconds)
    title = _title(config, asked)
    # The seconds are those of the file, so that a finished run shows the same line again.
    print(
        f"\n{title}: {setting_of(config.norm)} accuracy on {request.tasks} tasks of "
        f"{_classes(request.split)} per row, with 95 % intervals\n\n{report.table(rows)}\n\n"
        f"{report.validation(validation_of(made))}"
        f"{report.pace(request.tasks, rows, seconds_of(made))}",
        flush=True,
    )
    # From here on a full disk takes nothing away that was not shown.
    chart = accuracy_chart(rows, f"{title}, {request.split} split")
    more = confusion.files(evaluator.confusions, evaluator.pool.names, title)
    with told_when_stopped(writing_stopped):
        written = kept.write(path, config, made, chart, final, more)
        _log(path, config, written, asked, rows, chart)
    print(f"results  {printable(written)}\ncharts   tensorboard --logdir {printable(path.parent)}")
    return written


def _measure(evaluator: Evaluator, request: EvalRequest) -> list[Row]:
    # In pictures, since a task of more ways takes longer.
    total = evaluator.total_work(request.tasks)
    progress = Progress(total, 0, "picture", f"{request.split} pictures")
    try:
        return list(evaluator.rows(request.tasks, progress.advance))
    finally:
        progress.close()


def _classes(split: str) -> str:
    return "all classes" if split == "all" else f"the {split} classes"


def _title(config: Config, asked: results.Asked) -> str:
    name = asked.data.name
    data = config.dataset if name == config.dataset else f"{config.dataset} → {name}"
    kind = "" if asked.weights.kind.isdecimal() else f" ({asked.weights.kind})"
    return (
        f"{data}, {config.method}, {format_ways(asked.shots)}-shot, {asked.weights}"
        f"{kind if methods.trains(config.method) else ''}"
    )


def _log(
    path: Path,
    config: Config,
    written: Path,
    asked: results.Asked,
    rows: list[Row],
    chart: bytes,
) -> None:
    """Shows the results in TensorBoard, where the run's own table is in the folder of its split."""
    log, step = EventLog(path), asked.weights.step
    is_own = written.stem == asked.split
    log.table(written.stem, is_own, rows, chart, step)
    ways = monitored_ways(config)
    like_curves = [r for r in rows if r.steps == config.own_steps and r.ways in ways]
    if is_own and asked.split == "test" and len(like_curves) == len(ways):
        accuracy, loss = mean_scores(like_curves)
        log.scalars("test", step, accuracy=accuracy, loss=loss)
