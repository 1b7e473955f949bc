"""What a caller asks of a data set: one value, which every data set takes."""

import dataclasses

from data_gen.errors import UserError


@dataclasses.dataclass(frozen=True)
class DataRequest:
    """The pictures that are wanted. A data set uses the fields that mean something for it.

    Attributes:
        data_dir: the folder with the data set's files, or a zip for `folder`; None lets `omniglot`
            and `cub` download their files, and `glyphs` needs none.
        cache_dir: the folder for decoded arrays; None is the default of `data_gen.cache`.
        invert: True for bright strokes on black, False for the published dark strokes on white.
            Photographs stay as they are.
        image_size: the height and width to which pictures are stretched; None is the data set's
            own size.
        channels: 1 for grey pictures, 3 for coloured ones; None is the data set's own number.
        per_class: the number of pictures that a class must have. `folder` leaves out smaller
            classes with one warning.
        split_seed: a number ≥ 0 that chooses which classes of `folder` are in which split, unless
            the folders `train`, `val` and `test` say it.
        skip_damaged: True leaves damaged pictures out with one warning, False refuses them with
            one error that names them.
        divided: False takes all the classes of `folder` as one split, `test`, so that two classes
            are enough. Other data sets have fixed splits; `Splits.all` joins them. `data_gen.load`
            sets this field by its argument `split`.

    Raises:
        UserError: if a picture cannot be of that size or of so many channels.
    """

    data_dir: str | None = None
    cache_dir: str | None = None
    invert: bool = True
    image_size: tuple[int, int] | None = None
    channels: int | None = None
    per_class: int = 1
    split_seed: int = 0
    skip_damaged: bool = False
    divided: bool = True

    def __post_init__(self) -> None:
        if self.image_size is not None and min(self.image_size, default=0) < 1:
            raise UserError(
                f"image_size: expected a height and a width of at least 1 pixel; received "
                f"{self.image_size}"
            )
        if self.channels not in (None, 1, 3):
            raise UserError(f"channels: expected 1 or 3; received {self.channels}")

    def shape(self, image_size: tuple[int, int], channels: int) -> tuple[int, int, int]:
        """Height, width and channels of the pictures, given the data set's own."""
        return (*(self.image_size or image_size), self.channels or channels)
