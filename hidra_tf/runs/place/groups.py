"""Runs that are to be compared: each alone, or several that differ in their seed as one."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from data_gen.errors import UserError
from hidra_tf.runs.config import Config, show
from hidra_tf.runs.place.folder import CONFIG_FILE, open_run


class Group(NamedTuple):
    """Trainings that differ in nothing but their seed; often only one.

    Attributes:
        name: as it was given, for a person to read.
        paths: the folders of the runs, by ascending seed.
        configs: their configurations.
    """

    name: str
    paths: tuple[Path, ...]
    configs: tuple[Config, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the trainings."""
        return tuple(config.seed for config in self.configs)


def find_groups(names: Sequence[str]) -> list[Group]:
    """The runs that each name stands for: a run's folder, a folder of runs, or a pattern.

    Raises:
        UserError: if there is no such run, a run is named twice, runs of a group differ in more
            than the seed, or there are less than two runs in all.
    """
    if not names or not all(names):
        raise UserError(
            f"compare: expected folders of runs, separated by commas; received {','.join(names)!r}"
        )
    groups = [_group(name) for name in names]
    paths = [path.resolve() for group in groups for path in group.paths]
    twice = [path for path in paths if paths.count(path) > 1]
    if twice:
        raise UserError(f"compare: expected every run once; received {twice[0]} more than once")
    if len(paths) < 2:
        raise UserError(f"compare: expected two runs or more, received {names[0]} alone")
    return groups


def group_of(name: str, paths: Sequence[Path]) -> Group:
    """The group of the runs in some folders.

    Raises:
        UserError: if one of them is no run, or they differ in more than the seed.
    """
    found = [(open_run(path), path) for path in paths]
    found.sort(key=lambda pair: pair[0].seed)
    configs = tuple(config for config, _ in found)
    for config, path in found[1:]:
        _check_alike(found[0][1], path, configs[0].differences(config))
    seeds = [config.seed for config in configs]
    if len(set(seeds)) < len(seeds):
        raise UserError(f"compare: expected runs of different seeds in {name}; received {seeds}")
    return Group(name, tuple(path for _, path in found), configs)


def _group(name: str) -> Group:
    path = Path(name)
    if not path.exists() and any(sign in name for sign in "*?["):
        found = [Path(match) for match in sorted(glob.glob(name))]
    elif (path / CONFIG_FILE).exists() or not path.is_dir():
        found = [path]
    else:
        found = sorted(path.iterdir())
    if found != [path]:
        found = [match for match in found if (match / CONFIG_FILE).exists()]
    if not found:
        raise UserError(f"compare: expected a run, or runs in it, at {name}; found none")
    return group_of(name.rstrip("/") or name, found)


def _check_alike(first: Path, path: Path, differences: dict[str, tuple[object, object]]) -> None:
    more = {name: pair for name, pair in differences.items() if name != "seed"}
    if more:
        listed = "; ".join(f"{k} is {show(a)} and {show(b)}" for k, (a, b) in more.items())
        raise UserError(
            f"compare: expected runs that differ in their seed alone as one; received {first} and "
            f"{path}, which differ ({listed})"
        )
