"""When flags of evaluations have an effect."""

from __future__ import annotations

from flags.situation import ALWAYS, TRAINED, Rule, beside
from hidra_tf.methods import METHODS

EVALUATION: dict[str, tuple[Rule, ...]] = {
    "eval_only": ALWAYS,
    "eval_ways": ALWAYS,
    "eval_steps": (
        Rule(lambda at: METHODS[at.config.method].steps, "a method with inner steps", "method"),
    ),
    "eval_tasks": ALWAYS,
    "eval_shots": ALWAYS,
    "eval_query_shots": ALWAYS,
    "eval_confusion": ALWAYS,
    "eval_seed": ALWAYS,
    "eval_split": ALWAYS,
    "eval_norm": (
        Rule(
            lambda at: at.eval_only or "compare" in at.given,
            "--eval_only or --compare",
            "eval_only",
        ),
    ),
    "checkpoint": (
        TRAINED,
        Rule(
            lambda at: at.given["checkpoint"] != "ensemble" or at.config.keep_best > 1,
            "--keep_best above 1",
            "keep_best",
        ),
    ),
    "compare": ALWAYS,
    "compare_dir": (beside("compare"),),
}
