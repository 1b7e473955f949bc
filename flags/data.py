"""Flags about the pictures."""

from __future__ import annotations

from absl import flags as absl_flags

from data_gen import STROKES
from flags.define import define_setting

TITLE = "Data"

define_setting(
    "dataset",
    "The data set to train on. glyphs are drawn by the program and need no files; folder is any "
    "folder or zip with a folder of pictures per class; emnist can only be tested on, with "
    "--eval_dataset.",
    default="omniglot",
)
define_setting(
    "data_dir",
    "The folder with the data set's official folders or zips (default: the folder that an existing "
    "run was trained with, else environment variable DATA_DIR; without either, omniglot and cub "
    "are downloaded through TensorFlow Datasets).",
)
define_setting(
    "eval_dataset",
    "Another data set, whose classes the run is validated and tested on, in the size and with the "
    "channels of --dataset (default: the same data set). Training for tests on emnist takes all "
    "characters of omniglot but the Latin ones. With --eval_only, an existing run is tested on it.",
)
define_setting(
    "eval_data_dir",
    "The folder with the files of --eval_dataset (default: environment variable EVAL_DATA_DIR, "
    "else --data_dir).",
)
define_setting(
    "image_size",
    "The size to which all pictures are resized: 84, or 64x96 for height and width (default: the "
    "data set's own size; folder: 84).",
)
define_setting(
    "channels",
    "1 makes all pictures grey, 3 makes them colour (default: the data set's own channels; "
    "folder: 3).",
)
define_setting(
    "crop_margin",
    "Store pictures this many times as high and wide as what the network sees, which is their "
    "middle: 1.15 in the program of Chen et al. (84 of 96 pixels), 1.1 in those of Ye et al. (84 "
    "of 92). 1 shows whole pictures.",
)
define_setting(
    "random_crop",
    "Show a random part of every training picture, resized: 8 to 100 % of its area, with a ratio "
    "of width to height of 3:4 to 4:3.",
)
define_setting("random_flip", "Mirror every second training picture, at random.")
define_setting(
    "color_jitter",
    "Multiply brightness, contrast and saturation of every training picture by random factors of "
    "1 ± this number; 0.4 in published programs, 0 for pictures as they are.",
)
define_setting(
    "standardize",
    "Standardise the colours of all pictures by mean and deviation of this data set: imagenet, or "
    "mini_imagenet as programs with a ResNet-12 do. none leaves them between 0 and 1.",
)
absl_flags.DEFINE_string(
    "cache_dir",
    None,
    "The folder that keeps decoded pictures for later runs (default: environment variable "
    "HIDRA_CACHE_DIR, else ~/.cache/hidra_tf).",
)
define_setting(
    "pictures",
    "The memory that holds the pictures during a run: the device's, or the host's, which gathers "
    "them ahead of their use. auto takes the host's if the pictures would fill more than half of "
    "a GPU's free memory.",
)
define_setting(
    "invert",
    "Show drawings as bright strokes on a dark ground, which is the default; --noinvert shows dark "
    "strokes on a bright ground, as Omniglot was published. This is only for "
    f"{', '.join(STROKES)}.",
)
define_setting(
    "split_seed",
    "The seed that deals classes to training, validation and tests. This is only for a folder "
    "without subfolders train, val and test.",
)
define_setting(
    "skip_damaged",
    "Leave damaged pictures out, with a warning that counts and names them, instead of refusing "
    "the data set.",
)
define_setting(
    "rotations",
    "Make classes of their own from the training classes turned by 90°, 180° and 270°, as MAML "
    "did with Omniglot.",
)
define_setting(
    "train_on_validation",
    "Train on the validation classes too, which makes the paper's 1200 training classes of "
    "Omniglot. The best checkpoint is then chosen on classes that were trained on, unless there "
    "is an --eval_dataset.",
)
