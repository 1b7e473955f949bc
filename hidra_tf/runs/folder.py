"""A run's folder: config.json, checkpoints/, best/, event folders, results/*.json."""

from __future__ import annotations

import os
from pathlib import Path

from data_gen.errors import UserError
from hidra_tf.runs.config import Config, show

CONFIG_FILE = "config.json"


def find(path: Path) -> Config | None:
    """The configuration of the run at `path`, or None where nothing is there yet.

    Raises:
        UserError: if something is there, but no run.
    """
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return None
    try:
        return Config.from_json((path / CONFIG_FILE).read_text())
    except UserError as error:
        raise UserError(f"{path / CONFIG_FILE}: {error}") from error
    except (OSError, ValueError, TypeError, KeyError) as error:
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


def check_same(path: Path, existing: Config, wanted: Config) -> None:
    """Raises `UserError`, naming every difference, unless `wanted` continues the run."""
    differences = existing.differences(wanted)
    if differences:
        listed = "; ".join(
            f"{name} is {show(old)}, received {show(new)}"
            for name, (old, new) in differences.items()
        )
        raise UserError(
            f"{path} holds a run with other settings ({listed}); "
            "give the same flags to continue it, or another `run_dir`"
        )


def write_atomically(path: Path, contents: str | bytes) -> None:
    """Writes a file so that readers and crashes see the old contents or the new, never a part.

    A write that fails, as on a full disk, leaves nothing beside the old file.
    """
    data = contents.encode() if isinstance(contents, str) else contents
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _neighbours(path: Path) -> str:
    parent = path.parent
    names = sorted(p.parent.name for p in parent.glob(f"*/{CONFIG_FILE}"))
    if not names:
        return "train one first (the same command without `eval_only`)"
    return f"{parent} holds {', '.join(names)}"
