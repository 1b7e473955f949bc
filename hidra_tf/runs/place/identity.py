"""Which pictures a run is trained, validated and tested on: the file data.json in its folder.

Runs of earlier versions have no such file until their training is continued.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from data_gen import typed_json
from data_gen.class_pool import ClassPool, Splits
from data_gen.errors import UserError
from data_gen.identity import SplitIdentity, difference
from hidra_tf.runs.place.folder import DATA_FILE, write_atomically


@dataclass(frozen=True)
class RunData:
    """What tells the pictures of a run from others, wherever their files are.

    Attributes:
        image_shape: height, width and channels of a picture.
        splits: the identities of `train`, `val` and `test`, as they are used: with the validation
            classes in `train` for `train_on_validation`, and upright even with `rotations`.
        pillow: the version of Pillow that was installed. Others may decode pictures to pixels
            that differ in their last bits.
    """

    image_shape: tuple[int, int, int]
    splits: dict[str, SplitIdentity]
    pillow: str

    @classmethod
    def of(cls, splits: Splits) -> RunData:
        """What the pools of a run hold."""
        identities = {name: SplitIdentity.of(getattr(splits, name)) for name in Splits._fields}
        return cls(splits.train.image_shape, identities, version("pillow"))

    def to_json(self) -> str:
        """The fields as JSON."""
        splits = {name: identity.to_json() for name, identity in self.splits.items()}
        fields = {"image_shape": self.image_shape, "pillow": self.pillow, "splits": splits}
        return json.dumps(fields, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> RunData:
        """The inverse of `to_json`.

        Raises:
            ValueError: if `text` is something else.
        """
        try:
            found = typed_json.parse(cls, text)
        except UserError as error:
            raise ValueError(f"expected the pictures of a run; {error}") from error
        if tuple(found.splits) != Splits._fields:
            raise ValueError(f"expected the splits {', '.join(Splits._fields)}")
        if found.image_shape != found.splits["train"].shape:
            raise ValueError(f"expected the image_shape {[*found.splits['train'].shape]} of train")
        return found


def read(path: Path) -> RunData | None:
    """The pictures of the run at `path`; None for a run of an earlier version.

    Raises:
        UserError: if its data.json is damaged.
    """
    try:
        return RunData.from_json((path / DATA_FILE).read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UserError(
            f"{path / DATA_FILE} is damaged: {error}; without the file, the next training of the "
            "run writes it anew and takes the pictures for the run's"
        ) from error


def trained_names(path: Path) -> tuple[str, ...] | None:
    """The classes that the run at `path` was trained on, upright, as it wrote them down.

    Returns:
        None where the run does not say them: one of an earlier version, or of very many classes.

    Raises:
        UserError: if its data.json is damaged.
    """
    data = read(path)
    counts = None if data is None else data.splits["train"].counts
    return None if counts is None else tuple(counts)


def write(path: Path, data: RunData) -> None:
    """Writes down which pictures the run at `path` has."""
    write_atomically(path / DATA_FILE, data.to_json())


def check_training(path: Path, before: RunData, now: RunData) -> None:
    """Raises `UserError` unless a training goes on with the pictures that it began with.

    Pixels count: the run would no longer be, bit for bit, the one that was never stopped.
    """
    said = {name: difference(before.splits[name], now.splits[name]) for name in before.splits}
    differing = "; ".join(f"{name}: {text}" for name, text in said.items() if text)
    if differing:
        raise UserError(
            f"expected the pictures with which {path} was begun, wherever they lie now; received "
            f"others ({differing}{_pillows(before, now)}); give `data_dir`, or another `run_dir` "
            "for a run with these"
        )


def is_own(path: Path, split: str, pool: ClassPool) -> bool | None:
    """Whether `pool` holds the pictures that a split had in the training of the run at `path`.

    Returns:
        None where the run does not say it: one of an earlier version, or the split `all`.
    """
    data = read(path) if split in Splits._fields else None
    return None if data is None else not difference(data.splits[split], SplitIdentity.of(pool))


def check_evaluation(path: Path, split: str, pool: ClassPool, warn: Callable[[str], None]) -> None:
    """Raises `UserError` unless a split holds the classes that it had in the run's training.

    Other classes may have been trained on.

    Args:
        path: the run's folder.
        split: `train`, `val`, `test`, or `all`, which is never refused.
        pool: its pictures now.
        warn: told if only the pixels differ, or if the run does not say what it had.
    """
    if split not in Splits._fields:
        return
    data = read(path)
    if data is None:
        warn(
            f"{path} is of an earlier version and does not say which pictures it had; whether the "
            f"{split} classes are the same is not checked"
        )
        return
    before, now = data.splits[split], SplitIdentity.of(pool)
    differing = difference(before, now)
    if not differing:
        return
    if (before.names_digest, before.shape) == (now.names_digest, now.shape):
        warn(f"{split} split of {path}: {differing}")
        return
    raise UserError(
        f"expected the {split} split of {path} as it was in training; received another "
        f"({differing}); to evaluate on other pictures, name them with `eval_dataset`, and with "
        "`eval_data_dir` the folder"
    )


def _pillows(before: RunData, now: RunData) -> str:
    if before.pillow == now.pillow:
        return ""
    return f"; they were decoded by Pillow {before.pillow}, and now by {now.pillow}"
