"""Flags about one's own pictures: classes to learn in a moment, and pictures to be named."""

from __future__ import annotations

from absl import flags as absl_flags

from flags.define import define_folder

TITLE = "Your own pictures"

define_folder(
    "adapt",
    "Learn the classes of this folder, or zip, which has a folder with a few pictures for each "
    "class. Nothing is meta-trained: this takes a moment. --eval_steps and --[no]invert say how "
    "they are learned, --checkpoint and --eval_norm which weights and statistics of a --run_dir.",
)
define_folder(
    "predict",
    "Say which class each picture of this folder, or zip, is of: as a table, a CSV and a contact "
    "sheet. Where the pictures lie in folders named like the classes, the accuracy with its 95 % "
    "interval and a confusion matrix are told too.",
)
absl_flags.DEFINE_string(
    "initialization",
    None,
    "The initialization that comes with the program from which --adapt starts (default: omniglot, "
    "unless --run_dir names a run or --classifier a classifier).",
)
define_folder(
    "classifier",
    "The folder of a classifier that --save has written: to --predict with it, or to --adapt it to "
    "more pictures and further classes.",
)
define_folder("save", "The new folder in which what --adapt has learned is kept, for --classifier.")
define_folder(
    "output_dir",
    "The new or empty folder for what --predict writes (default: predictions/<name of the folder "
    "with the pictures>, with a number behind it where there is one already).",
)
absl_flags.DEFINE_boolean(
    "frame",
    None,
    "Frame drawings: find their strokes, dark or bright, and lay them in the middle of a white "
    "picture, as large as Omniglot's. What is no drawing is resized, as all pictures are with "
    "--noframe (default: as the initialization says; omniglot frames, but for --[no]invert).",
)
absl_flags.DEFINE_float(
    "unknown_below",
    None,
    "Answer unknown where no class has this probability, between 0 and 1 (default: always name the "
    "most probable class).",
    lower_bound=0.0,
    upper_bound=1.0,
)
