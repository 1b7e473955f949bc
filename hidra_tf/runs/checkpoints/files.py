"""The files of checkpoints: numbered ones in a folder, each of which is there whole or not at all.

TensorFlow stores a checkpoint as `ckpt-<step>.index` and one or more `ckpt-<step>.data-…`.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Collection
from pathlib import Path

from hidra_tf.runs.place.folder import write_atomically

LAST, BEST, ENSEMBLE = FOLDERS = ("checkpoints", "best", "ensemble")  # the folders of a run

_SCRATCH = ".saving"
_LIST = "checkpoint"  # TensorFlow's list, for `tf.train.latest_checkpoint` and the like


class CheckpointFiles:
    """The checkpoints in one folder.

    A kill leaves each of them as it was or as it should become: new files are written beside the
    others and then renamed, the index last; old ones lose their index first. So a checkpoint is
    complete if it has an index.

    Args:
        folder: its path; made by the first `save`.
        keep: the number of checkpoints that a `save` leaves.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self._keep = keep

    def save(
        self,
        step: int,
        write: Callable[[str], object],
        others: Collection[int] | None = None,
    ) -> None:
        """Saves a checkpoint and removes those that are no longer to be kept.

        Where nobody says which others are kept, those of later steps go too. There are some if
        they could not be read and the training goes on from an earlier one.

        Args:
            step: its number.
            write: called with a prefix, writes the checkpoint's files, named after it.
            others: the steps of the others to be kept, or None for the newest `keep` with this one.
        """
        scratch, name = self.folder / _SCRATCH, f"ckpt-{step}"
        self._clean()
        scratch.mkdir(parents=True)
        write(str(scratch / name))
        _remove(self.folder / name)  # its index must not meet the new one's data
        for file in sorted(scratch.glob(f"{name}.*"), key=_is_index):
            file.replace(self.folder / file.name)
        whole = [prefix for prefix in self.prefixes() if is_complete(prefix)]
        if others is None:
            kept = [prefix for prefix in whole if step_of(prefix) <= step][: self._keep]
        else:
            kept = [prefix for prefix in whole if step_of(prefix) in (step, *others)]
        for prefix in self.prefixes():
            if prefix not in kept:
                _remove(prefix)
        self._clean()
        self._list(kept)

    def prefixes(self) -> list[Path]:
        """The paths of all checkpoints without their suffixes, newest first.

        Incomplete ones are among them. The files alone decide: TensorFlow's list may be lost.
        """
        names = {file.name.split(".")[0] for file in self.folder.glob("ckpt-*.*") if _part(file)}
        return sorted((self.folder / name for name in names), key=step_of, reverse=True)

    def steps(self) -> list[int]:
        """The steps of all complete checkpoints, ascending."""
        return sorted(step_of(prefix) for prefix in self.prefixes() if is_complete(prefix))

    def _clean(self) -> None:
        """Removes what a kill during a save has left: here, and in earlier versions' way."""
        for folder in (self.folder / _SCRATCH, *self.folder.glob("ckpt-*_temp")):
            shutil.rmtree(folder, ignore_errors=True)
        for file in self.folder.glob(f"{_LIST}.tmp*"):
            file.unlink(missing_ok=True)

    def _list(self, prefixes: list[Path]) -> None:
        names = [prefix.name for prefix in prefixes]
        lines = [f'model_checkpoint_path: "{names[0]}"\n']
        lines += [f'all_model_checkpoint_paths: "{name}"\n' for name in reversed(names)]
        write_atomically(self.folder / _LIST, "".join(lines))


def saved_step(path: Path) -> int:
    """The step of the newest complete checkpoint of the run at `path`; −1 without one."""
    return max(_last(path).steps(), default=-1)


def checkpoints_in(folder: Path) -> list[Path]:
    """The paths of the complete checkpoints in a folder without their suffixes, newest first."""
    return [prefix for prefix in CheckpointFiles(folder, keep=1).prefixes() if is_complete(prefix)]


def holds_nothing(path: Path) -> bool:
    """Whether the run at `path` ended before its first checkpoint, so that nothing is lost with it.

    It may have left the best checkpoint of step 0, and one that is incomplete.
    """
    last, best = _last(path).prefixes(), CheckpointFiles(path / BEST, keep=1).prefixes()
    return (
        len(last) <= 1
        and not any(map(is_complete, last))
        and all(step_of(prefix) == 0 for prefix in best)
        and not checkpoints_in(path / ENSEMBLE)
        and not any((path / "results").glob("*.json"))
    )


def is_complete(prefix: Path) -> bool:
    """Whether a checkpoint was saved to its end."""
    return prefix.with_name(f"{prefix.name}.index").exists()


def step_of(prefix: Path) -> int:
    """The number of meta-updates before a checkpoint."""
    return int(prefix.name.removeprefix("ckpt-"))


def _last(path: Path) -> CheckpointFiles:
    return CheckpointFiles(path / LAST, keep=1)


def _part(file: Path) -> bool:
    return re.fullmatch(r"ckpt-\d+\.(index|data-.*)", file.name) is not None


def _is_index(file: Path) -> bool:
    return file.suffix == ".index"


def _remove(prefix: Path) -> None:
    files = prefix.parent.glob(f"{prefix.name}.*")
    for file in sorted(filter(_part, files), key=_is_index, reverse=True):
        file.unlink(missing_ok=True)
