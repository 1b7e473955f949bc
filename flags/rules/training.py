"""When flags of meta-training have an effect."""

from __future__ import annotations

from flags.situation import ALWAYS, TRAINED, Rule, Situation
from hidra_tf.methods import METHODS


def _trains_a_head(at: Situation) -> bool:
    """Whether weights beside the backbone's are trained: a head of zeros has none of its own."""
    hypernetwork = "hyper_width" in METHODS[at.config.method].options
    return hypernetwork or at.config.head != "zero"


TRAINING: dict[str, tuple[Rule, ...]] = {
    "steps": (TRAINED,),
    "meta_batch": (TRAINED,),
    "meta_lr": (TRAINED,),
    "meta_optimizer": (TRAINED,),
    "meta_lr_schedule": (TRAINED,),
    "meta_lr_min": (
        TRAINED,
        Rule(
            lambda at: at.config.meta_lr_min < at.config.meta_lr, "a --meta_lr above it", "meta_lr"
        ),
    ),
    "warmup_steps": (TRAINED,),
    "milestones": (
        TRAINED,
        Rule(
            lambda at: max(at.config.milestones, default=0) < at.config.steps,
            "--steps above all of them",
            "steps",
        ),
    ),
    "gamma": (
        TRAINED,
        Rule(lambda at: at.config.milestones, "--milestones", "meta_lr_schedule"),
    ),
    "weight_decay": (TRAINED,),
    "l2": (TRAINED,),
    "momentum": (TRAINED,),
    "nesterov": (TRAINED,),
    "head_lr_factor": (
        TRAINED,
        Rule(_trains_a_head, "a --head that is trained (any but zero)", "head"),
    ),
    "batch_size": (TRAINED,),
    "without_replacement": (TRAINED,),
    "val_classifier": (TRAINED,),
    "pretrained": ALWAYS,
    "class_loss": (TRAINED,),
    "average_weights": (TRAINED,),
    "clip_norm": (TRAINED,),
    "seed": ALWAYS,
    "seeds": (
        Rule(lambda at: not at.eval_only, "a training (--compare evaluates them)", "eval_only"),
        Rule(lambda at: "seed" not in at.given, "no --seed beside it", "seed"),
    ),
    "run_dir": ALWAYS,
    "trust_run": ALWAYS,
    "log_every": (TRAINED,),
    "val_tasks": (TRAINED,),
    "checkpoint_every": (TRAINED,),
    "checkpoint_minutes": (TRAINED,),
    "keep_best": (TRAINED,),
}
