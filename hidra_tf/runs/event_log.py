"""What a run shows in TensorBoard.

`train/`, `val/` and `test/` hold the same tags, so that their curves share a chart (the HIDRA
paper's Figure 8); the run's own folder holds its configuration and hyperparameters.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from hidra_tf.evaluation.rows import Row
from hidra_tf.runs.config import BOOKKEEPING, Config, show


class EventLog:
    """Writes event files under a run's folder; each call is on disk when it returns.

    Args:
        path: the run's folder.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writers: dict[str, tf.summary.SummaryWriter] = {}

    def configuration(self, config: Config) -> None:
        """The resolved configuration as text, and as hyperparameters to compare runs by."""
        fields = {
            name: value if isinstance(value, int | float) else show(value)
            for name, value in dataclasses.asdict(config).items()
        }
        rows = [f"| {name} | `{value}` |" for name, value in fields.items()]
        metrics = [
            hparams.Metric("accuracy", group=split, display_name=f"{split} accuracy")
            for split in ("train", "val", "test")
        ]
        compared = {name: v for name, v in fields.items() if name not in BOOKKEEPING}
        with self._writer("").as_default():
            tf.summary.text("configuration", "\n".join(["| setting | value |", "|-|-|", *rows]), 0)
            hparams.hparams_config([hparams.HParam(name) for name in compared], metrics)
            hparams.hparams(compared)
        self._writer("").flush()

    def scalars(self, split: str, step: int, **values: float) -> None:
        """One point for each named curve of a split."""
        with self._writer(split).as_default():
            for name, value in values.items():
                tf.summary.scalar(name, value, step)
        self._writer(split).flush()

    def any_way_table(self, split: str, rows: Sequence[Row], chart: bytes, step: int) -> None:
        """Accuracy over ways: as curves whose horizontal axis is the number of ways, and drawn.

        The method's own metrics are curves of that kind too. It takes the place of the table that
        was there before.
        """
        # Beside curves over steps, an older table could not be told from them and taken away.
        folder = f"{split}/by_ways" if split in ("train", "val") else split
        for old in (self._path / folder).glob("events.*"):
            old.unlink()
        with self._writer(folder).as_default():
            for row in rows:
                tf.summary.scalar(f"accuracy_by_ways/{row.steps}_steps", row.accuracy, row.ways)
                for name, value in row.metrics.items():
                    tf.summary.scalar(f"{name}_by_ways/{row.steps}_steps", value["mean"], row.ways)
            image = tf.io.decode_png(chart, channels=3)[tf.newaxis]
            tf.summary.image("accuracy_by_ways", image, step)
        self._writer(folder).flush()

    def _writer(self, split: str) -> tf.summary.SummaryWriter:
        if split not in self._writers:
            self._writers[split] = tf.summary.create_file_writer(str(self._path / split))
        return self._writers[split]
