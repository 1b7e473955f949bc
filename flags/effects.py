"""Refuses flags that were given but have no effect: they would be believed to have one.

`Config` cannot do it, for it does not know who chose a value.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from data_gen.errors import UserError
from flags.rules import EFFECTS
from flags.situation import Rule, Situation
from hidra_tf.runs.config import Config, check_use, show


def check(config: Config, given: Mapping[str, Any]) -> None:
    """Raises `UserError` if a flag has no effect.

    Args:
        config: what all flags together mean, or the settings of the run that they evaluate.
        given: flag → value of those that the user gave, preset files included.
    """
    at = Situation(config, given)
    usual = {field.name: field.default for field in dataclasses.fields(config)}
    for name, value in given.items():
        # A preset's flag is taken back by what is off anyway, which need not have an effect.
        if name in usual and not value and value == usual[name]:
            continue
        if name in usual:
            check_use(config.method, name, value)
        for rule in EFFECTS[name]:
            if not rule.applies(at):
                _refuse(name, value, rule, at)


def check_given(given: Mapping[str, Any]) -> None:
    """Raises `UserError` if a flag has no effect beside the others, where there is no training.

    Args:
        given: flag → value of flags whose rules ask for other flags only.
    """
    at = Situation(None, given)
    for name, value in given.items():
        for rule in EFFECTS[name]:
            if not rule.applies(at):
                _refuse(name, value, rule, at)


def check_read(given: Mapping[str, Any], read: Collection[str], asked: str, reason: str) -> None:
    """Raises `UserError` if a flag was given that another one leaves no effect.

    Args:
        given: flag → value of those that the user gave.
        read: the flags that have an effect.
        asked: the other flag.
        reason: why the rest have none, which follows "expected without".
    """
    for name, value in given.items():
        if name not in read:
            raise UserError(f"{name}: expected without `{asked}`, {reason}; received {show(value)}")


def _refuse(name: str, value: object, rule: Rule, at: Situation) -> None:
    stands = at.given.get(rule.beside, getattr(at.config, rule.beside, None))
    raise UserError(
        f"{name}: expected with {rule.expected}, received {show(value)} with "
        f"--{rule.beside}={show(stands)}"
    )
