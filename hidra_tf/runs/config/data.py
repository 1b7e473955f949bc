"""The settings of a configuration that choose the pictures."""

from __future__ import annotations

from dataclasses import dataclass

from data_gen import DATASETS, PICTURES, STANDARDS, DataRequest, ImageSize, image_shape
from data_gen.errors import UserError
from hidra_tf.runs.config.settings import Settings, anything, number, one_of, whole


@dataclass(frozen=True, kw_only=True)
class DataSettings(Settings):
    """Which pictures a run learns from, and which it is measured on.

    Attributes:
        dataset: the data set to train on, a key of `data_gen.DATASETS`.
        data_dir: the absolute path of the folder with its pictures, or None where the data set
            needs no folder or downloads its pictures.
        eval_dataset: the data set to validate and test on, or None for `dataset` itself.
        eval_data_dir: the absolute path of the folder with the pictures of `eval_dataset`.
        image_size: height and width of what the network sees of a picture, or None for the size
            that the pictures of `dataset` have.
        channels: 1 for grey pictures, 3 for colour, or None for the channels that `dataset` has.
        invert: True turns drawings into bright strokes on a dark ground, False leaves them dark
            on bright, as they were published.
        split_seed: the seed that deals the classes of `folder` to the three splits, unless the
            folder has subfolders for them.
        crop_margin: the height and width of a stored picture, in those of what the network sees,
            which is the middle of the picture unless `random_crop` chooses another part.
        random_crop: whether training pictures are random parts of the stored ones; for this and
            the next three settings, see `data_gen.views.View`.
        random_flip: whether every second training picture is a mirror image.
        color_jitter: how much brightness, contrast and saturation of training pictures vary.
        standardize: the mean and deviation of colours by which all pictures are standardised, one
            of `data_gen.STANDARDS`.
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
    crop_margin: float = number(1.0, least=1, below=10)
    random_crop: bool = False
    random_flip: bool = False
    color_jitter: float = number(0.0, least=0, most=1)
    standardize: str = one_of(STANDARDS, "none")
    rotations: bool = False
    train_on_validation: bool = False
    skip_damaged: bool = False
    pictures: str = one_of(PICTURES, "auto", bookkeeping=True)

    def check(self) -> None:
        """Raises `UserError` where a value cannot be meant."""
        super().check()
        if self.standardize != "none" and self.seen_shape[2] != 3:
            raise UserError(
                f"standardize: expected colour pictures, received {self.standardize} with pictures "
                "of 1 channel; `channels=3` makes them colour"
            )

    @property
    def seen_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of what the network sees of a picture."""
        asked = DataRequest(image_size=self.image_size, channels=self.channels)
        return image_shape(self.dataset, asked)

    @property
    def stored_size(self) -> ImageSize:
        """Height and width of a stored picture."""
        height, width, _ = self.seen_shape
        # Rounded down, as in the published programs: 84 × 1.15 → 96.
        return ImageSize(int(height * self.crop_margin), int(width * self.crop_margin))
