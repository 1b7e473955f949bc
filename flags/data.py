"""Flags about the pictures."""

from __future__ import annotations

from absl import flags

from data_gen import DATASETS, PICTURES, STROKES, ImageSize

TITLE = "Data"


class _ImageSizeParser(flags.ArgumentParser):
    """Parses "84" or "64x96"; ValueError says what is wrong with anything else."""

    syntactic_help = "a number of pixels, or HEIGHTxWIDTH"

    def parse(self, argument: str | ImageSize) -> ImageSize:
        """Height and width."""
        return argument if isinstance(argument, ImageSize) else ImageSize.parse(argument)

    def flag_type(self) -> str:
        """The type's name in help texts."""
        return "image size"


flags.DEFINE_enum(
    "dataset",
    "omniglot",
    list(DATASETS),
    "Data set. glyphs needs no files; folder is any folder or zip with a folder of pictures per "
    "class; emnist is for --eval_dataset only.",
)
flags.DEFINE_string(
    "data_dir",
    None,
    "Folder with the data set's official folders or zips (default: environment variable "
    "DATA_DIR; without either, omniglot and cub are downloaded through TensorFlow Datasets).",
)
flags.DEFINE_enum(
    "eval_dataset",
    None,
    list(DATASETS),
    "Validate and test on the classes of another data set, in the size and with the channels of "
    "--dataset (default: the same data set). omniglot for emnist is trained on all its characters "
    "but the Latin ones. With --eval_only: test a run on it.",
)
flags.DEFINE_string(
    "eval_data_dir",
    None,
    "Folder with the files of --eval_dataset (default: environment variable EVAL_DATA_DIR, else "
    "--data_dir).",
)
flags.DEFINE(
    _ImageSizeParser(),
    "image_size",
    None,
    "Size of the pictures, 84 or 64x96 for height and width; others are resized (default: the "
    "data set's own; folder: 84).",
    serializer=flags.ArgumentSerializer(),
    module_name=__name__,
)
flags.DEFINE_integer(
    "channels",
    None,
    "1 for grey pictures, 3 for colour (default: as the data set has them; folder: 3).",
)
flags.DEFINE_string(
    "cache_dir",
    None,
    "Where decoded pictures are kept (default: environment variable HIDRA_CACHE_DIR, else "
    "~/.cache/hidra_tf).",
)
flags.DEFINE_enum(
    "pictures",
    "auto",
    list(PICTURES),
    "What holds the pictures while the program runs: the device, or the host, which gathers them "
    "ahead of their use (auto: the host if they would take more than half of a GPU's free memory).",
)
flags.DEFINE_bool(
    "invert",
    True,
    "Strokes 1 on 0; --noinvert: 0 on 1, as Omniglot was published. Only for "
    f"{', '.join(STROKES)}.",
)
flags.DEFINE_integer(
    "split_seed",
    0,
    "Chooses the classes for training, validation and tests. Only for folder without train, val "
    "and test.",
    lower_bound=0,
)
flags.DEFINE_bool(
    "skip_damaged",
    False,
    "Leave damaged pictures out, with a warning that counts and names them, instead of refusing "
    "the data set.",
)
flags.DEFINE_bool(
    "rotations",
    False,
    "Training classes turned by 90°, 180° and 270° are classes of their own (MAML's Omniglot).",
)
flags.DEFINE_bool(
    "train_on_validation",
    False,
    "Train on the validation classes too: on Omniglot, the paper's 1200 training classes. Unless "
    "there is an --eval_dataset, the best checkpoint is then chosen on classes that were trained "
    "on.",
)
