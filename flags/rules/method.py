"""When flags of the method, its network and its inner loop have an effect.

What a method has no use for, its registry says.
"""

from __future__ import annotations

from flags.situation import ALWAYS, TRAINED, Rule, Situation
from hidra_tf.methods import METHODS


def _differentiates_steps(at: Situation) -> bool:
    """Whether a gradient step is taken in training: a method with a switch begins without one."""
    entry, config = METHODS[at.config.method], at.config
    gradient_first = "switch" not in entry.options or config.switch is not None
    return gradient_first or config.inner_steps > 1


def _has_momentum(at: Situation) -> bool:
    """Whether a task's new head is trained with momentum, the method's own unless one is asked."""
    asked = at.config.head_momentum
    return bool(METHODS[at.config.method].head_sgd.momentum if asked is None else asked)


METHOD: dict[str, tuple[Rule, ...]] = {
    "method": ALWAYS,
    "head": ALWAYS,
    "loss": ALWAYS,
    "temperature": ALWAYS,
    "inner_reduction": ALWAYS,
    "inner_steps": ALWAYS,
    "inner_lr": ALWAYS,
    "first_order": (Rule(_differentiates_steps, "--switch or --inner_steps above 1", "method"),),
    "second_order_after": ALWAYS,
    "multi_step_loss": (
        Rule(lambda at: at.config.inner_steps > 1, "--inner_steps above 1", "inner_steps"),
    ),
    "learn_inner_lr": ALWAYS,
    "per_step_norm": (
        Rule(lambda at: at.config.inner_steps > 1, "--inner_steps above 1", "inner_steps"),
    ),
    "norm": ALWAYS,
    "adapt_norm": (Rule(lambda at: at.config.norm != "none", "--norm of another kind", "norm"),),
    "filters": ALWAYS,
    "backbone": ALWAYS,
    "drop_block": (
        TRAINED,
        Rule(
            lambda at: not at.config.backbone.startswith("conv4"),
            "--backbone=resnet12 or a function of your own",
            "backbone",
        ),
    ),
    "inner_loop": ALWAYS,
    "precision": ALWAYS,
    "recompute": ALWAYS,
    "task_map": ALWAYS,
    "head_momentum": ALWAYS,
    "head_dampening": (Rule(_has_momentum, "--head_momentum above 0", "head_momentum"),),
    "head_decay": ALWAYS,
    "head_batch": ALWAYS,
    "hyper_layers": ALWAYS,
    "hyper_width": ALWAYS,
    "enhancement": ALWAYS,
    "correction": ALWAYS,
    "outputs": ALWAYS,
    "assignments": ALWAYS,
    "ridge": ALWAYS,
    "ridge_scale": ALWAYS,
    "hyper_neck": ALWAYS,
    "target_layers": ALWAYS,
    "target_width": (
        Rule(lambda at: at.config.target_layers > 1, "--target_layers above 1", "target_layers"),
    ),
    "full_context": ALWAYS,
    "switch": (
        Rule(lambda at: at.config.switch[0] < at.config.steps, "--steps above FIRST", "steps"),
    ),
}
