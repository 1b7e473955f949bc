"""Where an initialization comes from: a trained run, a Keras model, or nothing but features."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from data_gen import STROKES
from data_gen.errors import UserError
from hidra_tf.classifier import heads
from hidra_tf.classifier.errors import InputError
from hidra_tf.classifier.initialization import Initialization
from hidra_tf.classifier.pictures import PictureFormat
from hidra_tf.evaluation.ensemble import Ensemble
from hidra_tf.options import TRANSDUCTIVE
from hidra_tf.runs.assembly import method_for
from hidra_tf.runs.checkpoints.files import ENSEMBLE
from hidra_tf.runs.checkpoints.weights import check_kept, restore
from hidra_tf.runs.config import Config
from hidra_tf.runs.measuring import evaluated_norm
from hidra_tf.runs.place import folder
from hidra_tf.runs.place.trust import check_trusted
from hidra_tf.runs.seen import view_of


def of_run(
    run_dir: str | os.PathLike,
    checkpoint: str | None = None,
    norm: str | None = None,
    backbone: str | None = None,
) -> Initialization:
    """The initialization that a run has learned.

    Args:
        run_dir: the run's folder.
        checkpoint: `best`, `last`, `ensemble` or a step; None takes `best` where there is one.
        norm: another norm than the run's; see `evaluated_norm`.
        backbone: "module:function", if the run's network is code of your own, which then runs.

    Raises:
        UserError: if there is no such run or checkpoint; or if predictions would depend on which
            other pictures are asked about, under the statistics of queries.
    """
    path = Path(run_dir).expanduser().absolute()
    own = folder.open_run(path)
    check_trusted(own, path, backbone)
    check_kept(path, own, checkpoint)
    config = dataclasses.replace(own, norm=_inductive(own, norm))
    method = method_for(config, config.seen_shape)
    if checkpoint == ENSEMBLE:
        method = Ensemble(method)
    restore(path, method, config, checkpoint)
    return Initialization(method, config.own_steps, format_of(config), origin=config)


def of_features(
    size: int, steps: int | None = None, learning_rate: float | None = None
) -> Initialization:
    """An initialization for vectors [N, D]: there is no network, and only a head is learned.

    Args:
        size: the number D of features.
        steps: the number of steps; None takes `heads.STEPS`.
        learning_rate: the rate of a step; None takes 1, with which no step overshoots.
    """
    method = heads.of_features(size, steps, learning_rate)
    return Initialization(method, steps or heads.STEPS, None, standardized=True)


def of_backbone(
    backbone: Initialization | keras.Model | None,
    steps: int | None = None,
    learning_rate: float | None = None,
    preprocess: Callable[[np.ndarray], np.ndarray] | None = None,
    invert: bool | None = None,
    frame: bool | None = None,
) -> Initialization:
    """The initialization that a classifier's backbone and settings mean together.

    Raises:
        InputError: if the backbone is none, or if the settings contradict it or one another.
    """
    if isinstance(backbone, Initialization):
        if preprocess is not None:
            raise InputError(
                "preprocess: expected None for an initialization, which prepares pictures as those "
                "that it was trained on; received a function, which only a Keras model takes"
            )
        return looking(adjusted(backbone, steps, learning_rate), invert, frame)
    if isinstance(backbone, keras.Model):
        start = of_model(backbone, steps, learning_rate, preprocess, invert)
        # A model may want bright strokes: what is framed is dark, and is then inverted.
        return looking(start, None, frame)
    if backbone is None:
        raise InputError(
            "expected a classifier of features that has seen some; received one before `fit`"
        )
    raise InputError(
        "backbone: expected an Initialization, or a Keras model; received "
        f"{type(backbone).__name__}"
    )


def of_model(
    model: keras.Model,
    steps: int | None = None,
    learning_rate: float | None = None,
    preprocess: Callable[[np.ndarray], np.ndarray] | None = None,
    invert: bool | None = None,
) -> Initialization:
    """An initialization from a network that others trained; only a head is learned.

    Args:
        model: a network from pictures [N, H, W, 1 or 3] to features [N, D]. It is called as in
            tests: normalisation layers use the statistics that they came with, and dropout is off.
        steps: as for `of_features`.
        learning_rate: as for `of_features`.
        preprocess: see `PictureFormat`; without it the network takes values in [0, 1].
        invert: whether pictures are inverted first.

    Raises:
        InputError: if the network is not of this kind.
    """
    method = heads.of_model(model, steps, learning_rate)
    shape = model.input_shape
    if len(shape) != 4 or None in shape[1:] or shape[3] not in (1, 3):
        raise InputError(
            f"backbone: expected a network for pictures of one size, of 1 or 3 channels; received "
            f"one for {shape}"
        )
    seen = PictureFormat(tuple(shape[1:3]), shape[3], bool(invert), preprocess=preprocess)
    return Initialization(method, steps or heads.STEPS, seen, standardized=True)


def adjusted(
    start: Initialization,
    steps: int | None = None,
    learning_rate: float | None = None,
) -> Initialization:
    """The same weights, adapted by other steps; None changes nothing.

    Raises:
        InputError: if the method takes no steps, or the weights are of several checkpoints.
    """
    if steps is None and learning_rate is None:
        return start
    method = heads.at_rate(start.method, learning_rate)
    return dataclasses.replace(start, method=method, steps=steps or start.steps)


def looking(
    start: Initialization, invert: bool | None = None, frame: bool | None = None
) -> Initialization:
    """The same weights, shown other pictures; None changes nothing.

    Where `invert` alone is given, it is told by hand how pictures are, and none is framed.

    Raises:
        InputError: if both are wanted, or if the weights are for photographs.
    """
    if start.pictures is None or invert is frame is None:
        return start
    if frame and invert is not None:
        raise InputError(
            "invert: expected None with `frame=True`, by which each picture's own strokes tell "
            f"whether they are dark or bright; received {invert}"
        )
    origin = start.origin
    if frame and origin is not None and origin.dataset not in STROKES and _sees_colour(start):
        raise InputError(
            "frame: expected False or None for an initialization of photographs, for only drawings "
            f"can be framed; received {frame} for one of {origin.dataset}"
        )
    pictures = dataclasses.replace(start.pictures, frame=bool(frame))
    if invert is not None:
        pictures = dataclasses.replace(pictures, invert=invert)
    return dataclasses.replace(start, pictures=pictures)


def _sees_colour(start: Initialization) -> bool:
    return start.pictures.channels == 3


def format_of(config: Config) -> PictureFormat:
    """How pictures are shown to the network of a run."""
    return PictureFormat(
        tuple(config.stored_size),
        config.seen_shape[2],
        # Drawings come as they were published: dark strokes on a bright ground.
        invert=config.invert and config.dataset in STROKES,
        view=view_of(config).plain,
    )


def _inductive(own: Config, norm: str | None) -> str:
    wanted = evaluated_norm(own, norm)
    if wanted in TRANSDUCTIVE:
        raise UserError(
            f"norm: a prediction under {wanted} statistics would depend on which other pictures "
            "are asked about; expected `norm=support` for this run, or a run that was trained with "
            f"support, running, affine or none; received {wanted}"
        )
    return wanted
