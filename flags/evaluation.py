"""Flags about evaluation."""

from __future__ import annotations

from absl import flags

from flags.ranges import define_range

TITLE = "Evaluation"

flags.DEFINE_bool(
    "eval_only",
    False,
    "Do not train: evaluate the run of --run_dir, or the one that the other flags name.",
)
define_range(
    "eval_ways",
    None,
    "C of the tasks (default 2-10; for a head made for one C, that one).",
    least=2,
    module=__name__,
)
define_range(
    "eval_steps",
    None,
    "Inner steps of the evaluation (default: as in training).",
    least=0,
    module=__name__,
)
flags.DEFINE_integer("eval_tasks", 600, "Tasks at each number of ways.", lower_bound=1)
flags.DEFINE_enum(
    "eval_split",
    "test",
    ["train", "val", "test", "all"],
    "The classes to evaluate on; all takes train, val and test together. With --eval_only, a "
    "folder of two or more classes is then enough.",
)
