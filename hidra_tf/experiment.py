"""From a configuration to a trained, evaluated run on disk: what the command line does."""

from __future__ import annotations

import dataclasses
import functools
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import keras
import tensorflow as tf

import data_gen
from data_gen.batches import BatchSampler
from data_gen.class_pool import ClassPool, Splits
from data_gen.episodes import EpisodeSampler
from data_gen.errors import UserError
from data_gen.rotations import RotatedPool
from hidra_tf import architectures, methods, report, runs, schedules
from hidra_tf.adaptation import InnerLoop
from hidra_tf.backbones import Backbone
from hidra_tf.checkpoints import Checkpoints, saved_step
from hidra_tf.config import Config, EvalRequest
from hidra_tf.evaluation import Evaluator, mean_scores
from hidra_tf.event_log import EventLog
from hidra_tf.methods.base import GradientMethod
from hidra_tf.options import PRECISIONS
from hidra_tf.pretraining import load_backbone
from hidra_tf.progress import Progress
from hidra_tf.training import MetaUpdates, NonFiniteLossError, Schedule, Trainer, make_optimizer

# What an any-way head is evaluated at unless something else is asked for: the paper's Table 2.
ANY_WAYS = range(2, 11)

_LOG = logging.getLogger(__name__)
_REFUSALS = (
    tf.errors.DataLossError,
    tf.errors.NotFoundError,
    tf.errors.PermissionDeniedError,
    tf.errors.ResourceExhaustedError,
)


def _in_one_line(function: Callable[..., None]) -> Callable[..., None]:
    """Makes what the machine refuses (a full disk, no memory) an error of one line."""

    @functools.wraps(function)
    def wrapped(*args: object, **kwargs: object) -> None:
        try:
            function(*args, **kwargs)
        except (OSError, *_REFUSALS) as error:
            raise UserError(str(error).strip().split("\n")[0]) from error

    return wrapped


@_in_one_line
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
    existing = runs.find(path)
    if existing is not None:
        # The same pictures in the same order, though nobody says again where they are.
        config = dataclasses.replace(
            config,
            data_dir=config.data_dir or existing.data_dir,
            eval_data_dir=config.eval_data_dir or existing.eval_data_dir,
        )
        runs.check_same(path, existing, config)
        if _says_finished(path, config, request):
            return
    # Everything that a user can have got wrong is looked at before anything is written.
    splits = _load(config, cache_dir)
    method = build_method(config, splits, _training_pool(config, splits).num_classes)
    if config.pretrained and saved_step(path) < 0:
        source = build_method(runs.open_run(Path(config.pretrained)), splits)
        load_backbone(Path(config.pretrained), source, method, _LOG.warning)
    evaluator = _evaluator(config, method, splits, request)
    sampler = _training_sampler(config, splits)
    monitors = _monitors(config, method, splits)
    if existing is None:
        runs.create(path, config)
        EventLog(path).configuration(config)
    weights = sum(variable.shape.num_elements() for variable in method.variables)
    print(f"run      {path}\n{report.opening(config, splits, weights, _device())}", flush=True)
    if methods.trains(config.method):
        _meta_train(config, path, method, sampler, monitors)
    else:
        Checkpoints(path, method, None, _LOG.warning).save()
    _evaluate(config, path, method, evaluator, request, request.split)


@_in_one_line
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
    own = runs.open_run(path)
    config = dataclasses.replace(
        _as_requested(own, request, data_dir),
        pictures=pictures,
        skip_damaged=own.skip_damaged or request.skip_damaged,
    )
    splits = _load(config, cache_dir, request.split)
    method = build_method(config, splits)
    evaluator = _evaluator(config, method, splits, request)
    _check_untrained(own, config, request.split, splits, cache_dir)
    where = _source(config, request.split)
    # Without a request the pictures are the run's own, though perhaps in another place.
    own_classes = request.dataset is None or where == _source(own, request.split)
    label = request.split if own_classes else f"{request.split}_{where[0]}"
    _evaluate(config, path, method, evaluator, request, label)


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
    known = set(_load(own, cache_dir).train.names) & set(getattr(splits, split).names)
    if known:
        raise UserError(
            f"expected {split} classes that the run was not trained on; it was trained for "
            f"{own.eval_dataset} on {len(known)} of the {split} classes of {own.dataset}"
        )


def build_method(config: Config, splits: Splits, classes: int | None = None) -> GradientMethod:
    """The untrained method that `config` describes, for pictures like those of `splits`.

    Args:
        config: its settings.
        splits: their pictures' shape is the backbone's input.
        classes: of the training pool, for methods that learn all of them at once; None where
            nothing is to be trained.
    """
    model = architectures.build(
        config.backbone,
        splits.train.image_shape,
        filters=config.filters,
        norm=config.norm,
        seed=config.seed,
        dtype=PRECISIONS[config.precision],
        drop_block=config.drop_block,
    )
    try:
        backbone = Backbone(model, config.norm, config.adapt_norm)
    except ValueError as error:
        raise UserError(f"{config.backbone}: {error}") from error
    inner = InnerLoop(
        config.inner_steps,
        config.inner_lr,
        config.first_order,
        config.inner_loop == "auto",
        config.recompute,
        config.loss,
        config.inner_reduction,
        config.learn_inner_lr,
        config.multi_step_loss,
        config.second_order_after,
    )
    settings = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    settings["classes"] = classes
    names = ("head", "seed", "task_map", *methods.METHODS[config.method].options)
    options = {name: settings[name] for name in names}
    return methods.build(config.method, backbone, inner, config.train_ways, **options)


