"""What a run shows in TensorBoard.

`train/`, `val/` and `test/` hold the same tags, so that their curves share a chart (the HIDRA
paper's Figure 8); the run's own folder holds its configuration and hyperparameters.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from data_gen.errors import printable
from hidra_tf.evaluation.rows import Row
from hidra_tf.runs.config import BOOKKEEPING, Config, show
from hidra_tf.runs.place.paths import for_tensorflow
from hidra_tf.runs.records.report import markdown

# TensorBoard sorts the columns of its table of runs by these names, which are not what it shows.
FIRST = {"run": "1_run", "method": "2_method"}


class EventLog:
    """Writes event files under a run's folder; each call is on disk when it returns.

    Args:
        path: the run's folder.
    """

    def __init__(self, path: Path) -> None:
        self._path = for_tensorflow(path)
        self._writers: dict[str, tf.summary.SummaryWriter] = {}

    def configuration(self, config: Config) -> None:
        """The resolved configuration as text, and as hyperparameters to compare runs by."""
        fields = {
            name: value if isinstance(value, int | float) else _encodable(show(value))
            for name, value in dataclasses.asdict(config).items()
        }
        rows = [f"| {name} | `{value}` |" for name, value in fields.items()]
        name = printable(self._path.absolute().name)
        metrics = [
            hparams.Metric("accuracy", group=split, display_name=f"{split} accuracy")
            for split in ("train", "val", "test")
        ]
        rest = {name: v for name, v in fields.items() if name not in (*BOOKKEEPING, "method")}
        compared = {FIRST["run"]: name, FIRST["method"]: config.method, **rest}
        shown = {column: title for title, column in FIRST.items()}
        columns = [hparams.HParam(key, display_name=shown.get(key, key)) for key in compared]
        with self._writer("").as_default():
            tf.summary.text("configuration", "\n".join(["| setting | value |", "|-|-|", *rows]), 0)
            hparams.hparams_config(columns, metrics)
            hparams.hparams(compared, trial_id=f"{name} {_digest(compared)}")
        self._writer("").flush()

    def scalars(self, split: str, step: int, **values: float) -> None:
        """One point for each named curve of a split; a value that is not finite leaves a gap."""
        with self._writer(split).as_default():
            for name, value in values.items():
                if math.isfinite(value):
                    tf.summary.scalar(name, value, step)
        self._writer(split).flush()

    def table(self, name: str, own: bool, rows: Sequence[Row], chart: bytes, step: int) -> None:
        """An evaluation, as a picture and as a table that takes the place of the one before it.

        There are no curves over the number of ways: TensorBoard would smooth them like curves over
        steps, and show accuracies that nobody measured.

        Args:
            name: the name of the evaluation: its split, or what `results.name_of` says.
            own: whether it is the run's own table of that split.
            rows: the rows of the table.
            chart: a PNG of the same.
            step: the meta-updates that the checkpoint has seen.
        """
        # The whole name of an evaluation would make the file's too long.
        suffix = f".{name.rsplit('_', 1)[-1]}"
        # A folder for each would be a row for each in TensorBoard's list.
        folder = name if own and name not in ("train", "val") else "evaluations"
        for old in (self._path / folder).glob("events.*"):
            # In the folder of the run's own table there is nothing but what it replaces.
            if folder == name or old.name.endswith(suffix):
                old.unlink()
        writer = tf.summary.create_file_writer(str(self._path / folder), filename_suffix=suffix)
        with writer.as_default():
            tag = "accuracy_by_ways" if folder == name else f"accuracy_by_ways/{name}"
            image = tf.io.decode_png(chart, channels=3)[tf.newaxis]
            tf.summary.image(tag, image, step)
            tf.summary.text(f"{tag}/table", markdown(rows), step)
        writer.close()

    def _writer(self, split: str) -> tf.summary.SummaryWriter:
        if split not in self._writers:
            self._writers[split] = tf.summary.create_file_writer(str(self._path / split))
        return self._writers[split]


def _digest(values: dict[str, object]) -> str:
    """Tells runs of the same name in different places apart."""
    return hashlib.sha256(repr(sorted(values.items())).encode()).hexdigest()[:6]


def _encodable(text: str) -> str:
    """A text with any bytes of file names spelled out: TensorBoard's files hold UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()
