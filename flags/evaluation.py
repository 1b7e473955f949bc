"""Flags about evaluation."""

from __future__ import annotations

from absl import flags as absl_flags

from data_gen import Splits
from flags.define import define_folder, define_range
from hidra_tf.options import BY_STATISTICS
from hidra_tf.runs.config import LARGEST

TITLE = "Evaluation"

absl_flags.DEFINE_bool(
    "eval_only",
    False,
    "Train nothing: evaluate the run of --run_dir, or the one that the other flags describe.",
)
define_range(
    "eval_ways",
    None,
    "C, the numbers of classes of the tasks (default 2-10; for a head made for one C, that one).",
    least=2,
)
define_range(
    "eval_steps",
    None,
    "The numbers of inner steps after which accuracy is measured (default: as many as in "
    "training).",
    least=0,
)
absl_flags.DEFINE_integer(
    "eval_tasks",
    600,
    "The number of tasks at each number of ways.",
    lower_bound=1,
    upper_bound=LARGEST,
)
define_range(
    "eval_shots",
    None,
    "K, the support pictures per class, whatever the run was trained with (default: as many as in "
    "training). Of several, such as 1-10, one is drawn for every class of every task; each class "
    "weighs the same.",
    least=1,
)
absl_flags.DEFINE_integer(
    "eval_query_shots",
    None,
    "Q, the query pictures per class (default: as many as in training).",
    lower_bound=1,
    upper_bound=LARGEST,
)
absl_flags.DEFINE_bool(
    "eval_confusion",
    False,
    "Also keep the accuracy of every single class, and which class was taken for which, as CSV and "
    "as a picture beside the results.",
)
absl_flags.DEFINE_integer(
    "eval_seed",
    None,
    "The seed of the tasks, with which runs of different --seed meet the same ones (default: the "
    "run's --seed; with --compare, that of the first run).",
)
absl_flags.DEFINE_enum(
    "eval_split",
    "test",
    [*Splits._fields, "all"],
    "The classes to evaluate on: those of training, of validation or of tests; all takes the three "
    "together, of another data set than the run was trained on. With --eval_only, a folder of two "
    "or more classes is then enough.",
)
absl_flags.DEFINE_enum(
    "eval_norm",
    None,
    list(BY_STATISTICS),
    "With --eval_only or --compare, the statistics that normalise the features, where they are to "
    "be others than the run's --norm: a run that was trained with running ones may be tested with "
    "those of the queries too.",
)
absl_flags.DEFINE_string(
    "checkpoint",
    None,
    "The weights to evaluate: best (by validation accuracy), last, ensemble (the best ones that "
    "--keep_best has kept: each adapts to a task by itself, and their logits are averaged), or "
    "with --eval_only the step of a checkpoint that is kept (default: best; last where best was "
    "chosen on classes that were trained on, that is with --train_on_validation and without "
    "--eval_dataset).",
)
absl_flags.DEFINE_list(
    "compare",
    None,
    "The folders of runs to evaluate on the same tasks and to compare with the first of them, such "
    "as runs/A,runs/B. Runs that differ in nothing but the seed count as one: name the folder that "
    "holds them, or a pattern such as 'runs/A*'.",
)
define_folder(
    "compare_dir",
    "The folder for the table (compare.csv) and the chart (compare.png) of --compare (default: "
    "runs/compare-<names of the runs>).",
)
