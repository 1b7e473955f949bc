"""Whether the classes of an evaluation are ones that the run was not trained on."""

from __future__ import annotations

import dataclasses
import logging
import os
from pathlib import Path

from data_gen.class_pool import ClassPool
from data_gen.errors import UserError
from hidra_tf.runs.assembly import load_splits
from hidra_tf.runs.config import Config, EvalRequest
from hidra_tf.runs.place import identity
from hidra_tf.runs.records import report

_LOG = logging.getLogger(__name__)


def source(config: Config, split: str) -> tuple[str, str | None]:
    """What decides which classes a split holds: the data set, and of `folder` which one."""
    name = report.evaluated(config, split)
    if name != "folder":
        return name, None
    across = split != "train" and config.eval_dataset is not None
    return name, os.path.abspath((config.eval_data_dir if across else config.data_dir) or "")


def check_untrained(
    path: Path,
    own: Config,
    config: Config,
    request: EvalRequest,
    pool: ClassPool,
    cache_dir: str | None,
) -> None:
    """Refuses an evaluation on classes that the run was trained on, unless it asks for them.

    A run is given its own validation classes all the same, with a warning where it was trained on
    them: `train_on_validation` says so.

    Args:
        path: the run's folder.
        own: the run's configuration.
        config: the same with the data sets of the evaluation.
        request: the evaluation.
        pool: its classes.
        cache_dir: the folder for decoded data sets; None is the user's cache.

    Raises:
        UserError: if some of the classes were trained on.
    """
    split, at_home = request.split, _is_at_home(own, config, request)
    if split == "train" or not at_home or (own.eval_dataset is None and split == "test"):
        return
    if own.eval_dataset is None and split == "val":
        if own.train_on_validation:
            _LOG.warning("the run was trained on these classes too: train_on_validation")
        return
    known = set(_trained_names(path, own, config, cache_dir)) & set(pool.names)
    if known:
        aim = f"for {own.eval_dataset} " if own.eval_dataset else ""
        classes = "classes" if split == "all" else f"{split} classes"
        raise UserError(
            f"expected {classes} that the run was not trained on; it was trained {aim}"
            f"on {len(known)} of the {classes} of {own.dataset}"
        )


def _is_at_home(own: Config, config: Config, request: EvalRequest) -> bool:
    """Whether the classes are of the data set that the run was trained on."""
    here, home = source(config, request.split), source(own, "train")
    # Without a request, another place is one where the run's own pictures were moved.
    moved = request.dataset is None and own.eval_dataset is None
    return here == home or (moved and here[0] == home[0])


def _trained_names(
    path: Path, own: Config, config: Config, cache_dir: str | None
) -> tuple[str, ...]:
    """The classes that the run was trained on, as it wrote them down.

    A run of an earlier version did not; its classes are those that its pictures have now, where
    they were or where they were moved to.
    """
    noted = identity.trained_names(path)
    if noted is not None:
        return noted
    own = dataclasses.replace(own, skip_damaged=config.skip_damaged)
    try:
        return load_splits(own, cache_dir, "train").train.names
    except UserError:
        moved = dataclasses.replace(own, data_dir=config.data_dir)
        return load_splits(moved, cache_dir, "train").train.names
