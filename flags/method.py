"""Flags about what is learned and how a task is adapted to."""

from __future__ import annotations

from absl import flags

from flags.defaults import FILTERS, describe
from flags.ranges import define_pair
from hidra_tf.methods import METHODS
from hidra_tf.options import (
    BACKBONES,
    HEADS,
    INNER_LOOPS,
    LOSSES,
    NORMS,
    PRECISIONS,
    REDUCTIONS,
    TASK_MAPS,
)

TITLE = "Method"

flags.DEFINE_enum(
    "method",
    "hidra",
    list(METHODS),
    "fomaml: first order; anil: only the head adapts; protonet: nearest class mean, no inner "
    "steps; finetune: a classifier of all training classes, then a new head per task on frozen "
    "features; hypermaml and hyperhidra: a hypernetwork makes the one update of a task, in place "
    "of or on top of a gradient step (more --inner_steps or --eval_steps are gradient steps); "
    "random: no meta-training, only random initial weights.",
)
flags.DEFINE_enum(
    "head",
    None,
    list(HEADS),
    "How the C neurons start out: copies of one master neuron φ, zeros, or neurons of their own "
    "for one C (default: hidra master; maml, fomaml, reptile, anil per_class).",
)
flags.DEFINE_enum(
    "loss",
    "softmax",
    list(LOSSES),
    "softmax over the classes, or sigmoid: each neuron against the rest, where the master matters.",
)
flags.DEFINE_enum(
    "inner_reduction",
    "mean",
    list(REDUCTIONS),
    "Of the support loss: mean over the pictures (the papers'; steps shrink as 1/C), or per_class: "
    "summed over the classes.",
)
flags.DEFINE_integer(
    "inner_steps",
    None,
    f"U, gradient steps per task while training ({describe('inner_steps')}).",
    lower_bound=1,
)
flags.DEFINE_float("inner_lr", None, f"α, of the inner loop ({describe('inner_lr')}).")
flags.DEFINE_bool("first_order", False, "Leave second derivatives out of the meta-gradient.")
flags.DEFINE_integer(
    "second_order_after",
    0,
    "Leave second derivatives out of the first N meta-updates (MAML++).",
    lower_bound=0,
)
flags.DEFINE_integer(
    "multi_step_loss",
    0,
    "Query loss after every inner step, its weights annealed to the last step over the first N "
    "meta-updates (MAML++); 0: the last step's alone.",
    lower_bound=0,
)
flags.DEFINE_bool(
    "learn_inner_lr",
    False,
    "Learn α: a rate for every inner step and weight tensor, from --inner_lr on (MAML++).",
)
flags.DEFINE_enum(
    "norm",
    "transductive",
    list(NORMS),
    "Statistics that normalise the features: of the support and of the query pictures "
    "(transductive), of the support pictures alone (support), none (affine: only γ and β, as "
    "published), or no such layers (none).",
)
flags.DEFINE_bool("adapt_norm", False, "γ and β of the normalisation move in the inner loop too.")
flags.DEFINE_integer(
    "filters",
    None,
    f"Channels of each block of Conv-4 ({describe('filters')}), or of the first of ResNet-12's "
    f"(default {FILTERS}).",
    lower_bound=1,
)
flags.DEFINE_string(
    "backbone",
    "conv4",
    f"{', '.join(BACKBONES)}, or module:function for a function of your own that makes a Keras "
    "model for an image_shape.",
)
flags.DEFINE_float(
    "drop_block", 0.0, "Share of the activations that DropBlock drops in ResNet-12 while training."
)
flags.DEFINE_enum(
    "inner_loop",
    "auto",
    list(INNER_LOOPS),
    "auto: HIDRA's first inner step in closed form, where that is exact; generic: always by "
    "differentiation.",
)
flags.DEFINE_enum(
    "precision",
    "float32",
    list(PRECISIONS),
    "Of the convolutions; weights, statistics, heads, losses and the optimizer are float32.",
)
flags.DEFINE_bool(
    "recompute",
    False,
    "Compute inner steps twice, so that memory holds the activations of one: for many steps or "
    "large pictures.",
)
flags.DEFINE_enum(
    "task_map",
    "auto",
    list(TASK_MAPS),
    "How the tasks of a meta-batch are run where each has weights of its own.",
)
flags.DEFINE_integer(
    "hyper_layers", 3, "Layers of the hypernetwork H_η (hypermaml, hyperhidra).", lower_bound=1
)
flags.DEFINE_integer(
    "hyper_width", 256, "Width of its layers; the paper has 256 or 512.", lower_bound=1
)
flags.DEFINE_bool(
    "enhancement",
    True,
    "The hypernetwork sees more than the embeddings E: hypermaml's the universal predictions Ŷ and "
    "the labels Y, hyperhidra's what the one-step head says.",
)
define_pair(
    "switch",
    "FIRST,LAST: up to meta-update FIRST hypermaml trains with a gradient step of the classifier, "
    "from LAST on with the hypernetwork's update; between them the step's share p of the update "
    "falls from 1 to 0 (default: no gradient step).",
    module=__name__,
)
