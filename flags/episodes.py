"""Flags about the tasks."""

from __future__ import annotations

from flags.defaults import describe
from flags.define import define_setting

TITLE = "Tasks"

define_setting(
    "train_ways",
    "C, the number of classes of a training task: 5, or several like 2-10 or 2,5,8, from which one "
    "is drawn for every meta-batch.",
    default="5",
)
define_setting("shots", f"K, the number of support pictures per class ({describe('shots')}).")
define_setting(
    "query_shots", f"Q, the number of query pictures per class ({describe('query_shots')})."
)
