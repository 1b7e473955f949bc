"""Flags about the tasks."""

from __future__ import annotations

from absl import flags

from flags.defaults import describe
from flags.ranges import define_range

TITLE = "Tasks"

define_range(
    "train_ways",
    "5",
    "C, classes of a training task: 5, or several like 2-10 or 2,5,8, from which one is drawn for "
    "every meta-batch.",
    least=2,
    module=__name__,
)
flags.DEFINE_integer(
    "shots", None, f"K, support pictures per class ({describe('shots')}).", lower_bound=1
)
flags.DEFINE_integer(
    "query_shots",
    None,
    f"Q, query pictures per class ({describe('query_shots')}).",
    lower_bound=1,
)
