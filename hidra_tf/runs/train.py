"""Trains a run, or goes on with it: from a configuration to a folder with all its results."""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path

from data_gen.batches import BatchSampler
from data_gen.episodes import EpisodeSampler
from hidra_tf import methods
from hidra_tf.evaluation.evaluator import Evaluator
from hidra_tf.methods.base import GradientMethod
from hidra_tf.runs import folder, report
from hidra_tf.runs.assembly import (
    build_method,
    build_optimizer,
    device,
    load_splits,
    make_evaluator,
    make_monitors,
    training_pool,
    training_sampler,
)
from hidra_tf.runs.checkpoints import Checkpoints, saved_step
from hidra_tf.runs.config import Config, EvalRequest
from hidra_tf.runs.evaluate import evaluate_best
from hidra_tf.runs.event_log import EventLog
from hidra_tf.runs.pretraining import check_classes, load_backbone
from hidra_tf.runs.progress import Progress
from hidra_tf.runs.refusals import in_one_line
from hidra_tf.runs.signals import stop_on_signals
from hidra_tf.runs.trainer import NonFiniteLossError, Schedule, Trainer
from hidra_tf.training.updates import MetaUpdates

_LOG = logging.getLogger(__name__)


@in_one_line
def train(config: Config, path: Path, request: EvalRequest, cache_dir: str | None = None) -> None:
    """Trains a run, or goes on with it, and evaluates its best checkpoint.

    Args:
        config: what to train.
        path: the run's folder.
        request: the evaluation at the end.
        cache_dir: where decoded data sets are kept; None: the user's cache.

    Raises:
        UserError: if anything about the request, the data or the run is wrong; nothing was
            written then.
        Interrupted: after Ctrl-C; the state is saved.
    """
    existing = folder.find(path)
    if existing is not None:
        # The same pictures in the same order, though nobody says again where they are.
        config = dataclasses.replace(
            config,
            data_dir=config.data_dir or existing.data_dir,
            eval_data_dir=config.eval_data_dir or existing.eval_data_dir,
        )
        folder.check_same(path, existing, config)
        if _says_finished(path, config, request):
            return
    # Everything that a user can have got wrong is looked at before anything is written.
    splits = load_splits(config, cache_dir)
    method = build_method(config, splits, training_pool(config, splits).num_classes)
    if config.pretrained and saved_step(path) < 0:
        run = Path(config.pretrained)
        theirs = folder.open_run(run)
        check_classes(run, theirs, config, splits, cache_dir, _LOG.warning)
        load_backbone(run, build_method(theirs, splits), method, _LOG.warning)
    evaluator = make_evaluator(config, method, splits, request)
    sampler = training_sampler(config, splits)
    monitors = make_monitors(config, method, splits)
    if existing is None:
        folder.create(path, config)
        EventLog(path).configuration(config)
    weights = sum(variable.shape.num_elements() for variable in method.variables)
    print(f"run      {path}\n{report.opening(config, splits, weights, device())}", flush=True)
    if methods.trains(config.method):
        _meta_train(config, path, method, sampler, monitors)
    else:
        Checkpoints(path, method, None, _LOG.warning).save()
    evaluate_best(config, path, method, evaluator, request, request.split)


def _meta_train(
    config: Config,
    path: Path,
    method: GradientMethod,
    sampler: EpisodeSampler | BatchSampler,
    monitors: dict[str, Evaluator],
) -> None:
    optimizer = build_optimizer(config, method)
    checkpoints = Checkpoints(path, method, optimizer, _LOG.warning)
    if checkpoints.restore_last() and int(checkpoints.step) < config.steps:
        print(f"continuing {path} after step {int(checkpoints.step)}", flush=True)
    progress = Progress(config.steps, int(checkpoints.step), "update", "step")
    with stop_on_signals() as stop_requested:
        trainer = Trainer(
            MetaUpdates(method, sampler, optimizer, config.clip_norm),
            checkpoints,
            Schedule(config.steps, config.log_every, config.checkpoint_every),
            monitors,
            config.val_tasks,
            EventLog(path),
            progress,
            stop_requested,
        )
        try:
            trainer.run()
        except NonFiniteLossError as error:
            raise NonFiniteLossError(
                f"{error} ({config.dataset}, {config.method}, norm {config.norm}, "
                f"inner_lr {config.inner_lr}, meta_lr {config.meta_lr}, seed {config.seed}); "
                f"{path} keeps its last good checkpoint"
            ) from None
        finally:
            progress.close()


def _says_finished(path: Path, config: Config, request: EvalRequest) -> bool:
    """Whether nothing is left to do; says so."""
    results = path / "results" / f"{request.split}.json"
    steps = config.steps if methods.trains(config.method) else 0
    try:
        contents = json.loads(results.read_text())
        answers, rows = report.answers(contents, request), report.rows_of(contents)
        seconds = report.seconds_of(contents)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return False
    if saved_step(path) < steps or not answers:
        return False
    time = f"{report.pace(request.tasks, rows, seconds)}\n" if seconds else ""
    print(
        f"{path} is finished: {steps} of {steps} steps\n\n"
        f"{report.table(rows)}\n\n{time}results  {results}\n"
        f"to evaluate it otherwise: --eval_only --run_dir={path}"
    )
    return True
