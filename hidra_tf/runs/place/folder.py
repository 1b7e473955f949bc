"""A run's folder: its settings, the identity of its pictures, checkpoints, events and results."""

from __future__ import annotations

import os
from pathlib import Path

from data_gen import typed_json
from data_gen.errors import UserError
from hidra_tf.runs.config import Config, show
from hidra_tf.runs.place.lock import LOCK_FILE

CONFIG_FILE, DATA_FILE = "config.json", "data.json"
_NO_FILE = "what is neither a file nor a folder"
_FOLDERS = ("checkpoints", "best", "ensemble", "train", "val", "test", "results")


def find(path: Path) -> Config | None:
    """The configuration of the run at `path`, or None where nothing is there yet.

    Raises:
        UserError: if something is there, but no run, or one whose parts are not what they should
            be, such as a file in the place of `checkpoints/`.
    """
    try:
        if _is_free(path):
            return None
        _check_parts(path)
    except OSError as error:  # such as a name that is too long
        raise UserError(f"expected a run's folder at {path}; received {error}") from error
    try:
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


def remove_events(path: Path) -> None:
    """Removes what TensorBoard would show of a run that is started over."""
    for folder in (path, path / "train", path / "val", path / "test"):
        for file in folder.glob("events.*"):
            file.unlink()


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


def _is_free(path: Path) -> bool:
    """Whether a run may be made at `path`: nothing is there but what a killed start may leave."""
    if path.is_symlink() and not path.exists():
        raise UserError(f"expected a run's folder at {path}, found a link to nothing")
    if not path.is_dir():
        return not path.exists()
    names = (file.name for file in path.iterdir())
    return all(name == LOCK_FILE or name.startswith(f".{CONFIG_FILE}.") for name in names)


def _check_parts(path: Path) -> None:
    """Raises `UserError` if a part of a run is a folder, a file, or a link to nothing by mistake.

    Not even TensorFlow's own words would name it, after a long training.
    """
    for name in (CONFIG_FILE, DATA_FILE, *_FOLDERS):
        part, is_folder = path / name, name in _FOLDERS
        if part.is_symlink() and not part.exists():
            found = "a link to nothing"
        elif not part.exists() or (part.is_dir() if is_folder else part.is_file()):
            continue
        else:
            found = "a folder" if part.is_dir() else "a file" if part.is_file() else _NO_FILE
        expected = "a folder" if is_folder else "a file"
        raise UserError(f"expected {expected} at {part}, found {found}")


def _neighbours(path: Path) -> str:
    parent = path.parent
    names = sorted(p.parent.name for p in parent.glob(f"*/{CONFIG_FILE}"))
    if not names:
        return "train one first (the same command without `eval_only`)"
    return f"{parent} holds {', '.join(names)}"
