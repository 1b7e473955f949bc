"""When each flag has an effect: each is classified here, and a test fails for one that is not.

Flags about how something is computed (`inner_loop`, `task_map`, `recompute`, …) are there to be
compared, and so always have an effect. What a method has no use for, its registry says.
"""

from __future__ import annotations

from collections.abc import Callable

from data_gen import STROKES
from flags.situation import Rule, Situation, beside
from hidra_tf.methods import METHODS, trains

# Data sets that are made by the program.
_WITHOUT_FILES = (None, "glyphs")
# For tests on the second, all classes of the first that may be trained on are: see `data_gen`.
TRAINED_WHOLE = (("omniglot", "emnist"),)


def _differentiates_steps(at: Situation) -> bool:
    """Whether a gradient step is taken in training: a method with a switch begins without one."""
    entry, config = METHODS[at.config.method], at.config
    gradient_first = "switch" not in entry.options or config.switch is not None
    return gradient_first or config.inner_steps > 1


def _needs_data_dir(at: Situation) -> bool:
    """Whether a data set needs files that no other flag says the folder of."""
    if at.config.dataset not in _WITHOUT_FILES:
        return True
    return at.eval_dataset not in _WITHOUT_FILES and "eval_data_dir" not in at.given


def _trains_a_head(at: Situation) -> bool:
    """Whether weights beside the backbone's are trained: a head of zeros has none of its own."""
    hypernetwork = "hyper_width" in METHODS[at.config.method].options
    return hypernetwork or at.config.head != "zero"


def _is_identity(name: str) -> Callable[[Situation], object]:
    """Whether a flag names the run by saying what its settings say too."""
    return lambda at: at.given[name] == getattr(at.config, name)


def _has_momentum(at: Situation) -> bool:
    """Whether a task's new head is trained with momentum, the method's own unless one is asked."""
    asked = at.config.head_momentum
    return bool(METHODS[at.config.method].head_sgd.momentum if asked is None else asked)


_ALWAYS: tuple[Rule, ...] = ()
_TRAINED = Rule(
    lambda at: trains(at.config.method), "a method that is trained (any but random)", "method"
)

