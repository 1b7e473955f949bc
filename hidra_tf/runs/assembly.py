"""From a configuration to the objects of the library: data, method, samplers, evaluators."""

from __future__ import annotations

import dataclasses
import os

import keras
import tensorflow as tf

import data_gen
from data_gen.batches import BatchSampler
from data_gen.class_pool import ClassPool, Splits
from data_gen.episodes import EpisodeSampler
from data_gen.errors import UserError
from data_gen.rotations import RotatedPool
from hidra_tf import methods
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones import registry
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.methods.interface import Method
from hidra_tf.options import PRECISIONS
from hidra_tf.runs import sizes
from hidra_tf.runs.config import (
    Config,
    DataSettings,
    TrainingSettings,
)
from hidra_tf.runs.measuring import check_ways
from hidra_tf.runs.seen import view_of
from hidra_tf.training import schedules
from hidra_tf.training.averaging import WeightAverages
from hidra_tf.training.optimizers import make_optimizer


def load_splits(
    config: Config, cache_dir: str | None, split: str | None = None, per_class: int | None = None
) -> Splits:
    """The pictures of a run's three splits.

    Args:
        config: the run's settings.
        cache_dir: the folder that keeps decoded data sets, or None for the user's cache.
        split: the one split that is needed where nothing is trained, or None for all of them.
        per_class: the pictures that a class must have at least, or None for as many as a training
            task takes. Classes of the run's own must be chosen by the latter, or they would be
            dealt to other splits than in training.

    Raises:
        UserError: if the pictures are missing, incomplete or damaged.
    """
    request = data_gen.DataRequest(
        data_dir=config.data_dir,
        cache_dir=cache_dir,
        invert=config.invert,
        image_size=config.stored_size,
        channels=config.channels,
        per_class=per_class or config.shots + config.query_shots,
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


def build_method(config: Config, splits: Splits, classes: int | None = None) -> Method:
    """The untrained method that `config` describes, for pictures like those of `splits`.

    Args:
        config: the settings of the method.
        splits: the pools, whose pictures' view has the shape of the backbone's input.
        classes: the number of classes of the training pool, for methods that learn all of them at
            once; None where nothing is to be trained.

    Raises:
        UserError: if no such backbone can be made, or none that fits the machine.
    """
    return method_for(config, view_of(config).shape(splits.train.image_shape), classes)


def method_for(
    config: Config, image_shape: tuple[int, int, int], classes: int | None = None
) -> Method:
    """The same for images [H, W, channels] that nobody has loaded yet."""
    sizes.check_weights(config)
    model = registry.build(
        config.backbone,
        image_shape,
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
        steps=config.inner_steps,
        learning_rate=config.inner_lr,
        exact=config.inner_loop == "auto",
        recompute=config.recompute,
        loss=config.loss,
        reduction=config.inner_reduction,
    )
    settings = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    settings["classes"] = classes
    names = ("head", "seed", "task_map", *methods.SETTINGS)
    options = {name: settings[name] for name in names}
    return methods.build(config.method, backbone, inner, config.train_ways, **options)


def training_pool(config: DataSettings, splits: Splits) -> ClassPool | RotatedPool:
    """The training classes, which alone may be rotated."""
    return RotatedPool(splits.train) if config.rotations else splits.train


def training_sampler(config: Config, splits: Splits) -> EpisodeSampler | BatchSampler:
    """What a meta-update of the run learns from: meta-batches of tasks, or batches of pictures."""
    pool, view = training_pool(config, splits), view_of(config)
    if methods.METHODS[config.method].batches:
        return BatchSampler(
            pool,
            config.batch_size,
            config.seed,
            where=config.pictures,
            view=view,
            replacement=not config.without_replacement,
        )
    check_ways("train_ways", config.train_ways, pool.num_classes, "train")
    return EpisodeSampler(
        pool,
        config.train_ways,
        config.shots,
        config.query_shots,
        config.meta_batch,
        config.seed,
        "meta_train",
        where=config.pictures,
        view=view,
        tell_classes=config.class_loss > 0,
    )


def with_class_loss(config: Config, method: Method, splits: Splits) -> Method:
    """The method as it is trained: with a classifier of all training classes, if there is one."""
    if not config.class_loss:
        return method
    classes = training_pool(config, splits).num_classes
    return methods.with_class_loss(method, config.class_loss, classes, config.seed)


def build_optimizer(config: Config, method: Method) -> keras.optimizers.Optimizer:
    """The run's meta-optimizer, its state created for the variables of `method`."""
    return make_optimizer(
        method.variables,
        _learning_rate(config),
        kind=config.optimizer,
        weight_decay=config.weight_decay,
        undecayed=method.undecayed,
        momentum=config.momentum,
        nesterov=config.nesterov,
        l2=config.l2,
        head=method.head_variables,
        head_factor=config.head_lr_factor,
    )


def build_averages(
    config: TrainingSettings, method: Method, optimizer: keras.optimizers.Optimizer
) -> WeightAverages:
    """Averages of all that the run's meta-updates move, running statistics among them."""
    moved = [*method.variables, *method.statistics]
    return WeightAverages(moved, config.average_weights, optimizer)


def _learning_rate(
    config: TrainingSettings,
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """β in the course of a training."""
    return schedules.learning_rate(
        config.meta_lr_schedule,
        config.meta_lr,
        config.steps,
        config.meta_lr_min,
        config.milestones,
        config.gamma,
        config.warmup_steps,
    )


def device() -> str:
    """Where TensorFlow computes, in words."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return f"CPU ({os.cpu_count()} threads)"
    return tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")
