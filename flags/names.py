"""The name of a run, made from its settings."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

from flags.defaults import settings_of
from hidra_tf.runs.config import BOOKKEEPING, Config, format_ways

LONGEST_NAME = 150  # of a run; file systems take 255
# The settings that every run's name shows; others are appended where they are not the default.
_IN_EVERY_NAME = ("dataset", "method", "train_ways", "shots")
_FOLDERS = ("data_dir", "eval_data_dir", "pretrained")

# The order in which names show settings, so that runs of earlier versions keep their names.
# Settings that are not listed follow, in the order in which `Config` has them.
_ORDER = """
    query_shots meta_batch steps inner_steps inner_lr meta_lr filters head loss inner_reduction
    hyper_layers hyper_width enhancement switch backbone drop_block norm adapt_norm first_order
    inner_loop task_map recompute precision clip_norm seed invert split_seed train_on_validation
    log_every checkpoint_every val_tasks data_dir eval_dataset eval_data_dir image_size channels
    pictures batch_size pretrained rotations meta_optimizer meta_lr_schedule meta_lr_min milestones
    gamma weight_decay multi_step_loss learn_inner_lr second_order_after
"""


def run_name(of: Config) -> str:
    """A name that differs wherever the settings do, and has no character of a path."""
    usual = {field.name: field.default for field in dataclasses.fields(Config)}
    own = settings_of(of.dataset, of.method, of.backbone, of.meta_optimizer)
    # Where `Config` has a default, it is what runs of earlier versions mean by their names.
    usual |= {name: own[name] for name in own if usual[name] is dataclasses.MISSING}
    # Which pictures `folder` has can be told from its place alone, as long as none is read.
    telling = {"data_dir": of.dataset, "eval_data_dir": of.eval_dataset}
    unnamed = {name for name in BOOKKEEPING if telling.get(name) != "folder"}
    name = f"{of.dataset}-{of.method}-{format_ways(of.train_ways)}way-{of.shots}shot"
    for setting in dict.fromkeys([*_ORDER.split(), *usual]):
        value = getattr(of, setting)
        if setting not in (*_IN_EVERY_NAME, *unnamed) and value != usual[setting]:
            name += f"-{setting}={_short(value) if setting in _FOLDERS else _brief(value)}"
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME - 13]}-{_digest(name)[:12]}"


def _brief(value: object) -> str:
    """A value in a name: numbers of meta-updates without brackets and blanks."""
    whole = type(value) is tuple and value and all(type(n) is int for n in value)
    return format_ways(value) if whole else str(value)


def _short(folder: str) -> str:
    """A name for a folder that tells it from others of its name elsewhere."""
    return f"{Path(folder).stem}-{_digest(folder)[:6]}"


def _digest(text: str) -> str:
    """The same in every locale; names of files may hold any bytes."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
