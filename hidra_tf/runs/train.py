"""Trains a run, or goes on with it: from a configuration to a folder with all its results."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

from data_gen.batches import BatchSampler
from data_gen.class_pool import Splits
from data_gen.episodes import EpisodeSampler
from data_gen.errors import UserError
from hidra_tf import methods
from hidra_tf.evaluation.evaluator import Evaluator
from hidra_tf.methods.interface import Method
from hidra_tf.runs import sizes
from hidra_tf.runs.assembly import (
    build_averages,
    build_method,
    build_optimizer,
    device,
    load_splits,
    training_pool,
    training_sampler,
    with_class_loss,
)
from hidra_tf.runs.checkpoints.files import (
    ENSEMBLE,
    LAST,
    checkpoints_in,
    holds_nothing,
    saved_step,
)
from hidra_tf.runs.checkpoints.store import Checkpoints
from hidra_tf.runs.checkpoints.weights import check_at_the_end
from hidra_tf.runs.config import Config, EvalRequest
from hidra_tf.runs.evaluate import evaluate_checkpoint
from hidra_tf.runs.measuring import make_evaluator, make_monitors
from hidra_tf.runs.place import folder, identity
from hidra_tf.runs.place.identity import RunData
from hidra_tf.runs.place.lock import hold
from hidra_tf.runs.pretraining import check_classes, check_whole, load_backbone, seeing_like
from hidra_tf.runs.records import report
from hidra_tf.runs.records.event_log import EventLog
from hidra_tf.runs.records.finished import says_finished, total_steps
from hidra_tf.runs.terminal.progress import Progress
from hidra_tf.runs.terminal.refusals import in_one_line
from hidra_tf.runs.terminal.signals import stop_on_signals
from hidra_tf.runs.terminal.stopped import told_when_stopped, training_stopped
from hidra_tf.runs.trainer import NonFiniteLossError, Schedule, Trainer
from hidra_tf.training.updates import MetaUpdates

_LOG = logging.getLogger(__name__)


@in_one_line
def train(config: Config, path: Path, request: EvalRequest, cache_dir: str | None = None) -> None:
    """Trains a run, or goes on with it, and evaluates its best checkpoint.

    A run that ended before its first checkpoint holds nothing that could be lost, and is started
    over, with other settings or pictures if `config` has others.

    Args:
        config: the settings of the training.
        path: the run's folder. No other training may use it at the same time.
        request: the evaluation at the end.
        cache_dir: the folder for decoded data sets; None is the user's cache.

    Raises:
        UserError: if anything about the request, the data or the run is wrong, or if the run is in
            use. Nothing was written then.
        KeyboardInterrupt: after Ctrl-C; it says what was saved.
    """
    check_at_the_end(config, request.checkpoint)
    with told_when_stopped(lambda: training_stopped(path, total_steps(config))):
        # Reads alone: a finished run may be on a disk that cannot be written.
        existing = _begun(path, config)
        if existing is not None and says_finished(path, _in_place(config, existing), request):
            return
        with hold(path):
            # Looked at again: until now, another start may have made or finished the run.
            existing = _begun(path, config)
            _train(_in_place(config, existing), existing, path, request, cache_dir)


def _begun(path: Path, config: Config) -> Config | None:
    """The settings of the run at `path` if it has a checkpoint, or results, that may not be lost.

    Raises:
        UserError: if `config` does not continue it.
    """
    existing = folder.find(path)
    if existing is None or holds_nothing(path):
        return None
    folder.check_same(path, existing, config)
    if not checkpoints_in(path / LAST) and not any((path / LAST).glob("ckpt-*")):
        raise UserError(
            f"expected a checkpoint in {path / LAST} to go on from, found none; a training from "
            "the beginning would replace the run's best checkpoint and results: give another "
            "`run_dir`"
        )
    return existing


def _in_place(config: Config, existing: Config | None) -> Config:
    """The settings with the folders of the existing run where nobody says where pictures are."""
    return dataclasses.replace(
        config,
        data_dir=config.data_dir or (existing and existing.data_dir),
        eval_data_dir=config.eval_data_dir or (existing and existing.eval_data_dir),
    )


def _train(
    config: Config, existing: Config | None, path: Path, request: EvalRequest, cache_dir: str | None
) -> None:
    # Everything that a user can have got wrong is looked at before anything is written.
    sizes.check_training(config)
    sizes.check_evaluation(config, request.ways or (), request)
    if request.checkpoint == ENSEMBLE:
        sizes.check_ensemble(config)
    splits = load_splits(config, cache_dir)
    data = RunData.of(splits)
    before = None if existing is None else identity.read(path)
    if before is not None:
        identity.check_training(path, before, data)
    method = _build_method(config, path, splits, cache_dir)
    evaluator = make_evaluator(config, method, splits, request)
    sampler = training_sampler(config, splits)
    monitors = make_monitors(config, method, splits)
    _write_down(path, config, existing, data)
    weights = sum(variable.shape.num_elements() for variable in method.variables)
    print(f"run      {path}\n{report.opening(config, splits, weights, device())}", flush=True)
    if methods.trains(config.method):
        trained = with_class_loss(config, method, splits)
        _meta_train(config, path, trained, sampler, monitors)
    else:
        Checkpoints(path, method, None, _LOG.warning).save()
    evaluate_checkpoint(config, path, evaluator, request)


def _build_method(config: Config, path: Path, splits: Splits, cache_dir: str | None) -> Method:
    """The method, with the backbone of another run where one is asked for and none was saved."""
    method = build_method(config, splits, training_pool(config, splits).num_classes)
    if config.pretrained and saved_step(path) < 0:
        run = Path(config.pretrained)
        theirs = folder.open_run(run)
        check_whole(run, theirs)
        check_classes(run, theirs, config, splits, cache_dir, _LOG.warning)
        source = build_method(seeing_like(run, theirs, config, _LOG.warning), splits)
        load_backbone(run, source, method, _LOG.warning)
    return method


def _write_down(path: Path, config: Config, existing: Config | None, data: RunData) -> None:
    """Writes what the run is: its settings, which may name new places, and its pictures."""
    if existing is None:
        if folder.find(path) is not None:
            print(f"{path} ended before its first checkpoint, and is started over", flush=True)
        folder.remove_events(path)
    elif identity.read(path) is None:
        print(
            f"{path} is of an earlier version and did not say which pictures it has; from now on "
            f"{folder.DATA_FILE} says that they are these",
            flush=True,
        )
    if existing != config:
        folder.create(path, config)
    identity.write(path, data)
    if existing is None:
        EventLog(path).configuration(config)


def _meta_train(
    config: Config,
    path: Path,
    method: Method,
    sampler: EpisodeSampler | BatchSampler,
    monitors: dict[str, Evaluator],
) -> None:
    optimizer = build_optimizer(config, method)
    averages = build_averages(config, method, optimizer)
    checkpoints = Checkpoints(
        path, method, optimizer, _LOG.warning, keep_best=config.keep_best, averages=averages
    )
    if checkpoints.restore_last() and int(checkpoints.step) < config.steps:
        print(f"continuing {path} after step {int(checkpoints.step)}", flush=True)
    progress = Progress(config.steps, int(checkpoints.step), "update", "step")
    with stop_on_signals() as stop_requested:
        trainer = Trainer(
            MetaUpdates(method, sampler, optimizer, config.clip_norm, averages),
            checkpoints,
            _schedule(config),
            monitors,
            config.val_tasks,
            EventLog(path),
            progress,
            stop_requested,
        )
        try:
            trainer.run()
        except NonFiniteLossError as error:
            raise _diverged(error, config, path) from None
        finally:
            progress.close()


def _schedule(config: Config) -> Schedule:
    return Schedule(
        config.steps, config.log_every, config.checkpoint_every, 60 * config.checkpoint_minutes
    )


def _diverged(error: NonFiniteLossError, config: Config, path: Path) -> NonFiniteLossError:
    """The error with the settings that decide whether a loss stays finite."""
    return NonFiniteLossError(
        f"{error} ({config.dataset}, {config.method}, norm {config.norm}, "
        f"inner_lr {config.inner_lr}, meta_lr {config.meta_lr}, seed {config.seed}); "
        f"{path} keeps its last good checkpoint"
    )
