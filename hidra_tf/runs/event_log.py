"""What a run shows in TensorBoard.

`train/`, `val/` and `test/` hold the same tags, so that their curves share a chart (the HIDRA
paper's Figure 8); the run's own folder holds its configuration and hyperparameters.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from data_gen.errors import printable
from hidra_tf.evaluation.rows import Row
from hidra_tf.runs.config import BOOKKEEPING, Config, show
from hidra_tf.runs.report import markdown


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
        # The columns come in this order: what tells the runs apart comes first.
        first = {"run": printable(self._path.name), "method": fields["method"]}
        rest = {name: value for name, value in fields.items() if name not in BOOKKEEPING}
        compared = first | rest
        with self._writer("").as_default():
            tf.summary.text("configuration", "\n".join(["| setting | value |", "|-|-|", *rows]), 0)
            hparams.hparams_config([hparams.HParam(name) for name in compared], metrics)
            hparams.hparams(compared)
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
            name: of the evaluation: its split, or what `results.name_of` says.
            own: whether it is the run's own table of that split.
            rows: what was found.
            chart: the same as a PNG.
            step: the checkpoint's.
        """
        # Beside curves over steps, an older table could not be told from them and taken away.
        folder = name if own and name not in ("train", "val") else f"evaluations/{name}"
        for old in (self._path / folder).glob("events.*"):
            old.unlink()
        with self._writer(folder).as_default():
            image = tf.io.decode_png(chart, channels=3)[tf.newaxis]
            tf.summary.image("accuracy_by_ways", image, step)
            tf.summary.text("accuracy_by_ways/table", markdown(rows), step)
        self._writer(folder).flush()

    def _writer(self, split: str) -> tf.summary.SummaryWriter:
        if split not in self._writers:
            self._writers[split] = tf.summary.create_file_writer(str(self._path / split))
        return self._writers[split]