def _load(config: Config, cache_dir: str | None, split: str | None = None) -> Splits:
    """The pools; `split` names the one that is needed where nothing is trained."""
    request = data_gen.DataRequest(
        data_dir=config.data_dir,
        cache_dir=cache_dir,
        invert=config.invert,
        image_size=config.image_size,
        channels=config.channels,
        per_class=config.shots + config.query_shots,
        split_seed=config.split_seed,
        skip_damaged=config.skip_damaged,
    )
    return data_gen.load(
        config.dataset,
        request,
        train_on_validation=config.train_on_validation,
        eval_name=config.eval_dataset,
        eval_data_dir=config.eval_data_dir,
        split=split,
    )


def _training_pool(config: Config, splits: Splits) -> ClassPool | RotatedPool:
    """The training classes, which alone may be rotated."""
    return RotatedPool(splits.train) if config.rotations else splits.train


def _training_sampler(config: Config, splits: Splits) -> EpisodeSampler | BatchSampler:
    pool = _training_pool(config, splits)
    if methods.METHODS[config.method].batches:
        return BatchSampler(pool, config.batch_size, config.seed, where=config.pictures)
    return EpisodeSampler(
        pool,
        config.train_ways,
        config.shots,
        config.query_shots,
        config.meta_batch,
        config.seed,
        "meta_train",
        where=config.pictures,
    )


def _monitors(config: Config, method: GradientMethod, splits: Splits) -> dict[str, Evaluator]:
    """Evaluators for the curves of Figure 8."""
    ways = _monitored_ways(config)
    if not config.is_fixed_way:
        # The validation split may have fewer classes than a training task.
        ways = sorted({min(c, splits.val.num_classes) for c in ways})
    return {
        split: _make_evaluator(config, method, splits, split, ways, [config.own_steps], "monitor")
        for split in ("train", "val")
    }


def _monitored_ways(config: Config) -> list[int]:
    """The smallest and the largest trained number of ways, over which the curves are means."""
    return sorted({config.train_ways[0], config.train_ways[-1]})


def _evaluator(
    config: Config, method: GradientMethod, splits: Splits, request: EvalRequest
) -> Evaluator:
    pool = getattr(splits, request.split)
    if request.ways is not None:
        ways = request.ways
    elif config.is_fixed_way:
        ways = config.train_ways
    else:
        ways = tuple(c for c in ANY_WAYS if c <= pool.num_classes)
    steps = request.steps or (config.own_steps,)
    return _make_evaluator(config, method, splits, request.split, ways, steps, "evaluation")


def _make_evaluator(
    config: Config,
    method: GradientMethod,
    splits: Splits,
    split: str,
    ways: Sequence[int],
    steps: Sequence[int],
    stream: str,
) -> Evaluator:
    pool = getattr(splits, split)
    shots = (config.shots, config.query_shots)
    try:
        return Evaluator(method, pool, ways, steps, *shots, config.seed, stream, config.pictures)
    except UserError as error:
        raise UserError(f"{split} split: {error}") from error


def _meta_train(
    config: Config,
    path: Path,
    method: GradientMethod,
    sampler: EpisodeSampler | BatchSampler,
    monitors: dict[str, Evaluator],
) -> None:
    optimizer = _optimizer(config, method)
    checkpoints = Checkpoints(path, method, optimizer, _LOG.warning)
    if checkpoints.restore_last() and int(checkpoints.step) < config.steps:
        print(f"continuing {path} after step {int(checkpoints.step)}", flush=True)
    progress = Progress(config.steps, int(checkpoints.step), "update", "step")
    with _stop_on_signals() as stop_requested:
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


def _device() -> str:
    """Where TensorFlow computes, in words."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return f"CPU ({os.cpu_count()} threads)"
    return tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")


def _optimizer(config: Config, method: GradientMethod) -> keras.optimizers.Optimizer:
    rate = schedules.learning_rate(
        config.meta_lr_schedule,
        config.meta_lr,
        config.steps,
        config.meta_lr_min,
        config.milestones,
        config.gamma,
    )
    return make_optimizer(
        method.variables,
        rate,
        kind=config.meta_optimizer or methods.METHODS[config.method].optimizer,
        weight_decay=config.weight_decay,
        undecayed=method.undecayed,
    )


def _evaluate(
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
    ways = _monitored_ways(config)
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


@contextmanager
def _stop_on_signals() -> Iterator[Callable[[], bool]]:
    """Lets the first Ctrl-C (or SIGTERM) end the training in good order, the second at once."""
    received: list[int] = []

    def note(number: int, _frame: object) -> None:
        received.append(number)
        signal.signal(number, previous[number])
        print(
            "\nstopping after the running updates; Ctrl-C again stops at once, without saving",
            file=sys.stderr,
        )

    previous = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
