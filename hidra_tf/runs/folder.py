"""A run's folder: config.json, checkpoints/, best/, event folders, results/*.json."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from data_gen import typed_json
from data_gen.errors import UserError
from hidra_tf.runs.config import Config, show

CONFIG_FILE = "config.json"


def find(path: Path) -> Config | None:
    """The configuration of the run at `path`, or None where nothing is there yet.

    Raises:
        UserError: if something is there, but no run.
    """
    try:
        if not path.exists() or (path.is_dir() and not any(path.iterdir())):
            return None
        return typed_json.read(Config, path / CONFIG_FILE)
    except UserError as error:
        raise UserError(f"{path} is not a run that can be read: {error}") from error
    except OSError as error:
        raise UserError(
            f"{path} is not a run: expected a readable {CONFIG_FILE} in it; received {error!r}"
        ) from error


def open_run(path: Path) -> Config:
    """The configuration of an existing run.

    Raises:
        UserError: if there is none.
    """
    config = find(path)
    if config is None:
        raise UserError(f"expected a run at {path}, found none; {_neighbours(path)}")
    return config


def create(path: Path, config: Config) -> None:
    """Makes the folder of a new run and writes its configuration, all or nothing."""
    path.mkdir(parents=True, exist_ok=True)
    write_atomically(path / CONFIG_FILE, config.to_json())


def grow(path: Path, existing: Config, steps: int) -> None:
    """Writes down that a run is to have more meta-updates, all or nothing."""
    if steps != existing.steps:
        grown = dataclasses.replace(existing, steps=steps)
        write_atomically(path / CONFIG_FILE, grown.to_json())


def check_same(path: Path, existing: Config, wanted: Config) -> None:
    """Raises `UserError`, naming every difference, unless `wanted` continues the run.

    More meta-updates continue it too, where the learning rate does not depend on their number.
    """
    differences = existing.differences(wanted)
    if differences.keys() == {"steps"}:
        existing.check_steps_may_become(wanted.steps)
        return
    if differences:
        listed = "; ".join(
            f"{name} is {show(old)}, received {show(new)}"
            for name, (old, new) in differences.items()
        )
        raise UserError(
            f"{path} holds a run with other settings ({listed}); "
            "give the same flags to continue it, or another `run_dir`"
        )


def write_atomically(path: Path, text: str) -> None:
    """Writes a file so that readers and crashes see the old text or the new, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(path)


def _neighbours(path: Path) -> str:
    parent = path.parent
    names = sorted(p.parent.name for p in parent.glob(f"*/{CONFIG_FILE}"))
    if not names:
        return "train one first (the same command without `eval_only`)"
    return f"{parent} holds {', '.join(names)}"
