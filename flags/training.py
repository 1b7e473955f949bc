"""Flags about meta-training and the run's folder."""

from __future__ import annotations

from absl import flags as absl_flags

from flags.defaults import describe
from flags.define import define_folder, define_range, define_setting

TITLE = "Training"

define_setting("steps", f"The number of meta-updates ({describe('steps')}).")
define_setting("meta_batch", f"T, the number of tasks per meta-update ({describe('meta_batch')}).")
define_setting("meta_lr", f"β, the learning rate of the meta-updates ({describe('meta_lr')}).")
define_setting(
    "meta_optimizer",
    "The optimizer of the meta-updates (default: adam; reptile has sgd, which gives equation 2.3 "
    "of its paper: with adam, its --meta_lr is the data set's).",
)
define_setting(
    "meta_lr_schedule",
    "How β changes over the meta-updates: constant does not change it, cosine lowers it to "
    "--meta_lr_min, multistep multiplies it by --gamma at each of --milestones.",
)
define_setting("meta_lr_min", "β at the end of --meta_lr_schedule=cosine.")
define_setting(
    "warmup_steps",
    "The number of meta-updates in which --meta_lr_schedule=cosine raises β in equal steps to "
    "--meta_lr, before it lowers it.",
)
define_setting(
    "milestones",
    "The meta-updates at which --meta_lr_schedule=multistep changes β, such as 20000,40000.",
)
define_setting("gamma", "The factor of β at each of --milestones.")
define_setting(
    "weight_decay",
    "λ, the strength of decoupled weight decay: each meta-update takes β·λ of the weights (AdamW).",
)
define_setting("batch_size", "The number of pictures of an update of finetune or baseline_pp.")
define_setting(
    "l2",
    "λ, the strength of coupled weight decay: λ times the weights is added to the gradient, as the "
    "optimizers of PyTorch do with their weight_decay.",
)
define_setting(
    "momentum",
    "μ, the momentum of --meta_optimizer=sgd as in PyTorch: b ← μ·b + gradient, w ← w − β·b.",
)
define_setting("nesterov", "Take Nesterov's form of --momentum: w ← w − β·(gradient + μ·b).")
define_setting(
    "head_lr_factor",
    "The factor of β for the head, for a hypernetwork, and for the classifier of finetune and "
    "baseline_pp.",
)
define_setting(
    "without_replacement",
    "Draw the pictures of the updates of finetune and baseline_pp without replacement: each once "
    "in an epoch, in an order of that epoch.",
)
define_setting(
    "val_classifier",
    "What solves the tasks of the curves of finetune and baseline_pp, by which the best checkpoint "
    "is chosen: a new head for each task, as in tests, or the nearest class mean of the same "
    "features.",
)
define_folder(
    "pretrained",
    "The folder of another run, whose best checkpoint gives this run's backbone its initial "
    "weights (default: random initial weights).",
)
define_setting(
    "class_loss",
    "λ, the weight of the cross-entropy of a linear classifier of all training classes, on the "
    "features of the tasks' pictures, beside the loss of the tasks; 0 trains no such classifier.",
)
define_setting(
    "average_weights",
    "The decay of moving averages of all trained weights, such as 0.999: the averages are "
    "validated, tested and kept in best/, while the training goes on from the weights themselves; "
    "0 keeps no averages.",
)
define_setting(
    "clip_norm",
    "The norm to which each variable's meta-gradient is clipped; 0 clips nothing. reptile has no "
    "gradients, and what it has instead is not clipped.",
)
define_setting("seed", "The seed of the initial weights and of all tasks.")
define_range(
    "seeds",
    None,
    "Train one run for each of these seeds, such as 0,1,2, and show the mean over them: in folders "
    "seed0, seed1, … of --run_dir, or of runs/<name>-seeds. With --eval_seed, all of them meet the "
    "same test tasks.",
    least=0,
)
absl_flags.DEFINE_string(
    "run_dir",
    None,
    "The run's folder, in which a training writes and which --eval_only reads (default: "
    "runs/<name made from the settings>). Given alone, the run that is there continues with its "
    "own settings; --steps may grow.",
)
absl_flags.DEFINE_bool(
    "trust_run",
    False,
    "Run the code that the folder of --run_dir or --pretrained names as its backbone "
    "(module:function), although the command line does not name it with --backbone.",
)
define_setting(
    "log_every",
    "The number of meta-updates between two measurements of train and validation accuracy.",
)
define_setting("val_tasks", "The number of tasks of each such measurement.")
define_setting("checkpoint_every", "The number of meta-updates between two checkpoints.")
define_setting(
    "checkpoint_minutes",
    "The number of minutes after which a checkpoint is saved in any case; 0 saves none because of "
    "the time.",
)
define_setting(
    "keep_best",
    "The number of checkpoints with the highest validation accuracies that are kept; with 5, "
    "--checkpoint=ensemble evaluates the best five together.",
)
