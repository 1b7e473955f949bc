"""Flags about meta-training."""

from __future__ import annotations

from absl import flags

from flags.defaults import describe

TITLE = "Training"

flags.DEFINE_integer("steps", None, f"Meta-updates ({describe('steps')}).", lower_bound=1)
flags.DEFINE_integer(
    "meta_batch", None, f"T, tasks per meta-update ({describe('meta_batch')}).", lower_bound=1
)
flags.DEFINE_float("meta_lr", None, f"β, of Adam ({describe('meta_lr')}).")
flags.DEFINE_float(
    "clip_norm", 10.0, "Clip each variable's meta-gradient to this norm; 0: do not clip."
)
flags.DEFINE_integer("seed", 0, "Of initial weights and of all episodes.")
flags.DEFINE_string(
    "run_dir",
    None,
    "The run's folder: where a training writes and what --eval_only reads (default: "
    "runs/<name made from the settings>).",
)
flags.DEFINE_integer(
    "log_every",
    1000,
    "Meta-updates between two measurements of train and validation accuracy.",
    lower_bound=1,
)
flags.DEFINE_integer("val_tasks", 100, "Tasks of each such measurement.", lower_bound=1)
flags.DEFINE_integer(
    "checkpoint_every", 1000, "Meta-updates between two checkpoints.", lower_bound=1
)
