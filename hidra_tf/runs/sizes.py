"""What a run needs at least, so that what cannot fit is refused before anything is allocated.

All numbers are under-estimates: they count the few arrays that surely exist at the same time. So
nothing that fits is refused, and what is only a little too large fails later; see `refusals`.
"""

from __future__ import annotations

import dataclasses
import math
import os
import resource
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf
from tensorflow.python.client import device_lib

from data_gen.errors import UserError
from data_gen.room import in_bytes
from hidra_tf.backbones import registry
from hidra_tf.methods import METHODS, trains
from hidra_tf.runs.config import Config, DataSettings, EvalRequest, show

_FLOAT = 4  # bytes
# Of a graph, for an inner step that is written out: some 30 operations at the very least.
_STEP_OF_GRAPH = 200_000
# Weights, their gradients, and the two moments of Adam.
_COPIES = {"adam": 4, "sgd": 2}
# Convolutions of a 3 × 3 kernel from F channels to F channels, in units of F × F.
_KERNELS = {
    **dict.fromkeys(("conv4", "conv4_gap", "conv4_np"), 9 * 3),
    "resnet12": 9 * 2 * 10 * 10,
}
# Settings of a network that a hypernetwork makes.
_TARGET = ("target_layers", "target_width")
# Tasks that are adapted to at once in an evaluation: see `hidra_tf.evaluation.evaluator`.
_EVALUATED_AT_ONCE = 10


class Need(NamedTuple):
    """Memory that something takes at least.

    Attributes:
        what: the purpose of the memory, in words.
        size: the number of bytes.
        settings: the settings that decide the size.
        helps: the remedy that makes it smaller, in words.
    """

    what: str
    size: int
    settings: tuple[str, ...]
    helps: str


class Machine(NamedTuple):
    """The memory that a run has.

    Attributes:
        name: whose memory it is, in words.
        size: in bytes.
    """

    name: str
    size: int


def check_training(config: Config, machine: Machine | None = None) -> None:
    """Raises `UserError` if a training cannot fit the machine, or its pictures the backbone.

    Args:
        config: the settings of the training.
        machine: the machine; None is this one.
    """
    registry.check_image_shape(config.backbone, config.seen_shape)
    needs = [_weights(config)]
    if trains(config.method):
        needs += [_pictures(config), _activations(config), _graph(config)]
    _check(config, needs, machine or this_machine())


def check_weights(config: Config, machine: Machine | None = None) -> None:
    """Raises `UserError` if a model's weights alone cannot fit the machine; None is this one."""
    _check(config, [_weights(config, copies=1)], machine or this_machine())


def check_evaluation(
    config: Config,
    ways: Sequence[int],
    request: EvalRequest | None = None,
    machine: Machine | None = None,
) -> None:
    """Raises `UserError` if the tasks of an evaluation cannot fit the machine.

    Args:
        config: the settings of the run.
        ways: the numbers of classes of the tasks.
        request: the evaluation, which may ask for other shots; None is that of the run's own shots.
        machine: the machine; None is this one.
    """
    request = request or EvalRequest()
    shots, query_shots = request.shots_of(config), request.query_shots_of(config)
    # Tasks of unequal sizes are adapted to one by one, each of any size up to the largest.
    tasks = 1 if len(shots) > 1 else _EVALUATED_AT_ONCE
    most = max(ways, default=0)
    asked = dataclasses.replace(config, shots=min(shots), query_shots=query_shots)
    need = Need(
        f"the pictures of {tasks} task{'s' * (tasks > 1)} with {most} ways",
        tasks * most * (asked.shots + query_shots) * _picture(config),
        ("image_size", "shots", "query_shots"),
        "fewer `eval_ways`, `eval_shots` or `eval_query_shots`, or a run with a smaller "
        "`image_size`",
    )
    _check(asked, [need], machine or this_machine())


def check_ensemble(
    config: Config, members: int | None = None, machine: Machine | None = None
) -> None:
    """Raises `UserError` if the weights of an ensemble cannot fit the machine.

    An evaluation holds the weights of all members, and writes those of one after the other into
    the method, which has a copy of its own.

    Args:
        config: the settings of the run.
        members: the number of checkpoints; None is that which the whole training leaves.
        machine: the machine; None is this one.
    """
    if members is None:
        members = min(config.keep_best, math.ceil(config.steps / config.log_every))
    weights = _weights(config, copies=members + 1)
    need = weights._replace(
        what=f"the weights of {members} checkpoints that answer together",
        settings=("keep_best", *weights.settings),
        helps="a single one, as with `checkpoint=best`",
    )
    _check(config, [need], machine or this_machine())


