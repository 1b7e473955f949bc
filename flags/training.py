"""Flags about meta-training."""

from __future__ import annotations

import os

from absl import flags

from flags.defaults import describe
from flags.ranges import define_range
from hidra_tf.options import OPTIMIZERS, SCHEDULES

TITLE = "Training"


class _FolderParser(flags.ArgumentParser):
    """Makes a folder's name absolute, so that it means the same wherever it is read again."""

    syntactic_help = "a folder"

    def parse(self, argument: str) -> str:
        """The absolute name."""
        return os.path.abspath(argument)

    def flag_type(self) -> str:
        """The type's name in help texts."""
        return "folder"


flags.DEFINE_integer("steps", None, f"Meta-updates ({describe('steps')}).", lower_bound=1)
flags.DEFINE_integer(
    "meta_batch", None, f"T, tasks per meta-update ({describe('meta_batch')}).", lower_bound=1
)
flags.DEFINE_float("meta_lr", None, f"β, of the meta-optimizer ({describe('meta_lr')}).")
flags.DEFINE_enum(
    "meta_optimizer",
    None,
    list(OPTIMIZERS),
    "Of the meta-updates (default: adam; reptile sgd, which makes equation 2.3 of it: with adam "
    "its --meta_lr is the data set's).",
)
flags.DEFINE_enum(
    "meta_lr_schedule",
    "constant",
    list(SCHEDULES),
    "β over the meta-updates: cosine to --meta_lr_min, multistep by --gamma at --milestones.",
)
flags.DEFINE_float("meta_lr_min", 0.0, "β at the end of --meta_lr_schedule=cosine.")
define_range(
    "milestones",
    None,
    "Meta-updates of --meta_lr_schedule=multistep, such as 20000,40000.",
    least=1,
    module=__name__,
    digits=7,
)
flags.DEFINE_float("gamma", 0.1, "Factor of β at each of --milestones.")
flags.DEFINE_float(
    "weight_decay", 0.0, "λ, decoupled: each meta-update takes β·λ of the weights (AdamW)."
)
flags.DEFINE_integer("batch_size", 64, "Pictures of an update of finetune.", lower_bound=1)
flags.DEFINE(
    _FolderParser(),
    "pretrained",
    None,
    "Begin with the backbone of another run's best checkpoint: that run's folder.",
    serializer=flags.ArgumentSerializer(),
    module_name=__name__,
)
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
flags.DEFINE_float(
    "checkpoint_minutes",
    10.0,
    "Minutes after which a checkpoint is saved in any case (0: never because of the time).",
    lower_bound=0.0,
)
