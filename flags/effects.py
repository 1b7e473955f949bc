"""Refuses flags that were given but have no effect: they would be believed to have one.

`Config` cannot do it, for it does not know who chose a value. Flags about how something is computed
(`inner_loop`, `task_map`, `recompute`, …) are left alone: they are there to be compared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from data_gen import STROKES
from data_gen.errors import UserError
from hidra_tf.methods import METHODS
from hidra_tf.runs.config import Config, check_use, show


class _Rule(NamedTuple):
    """When a flag has an effect, apart from what the method has no use for.

    Attributes:
        applies: whether it has, in a configuration.
        expected: the same in words.
        beside: the setting whose value stands in the way.
    """

    applies: Callable[[Config], object]
    expected: str
    beside: str


def _differentiates_steps(config: Config) -> bool:
    """Whether a gradient step is taken in training: a method with a switch begins without one."""
    gradient_first = "switch" not in METHODS[config.method].options or config.switch is not None
    return gradient_first or config.inner_steps > 1


_RULES = {
    "invert": _Rule(
        lambda config: {config.dataset, config.eval_dataset}.intersection(STROKES),
        f"drawings ({', '.join(STROKES)})",
        "dataset",
    ),
    "split_seed": _Rule(
        lambda config: "folder" in (config.dataset, config.eval_dataset),
        "--dataset=folder or --eval_dataset=folder",
        "dataset",
    ),
    "skip_damaged": _Rule(
        lambda config: {config.dataset, config.eval_dataset} - {"glyphs", None},
        "a data set that has files",
        "dataset",
    ),
    "eval_data_dir": _Rule(lambda config: config.eval_dataset, "--eval_dataset", "dataset"),
    "drop_block": _Rule(
        lambda config: config.backbone != "conv4",
        "--backbone=resnet12 or a function of your own",
        "backbone",
    ),
    "adapt_norm": _Rule(
        lambda config: config.norm != "none", "--norm=transductive, support, affine", "norm"
    ),
    "first_order": _Rule(_differentiates_steps, "--switch or --inner_steps above 1", "method"),
    "multi_step_loss": _Rule(
        lambda config: config.inner_steps > 1, "--inner_steps above 1", "inner_steps"
    ),
    "gamma": _Rule(lambda config: config.milestones, "--milestones", "meta_lr_schedule"),
}


def check(config: Config, given: Mapping[str, Any]) -> None:
    """Raises `UserError` if a flag has no effect.

    Args:
        config: what all flags together mean.
        given: flag → value of those that the user gave, preset files included.
    """
    usual = {field.name: field.default for field in dataclasses.fields(config)}
    for name, value in given.items():
        # "None of it", where there is none anyway: so a preset's flag is taken back.
        if not value and value == usual[name]:
            continue
        check_use(config.method, name, value)
        rule = _RULES.get(name)
        if rule is not None and not rule.applies(config):
            raise UserError(
                f"{name}: expected with {rule.expected}, received {show(value)} with "
                f"--{rule.beside}={show(getattr(config, rule.beside))}"
            )
