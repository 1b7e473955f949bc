"""The settings of a configuration that choose the pictures."""

from __future__ import annotations

from dataclasses import dataclass

from data_gen import DATASETS, PICTURES, ImageSize
from hidra_tf.runs.config.settings import Settings, anything, one_of, whole


@dataclass(frozen=True, kw_only=True)
class DataSettings(Settings):
    """Which pictures a run learns from, and which it is measured on.

    Attributes:
        dataset: the data set to train on, a key of `data_gen.DATASETS`.
        data_dir: the absolute path of the folder with its pictures, or None where the data set
            needs no folder or downloads its pictures.
        eval_dataset: the data set to validate and test on, or None for `dataset` itself.
        eval_data_dir: the absolute path of the folder with the pictures of `eval_dataset`.
        image_size: the pictures' height and width, or None for the size that `dataset` has.
        channels: 1 for grey pictures, 3 for colour, or None for the channels that `dataset` has.
        invert: True turns drawings into bright strokes on a dark ground, False leaves them dark
            on bright, as they were published.
        split_seed: the seed that deals the classes of `folder` to the three splits, unless the
            folder has subfolders for them.
        rotations: whether training classes turned by 90°, 180° and 270° are classes of their own.
        train_on_validation: whether the training split also holds the validation classes.
        skip_damaged: whether damaged pictures are left out, with a warning, instead of refused.
        pictures: the place that holds the pictures during the run; see `data_gen.sources`.
    """

    dataset: str = one_of(DATASETS)
    data_dir: str | None = anything(None, bookkeeping=True)
    eval_dataset: str | None = one_of(DATASETS, None)
    eval_data_dir: str | None = anything(None, bookkeeping=True)
    image_size: ImageSize | None = whole(None, least=1, most=9999)  # noqa: RUF009
    channels: int | None = one_of((1, 3), None)
    invert: bool = True
    split_seed: int = whole(0, least=0)
    rotations: bool = False
    train_on_validation: bool = False
    skip_damaged: bool = False
    pictures: str = one_of(PICTURES, "auto", bookkeeping=True)
