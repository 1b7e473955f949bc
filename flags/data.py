"""Flags about the pictures."""

from __future__ import annotations

from absl import flags

from data_gen import DATASETS

TITLE = "Data"

flags.DEFINE_enum("dataset", "omniglot", list(DATASETS), "Data set. glyphs needs no files.")
flags.DEFINE_string(
    "data_dir",
    None,
    "Folder with the data set's official folders or zips (default: environment variable "
    "DATA_DIR; without either, omniglot is downloaded through TensorFlow Datasets).",
)
flags.DEFINE_string(
    "cache_dir",
    None,
    "Where decoded pictures are kept (default: environment variable HIDRA_CACHE_DIR, else "
    "~/.cache/hidra_tf).",
)
flags.DEFINE_bool("invert", True, "Strokes 1 on 0; --noinvert: 0 on 1, as published.")
flags.DEFINE_bool(
    "train_on_validation",
    False,
    "Train on the validation classes too: on Omniglot, the paper's 1200 training classes. The "
    "best checkpoint is then chosen on classes that were trained on.",
)
