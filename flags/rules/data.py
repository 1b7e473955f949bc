"""When flags of pictures and of tasks have an effect."""

from __future__ import annotations

from collections.abc import Callable

from data_gen import STROKES
from flags.situation import ALWAYS, TRAINED, Rule, Situation

# Data sets that are made by the program.
_WITHOUT_FILES = (None, "glyphs")
# For tests on the second, all classes of the first that may be trained on are: see `data_gen`.
TRAINED_WHOLE = (("omniglot", "emnist"),)


def _needs_data_dir(at: Situation) -> bool:
    """Whether a data set needs files that no other flag says the folder of."""
    if at.config.dataset not in _WITHOUT_FILES:
        return True
    return at.eval_dataset not in _WITHOUT_FILES and "eval_data_dir" not in at.given


def _is_identity(name: str) -> Callable[[Situation], object]:
    """Whether a flag names the run by saying what its settings say too."""
    return lambda at: at.given[name] == getattr(at.config, name)


DATA: dict[str, tuple[Rule, ...]] = {
    "dataset": ALWAYS,
    "data_dir": (Rule(_needs_data_dir, "a data set that has files", "dataset"),),
    "eval_dataset": (
        Rule(
            lambda at: at.tests_elsewhere or _is_identity("eval_dataset")(at),
            "--eval_split=val or test",
            "eval_split",
        ),
    ),
    "eval_data_dir": (
        Rule(lambda at: at.eval_dataset not in _WITHOUT_FILES, "--eval_dataset", "dataset"),
        Rule(lambda at: at.tests_elsewhere, "--eval_split=val or test", "eval_split"),
    ),
    "image_size": ALWAYS,
    "channels": ALWAYS,
    "crop_margin": (
        Rule(
            lambda at: (
                at.config.crop_margin == 1 or at.config.stored_size != at.config.seen_shape[:2]
            ),
            "pictures so large that the margin has a pixel",
            "dataset",
        ),
    ),
    "random_crop": (TRAINED,),
    "random_flip": (TRAINED,),
    "color_jitter": (TRAINED,),
    "standardize": ALWAYS,
    "cache_dir": ALWAYS,
    "pictures": ALWAYS,
    "invert": (
        Rule(
            lambda at: {at.config.dataset, at.eval_dataset}.intersection(STROKES),
            f"drawings ({', '.join(STROKES)})",
            "dataset",
        ),
    ),
    "split_seed": (
        Rule(
            lambda at: "folder" in (at.config.dataset, at.eval_dataset),
            "--dataset=folder or --eval_dataset=folder",
            "dataset",
        ),
    ),
    "skip_damaged": (
        Rule(
            lambda at: {at.config.dataset, at.eval_dataset}.difference(_WITHOUT_FILES),
            "a data set that has files",
            "dataset",
        ),
    ),
    "rotations": (TRAINED,),
    "train_on_validation": (
        TRAINED,
        Rule(
            lambda at: (at.config.dataset, at.config.eval_dataset) not in TRAINED_WHOLE,
            "another --eval_dataset, for which not all classes are trained on anyway",
            "eval_dataset",
        ),
    ),
}

TASKS: dict[str, tuple[Rule, ...]] = {
    "train_ways": (TRAINED,),
    "shots": ALWAYS,
    "query_shots": ALWAYS,
}