EFFECTS: dict[str, tuple[Rule, ...]] = {
    # Data
    "dataset": _ALWAYS,
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
    "image_size": _ALWAYS,
    "channels": _ALWAYS,
    "crop_margin": (
        Rule(
            lambda at: (
                at.config.crop_margin == 1 or at.config.stored_size != at.config.seen_shape[:2]
            ),
            "pictures so large that the margin has a pixel",
            "dataset",
        ),
    ),
    "random_crop": (_TRAINED,),
    "random_flip": (_TRAINED,),
    "color_jitter": (_TRAINED,),
    "standardize": _ALWAYS,
    "cache_dir": _ALWAYS,
    "pictures": _ALWAYS,
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
    "rotations": (_TRAINED,),
    "train_on_validation": (
        _TRAINED,
        Rule(
            lambda at: (at.config.dataset, at.config.eval_dataset) not in TRAINED_WHOLE,
            "another --eval_dataset, for which not all classes are trained on anyway",
            "eval_dataset",
        ),
    ),
    # Tasks
    "train_ways": (_TRAINED,),
    "shots": _ALWAYS,
    "query_shots": _ALWAYS,
    # Method
    "method": _ALWAYS,
    "head": _ALWAYS,
    "loss": _ALWAYS,
    "temperature": _ALWAYS,
    "inner_reduction": _ALWAYS,
    "inner_steps": _ALWAYS,
    "inner_lr": _ALWAYS,
    "first_order": (Rule(_differentiates_steps, "--switch or --inner_steps above 1", "method"),),
    "second_order_after": _ALWAYS,
    "multi_step_loss": (
        Rule(lambda at: at.config.inner_steps > 1, "--inner_steps above 1", "inner_steps"),
    ),
    "learn_inner_lr": _ALWAYS,
    "per_step_norm": (
        Rule(lambda at: at.config.inner_steps > 1, "--inner_steps above 1", "inner_steps"),
    ),
    "norm": _ALWAYS,
    "adapt_norm": (Rule(lambda at: at.config.norm != "none", "--norm of another kind", "norm"),),
    "filters": _ALWAYS,
    "backbone": _ALWAYS,
    "drop_block": (
        _TRAINED,
        Rule(
            lambda at: not at.config.backbone.startswith("conv4"),
            "--backbone=resnet12 or a function of your own",
            "backbone",
        ),
    ),
    "inner_loop": _ALWAYS,
    "precision": _ALWAYS,
    "recompute": _ALWAYS,
    "task_map": _ALWAYS,
    "head_momentum": _ALWAYS,
    "head_dampening": (Rule(_has_momentum, "--head_momentum above 0", "head_momentum"),),
    "head_decay": _ALWAYS,
    "head_batch": _ALWAYS,
    "hyper_layers": _ALWAYS,
    "hyper_width": _ALWAYS,
    "enhancement": _ALWAYS,
    "outputs": _ALWAYS,
    "assignments": _ALWAYS,
    "ridge": _ALWAYS,
    "ridge_scale": _ALWAYS,
    "hyper_neck": _ALWAYS,
    "target_layers": _ALWAYS,
    "target_width": (
        Rule(lambda at: at.config.target_layers > 1, "--target_layers above 1", "target_layers"),
    ),
    "full_context": _ALWAYS,
    "switch": (
        Rule(lambda at: at.config.switch[0] < at.config.steps, "--steps above FIRST", "steps"),
    ),
    # Training
    "steps": (_TRAINED,),
    "meta_batch": (_TRAINED,),
    "meta_lr": (_TRAINED,),
    "meta_optimizer": (_TRAINED,),
    "meta_lr_schedule": (_TRAINED,),
    "meta_lr_min": (
        _TRAINED,
        Rule(
            lambda at: at.config.meta_lr_min < at.config.meta_lr, "a --meta_lr above it", "meta_lr"
        ),
    ),
    "warmup_steps": (_TRAINED,),
    "milestones": (
        _TRAINED,
        Rule(
            lambda at: max(at.config.milestones, default=0) < at.config.steps,
            "--steps above all of them",
            "steps",
        ),
    ),
    "gamma": (
        _TRAINED,
        Rule(lambda at: at.config.milestones, "--milestones", "meta_lr_schedule"),
    ),
    "weight_decay": (_TRAINED,),
    "l2": (_TRAINED,),
    "momentum": (_TRAINED,),
    "nesterov": (_TRAINED,),
    "head_lr_factor": (
        _TRAINED,
        Rule(_trains_a_head, "a --head that is trained (any but zero)", "head"),
    ),
    "batch_size": (_TRAINED,),
    "without_replacement": (_TRAINED,),
    "val_classifier": (_TRAINED,),
    "pretrained": _ALWAYS,
    "class_loss": (_TRAINED,),
    "average_weights": (_TRAINED,),
    "clip_norm": (_TRAINED,),
    "seed": _ALWAYS,
    "seeds": (
        Rule(lambda at: not at.eval_only, "a training (--compare evaluates them)", "eval_only"),
        Rule(lambda at: "seed" not in at.given, "no --seed beside it", "seed"),
    ),
    "run_dir": _ALWAYS,
    "trust_run": _ALWAYS,
    "log_every": (_TRAINED,),
    "val_tasks": (_TRAINED,),
    "checkpoint_every": (_TRAINED,),
    "checkpoint_minutes": (_TRAINED,),
    "keep_best": (_TRAINED,),
    # Evaluation
    "eval_only": _ALWAYS,
    "eval_ways": _ALWAYS,
    "eval_steps": (
        Rule(lambda at: METHODS[at.config.method].steps, "a method with inner steps", "method"),
    ),
    "eval_tasks": _ALWAYS,
    "eval_shots": _ALWAYS,
    "eval_query_shots": _ALWAYS,
    "eval_confusion": _ALWAYS,
    "eval_seed": _ALWAYS,
    "eval_split": _ALWAYS,
    "eval_norm": (
        Rule(
            lambda at: at.eval_only or "compare" in at.given,
            "--eval_only or --compare",
            "eval_only",
        ),
    ),
    "checkpoint": (
        _TRAINED,
        Rule(
            lambda at: at.given["checkpoint"] != "ensemble" or at.config.keep_best > 1,
            "--keep_best above 1",
            "keep_best",
        ),
    ),
    "compare": _ALWAYS,
    "compare_dir": (beside("compare"),),
    # Your own pictures; `flags.answers` says what goes together.
    "adapt": _ALWAYS,
    "predict": _ALWAYS,
    "initialization": (beside("adapt", "app"),),
    "classifier": (beside("predict", "adapt"),),
    "save": (beside("adapt"),),
    "output_dir": (beside("predict"),),
    "unknown_below": (beside("predict", "save"),),
    # The page; `flags.page` says what goes together.
    "app": _ALWAYS,
    "host": (beside("app"),),
    "port": (beside("app"),),
}
