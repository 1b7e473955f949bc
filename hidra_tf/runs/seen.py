"""What the network of a run sees of a picture."""

from __future__ import annotations

from data_gen.views import View
from hidra_tf.runs.config import DataSettings


def view_of(config: DataSettings) -> View:
    """What the network sees of a picture in training; in tests, the same without what is random."""
    return View(
        size=None if config.crop_margin == 1 else config.seen_shape[:2],
        random_crop=config.random_crop,
        random_flip=config.random_flip,
        color_jitter=config.color_jitter,
        standardize=config.standardize,
    )
