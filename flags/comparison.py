"""From flags to a comparison of runs."""

from __future__ import annotations

import hashlib
from pathlib import Path

from absl import flags as absl_flags

from flags import build, effects
from flags.names import LONGEST_NAME
from hidra_tf.runs.place.groups import Group, find_groups

FLAGS = absl_flags.FLAGS

# Flags that a comparison reads; all else is decided by the runs.
_READ = (
    "compare", "compare_dir", "eval_only", "eval_ways", "eval_steps", "eval_tasks", "eval_seed",
    "eval_shots", "eval_query_shots", "eval_norm", "eval_split", "eval_dataset", "eval_data_dir",
    "checkpoint", "data_dir", "cache_dir", "pictures", "skip_damaged", "trust_run", "backbone",
)  # fmt: skip


def groups() -> list[Group]:
    """The runs of `--compare`.

    Raises:
        UserError: if there are no such runs, a flag has no effect, or a run names code that nobody
            asked for.
    """
    reason = "which takes the settings of the runs"
    effects.check_read(build.given_flags(), _READ, "compare", reason)
    found = find_groups(FLAGS.compare)
    for group in found:
        for path in group.paths:
            build.check_trusted_run(path)
    return found


def compare_dir(of: list[Group]) -> Path:
    """`--compare_dir`, else a folder under `runs/` that is named after the runs."""
    if FLAGS.compare_dir:
        return Path(FLAGS.compare_dir)
    names = "-".join(Path(group.name).name.replace("*", "") for group in of)
    whole = ",".join(str(path) for group in of for path in group.paths)
    digest = hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()[:6]
    return build.RUNS / f"compare-{names[: LONGEST_NAME - 16]}-{digest}"