def this_machine() -> Machine:
    """The first GPU that TensorFlow uses, else this computer, as far as this process may use it."""
    if tf.config.list_logical_devices("GPU"):
        limits = [d.memory_limit for d in device_lib.list_local_devices() if d.device_type == "GPU"]
        return Machine("the GPU", limits[0])
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return Machine("this machine", physical if limit < 0 else min(physical, limit))


def _pictures(config: Config) -> Need:
    """The pictures of one meta-update."""
    if METHODS[config.method].batches:
        size = config.batch_size * _picture(config)
        settings = ("batch_size", "image_size")
        return Need("the pictures of an update", size, settings, "a smaller `batch_size`")
    each = max(config.train_ways) * (config.shots + config.query_shots)
    settings = ("meta_batch", "train_ways", "shots", "query_shots", "image_size")
    size = config.meta_batch * each * _picture(config)
    return Need("the pictures of a meta-batch", size, settings, "a smaller `meta_batch`")


def _activations(config: Config) -> Need:
    """The first convolution's output for the pictures that one task, or one update, looks at."""
    batches = METHODS[config.method].batches
    count = config.batch_size if batches else max(config.train_ways) * config.shots
    height, width, _ = config.seen_shape
    filters = config.filters if config.backbone in _KERNELS else 1
    number = 2 if config.precision == "bfloat16" else _FLOAT
    of_count = ("batch_size",) if batches else ("train_ways", "shots")
    settings = (*of_count, "image_size", "filters")
    helps = "a smaller `batch_size`, " if batches else "fewer `shots`, "
    helps += "a smaller `image_size`, fewer `filters`, or `precision=bfloat16`"
    size = count * height * width * filters * number
    return Need("the activations of one convolution", size, settings, helps)


def _weights(config: Config, copies: int | None = None) -> Need:
    """The weights: one copy of each, or as many as an optimizer keeps."""
    kernels = _KERNELS.get(config.backbone, 0) * config.filters**2
    settings, helps = ("filters",), "fewer `filters`"
    entry = METHODS[config.method]
    if "target_width" in entry.options:
        kernels += _target(config)
        settings = ("filters", "hyper_layers", "hyper_width", "hyper_neck", *_TARGET)
        helps += ", or a smaller `hyper_width` or `target_width`"
    elif "hyper_width" in entry.options:
        kernels += (config.hyper_layers - 1) * config.hyper_width**2
        settings = ("filters", "hyper_layers", "hyper_width")
        helps += ", or a smaller `hyper_width`"
    if copies is None:
        copies = _COPIES[config.optimizer] if entry.trains else 1
    what = "the weights" if copies == 1 else "the weights and their optimizer"
    return Need(what, kernels * _FLOAT * copies, settings, helps)


def _target(config: Config) -> int:
    """The weights of a hypernetwork that makes a target network, between layers of its own.

    What depends on the number of ways is left out.
    """
    layers, width, neck = config.hyper_layers, config.hyper_width, config.hyper_neck
    hidden = max(layers - 2, 0) + (1 if neck and layers > 1 else 0)
    square = 2 * config.target_layers * hidden + max(neck - 1, 0)
    made = max(config.target_layers - 2, 0) * config.target_width**2
    made += config.target_width if config.target_layers > 1 else 0
    return square * width**2 + made * (width if neck or layers > 1 else 1)


def _graph(config: Config) -> Need:
    """The graph of an inner loop that is differentiated, whose steps are written out."""
    differentiated = bool(METHODS[config.method].aids)
    size = config.inner_steps * _STEP_OF_GRAPH if differentiated else 0
    return Need("the graph of the inner loop", size, ("inner_steps",), "fewer `inner_steps`")


def _picture(config: DataSettings) -> int:
    """The bytes of what the network sees of a picture, and of the stored one if that is larger."""
    *seen, channels = config.seen_shape
    stored = 0 if config.crop_margin == 1 else math.prod(config.stored_size)
    return channels * (math.prod(seen) * _FLOAT + stored)


def _check(config: Config, needs: Sequence[Need], machine: Machine) -> None:
    total = sum(need.size for need in needs)
    if total <= machine.size:
        return
    most = max(needs, key=lambda need: need.size)
    values = ", ".join(
        f"`{name}={show(value)}`"
        for name in most.settings
        if (value := getattr(config, name)) is not None
    )
    raise UserError(
        f"expected settings that fit the {in_bytes(machine.size)} of {machine.name}; these need "
        f"at least {in_bytes(total)}, of which {in_bytes(most.size)} for {most.what} ({values}); "
        f"what helps: {most.helps}"
    )
