"""A backbone that begins where another run's ended: the papers' pre-trained setting."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from data_gen import ImageSize
from data_gen.class_pool import Splits
from data_gen.errors import UserError
from hidra_tf import methods
from hidra_tf.backbones.pairing import check_untrained, paired
from hidra_tf.methods.interface import Method
from hidra_tf.runs.assembly import load_splits
from hidra_tf.runs.checkpoints.store import Checkpoints
from hidra_tf.runs.config import Config
from hidra_tf.runs.place import folder, identity

# A message names so many of the classes in question.
_SHOWN = 3


def load_backbone(path: Path, source: Method, target: Method, warn: Callable[[str], None]) -> None:
    """Gives `target` the backbone weights of the best checkpoint of the run at `path`.

    All trained weights are copied, or none, and so are running statistics where both runs keep
    them. Checkpoints hold no others: frozen weights and other statistics are as the backbone's
    function makes them, and so must be equal in both backbones.

    Args:
        path: the run's folder.
        source: the run's method, untrained; its variables are restored from the checkpoint.
        target: the method whose backbone receives the weights.
        warn: called with one line for each damaged checkpoint.

    Raises:
        UserError: if the run has no checkpoint, or the backbones differ; `target` is unchanged.
    """
    try:
        pairs = paired(source.backbone.variables, target.backbone.variables)
        if source.backbone.running and target.backbone.running:
            pairs += paired(source.backbone.running, target.backbone.running)
        check_untrained(source.backbone.model, target.backbone.model)
    except ValueError as error:
        raise UserError(f"pretrained: expected the same backbone in {path}; {error}") from error
    if not Checkpoints(path, source, None, warn).restore_best():
        raise UserError(f"pretrained: expected a checkpoint in {path}, found none")
    for trained, variable in pairs:
        variable.assign(trained.value)
    target.backbone_was_replaced()


def check_whole(path: Path, theirs: Config) -> None:
    """Raises `UserError` if what a run learned of its backbone is not in the backbone's weights."""
    if theirs.per_step_norm:
        raise UserError(
            f"pretrained: expected a run whose γ and β are the backbone's; {path} learned others "
            "for every inner step (`per_step_norm`)"
        )


def seeing_like(path: Path, theirs: Config, ours: Config, warn: Callable[[str], None]) -> Config:
    """The configuration of another run, for a network that sees the pictures of this run.

    Args:
        path: the other run's folder.
        theirs: its configuration.
        ours: this run's configuration.
        warn: called with one line if the other network saw other numbers for the same colours.
    """
    if theirs.standardize != ours.standardize:
        warn(
            f"pretrained: {path} was trained on pictures with `standardize={theirs.standardize}`, "
            f"and this run has `standardize={ours.standardize}`"
        )
    return dataclasses.replace(
        theirs,
        image_size=ImageSize(*ours.seen_shape[:2]),
        crop_margin=ours.crop_margin,
        channels=ours.seen_shape[2],
        standardize=ours.standardize,
    )


def check_classes(
    path: Path,
    theirs: Config,
    ours: Config,
    splits: Splits,
    cache_dir: str | None,
    warn: Callable[[str], None],
) -> None:
    """Raises `UserError` if the run at `path` was trained on classes that this run holds out.

    Held out are this run's test classes, and its validation classes unless it is trained on them.
    Class names are compared within one data set, so names of two data sets are taken for
    different classes; two places of `folder` are one data set. The other run's training classes
    are those of its stored configuration, upright where it rotated them. They are looked up in the
    place that it names, or where this run has the same data set if its own place is gone. If the
    other run was pre-trained too, the run that it began from is checked in the same way.

    Args:
        path: the other run's folder.
        theirs: its configuration.
        ours: this run's configuration.
        splits: this run's classes.
        cache_dir: the folder of decoded data sets; None is the user's cache.
        warn: called with one line if the run that the other one began from cannot be read.
    """
    held_out = {"test": splits.test.names}
    if ours.eval_dataset is not None or not ours.train_on_validation:
        held_out["validation"] = splits.val.names
    if methods.trains(theirs.method) and theirs.dataset == (ours.eval_dataset or ours.dataset):
        check_disjoint(path, _trained_classes(path, theirs, ours, splits, cache_dir), held_out)
    if theirs.pretrained is None:
        return
    first = Path(theirs.pretrained)
    try:
        before = folder.open_run(first)
    except UserError as error:
        warn(f"pretrained: the classes that {path} began with cannot be checked: {error}")
        return
    check_classes(first, before, ours, splits, cache_dir, warn)


def check_disjoint(
    path: Path, trained: Sequence[str], held_out: Mapping[str, Sequence[str]]
) -> None:
    """Raises `UserError`, naming some of them, if held-out classes were trained on.

    Args:
        path: the folder of the run that was trained on them.
        trained: names of its training classes.
        held_out: names of classes by the split that holds them.
    """
    for split, names in held_out.items():
        known = sorted(set(trained) & set(names))
        if known:
            shown = ", ".join(known[:_SHOWN]) + (", …" if len(known) > _SHOWN else "")
            raise UserError(
                f"pretrained: expected a run that was trained on none of this run's {split} "
                f"classes; {path} was trained on {len(known)} of {len(names)} ({shown})"
            )


def _trained_classes(
    path: Path, theirs: Config, ours: Config, splits: Splits, cache_dir: str | None
) -> Sequence[str]:
    """Names of the classes that the run at `path` was trained on, without their rotations.

    They are those that the run wrote down. A run of an earlier version did not; its classes are
    those that its pictures have now.
    """
    noted = identity.trained_names(path)
    if noted is not None:
        return noted
    here = ours.data_dir if ours.eval_dataset is None else ours.eval_data_dir
    own = theirs.data_dir
    # The pictures' form decides no split, and in this run's form they are in the cache.
    height, width, channels = splits.test.image_shape
    theirs = dataclasses.replace(
        theirs,
        data_dir=own if own is not None and os.path.exists(own) else here,
        image_size=ImageSize(height, width),
        crop_margin=1.0,
        channels=channels,
        standardize="none",
        invert=ours.invert,
    )
    try:
        return load_splits(theirs, cache_dir).train.names
    except UserError as error:
        raise UserError(
            f"pretrained: the classes that {path} was trained on cannot be checked: {error}"
        ) from error
