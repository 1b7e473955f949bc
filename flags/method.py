"""Flags about what is learned and how it adapts to a task."""

from __future__ import annotations

from flags.defaults import FILTERS, describe
from flags.define import define_setting
from hidra_tf.methods import METHODS, head_of, uses
from hidra_tf.options import BACKBONES

TITLE = "Method"


def _heads() -> str:
    """Each kind of head with the methods that have it by themselves."""
    methods: dict[str, list[str]] = {}
    for name in METHODS:
        if head_of(name, None):
            methods.setdefault(head_of(name, None), []).append(name)
    return "; ".join(f"{head} for {', '.join(names)}" for head, names in methods.items())


def _own(field: str) -> str:
    """The values that a field of `HeadSgd` has by itself, each with its method."""
    trained = [name for name in METHODS if uses(name, f"head_{field}")]
    values = [f"{getattr(METHODS[name].head_sgd, field)} for {name}" for name in trained]
    return f"default {'; '.join(values)}"


define_setting(
    "method",
    "The method to train. fomaml is MAML without second derivatives; anil adapts the head alone; "
    "protonet takes the nearest class mean and no inner steps; finetune trains a classifier of "
    "all training classes, then a new head for each task on frozen features; baseline_pp does so "
    "with cosine heads; boil adapts all but the head; meta_sgd learns a rate for every weight, "
    "from --inner_lr; hypermaml and "
    "hyperhidra let a hypernetwork make the one update of a task, in place of a gradient step or "
    "on top of it (further --inner_steps or --eval_steps are gradient steps); proto_maml starts "
    "MAML's steps from class means; anyway assigns classes to some of --outputs neurons at random; "
    "r2d2 solves a ridge regression on frozen features; matching_net attends "
    "to support pictures, relation_net learns to compare classes and queries, hypershot makes a "
    "classifier from the resemblance of the classes; random trains "
    "nothing and adapts from random initial weights.",
    default="hidra",
)
define_setting(
    "head",
    "How the C output neurons start out: as copies of one master neuron φ, as zeros, or with "
    f"weights of their own for one C (default: {_heads()}).",
)
define_setting(
    "loss",
    "The loss of a task: softmax over its classes; sigmoid for each neuron against the rest, "
    "under which the value of the master neuron matters; or mse, the squared error of each "
    "neuron's sigmoid, which relation_net was published with.",
)
define_setting(
    "temperature",
    "What the logits of the queries are divided by before their loss. The support loss, which the "
    "inner loop goes down, has no temperature.",
)
define_setting(
    "inner_reduction",
    "How the support loss is averaged: mean over all pictures as in the papers, so that a step "
    "shrinks as 1/C, or per_class, summed over the classes.",
)
define_setting(
    "inner_steps",
    f"U, the number of gradient steps per task in training ({describe('inner_steps')}).",
)
define_setting("inner_lr", f"α, the learning rate of the inner loop ({describe('inner_lr')}).")
define_setting("first_order", "Leave second derivatives out of the meta-gradient.")
define_setting(
    "second_order_after",
    "Leave second derivatives out of the first N meta-updates (MAML++).",
)
define_setting(
    "multi_step_loss",
    "Let the query loss count after every inner step, with weights that pass to the last step "
    "over the first N meta-updates (MAML++); with 0, only the last step counts.",
)
define_setting(
    "learn_inner_lr",
    "Learn a rate α for every inner step and weight tensor, beginning at --inner_lr (MAML++).",
)
define_setting(
    "per_step_norm",
    "Learn γ and β of the normalisation for every inner step by itself (MAML++).",
)
define_setting(
    "norm",
    "The statistics that normalise the features: those of the support pictures and of the query "
    "pictures for each (transductive), those of the support pictures for both (support), those of "
    "all of them together (joint), running ones that are kept in training (running), no statistics "
    "but only γ and β as published (affine), or no normalisation layers at all (none).",
)
define_setting("adapt_norm", "Let γ and β of the normalisation move in the inner loop too.")
define_setting(
    "filters",
    f"The number of channels of each block of Conv-4 ({describe('filters')}), or of the first "
    f"block of ResNet-12 (default {FILTERS}).",
)
define_setting(
    "backbone",
    f"The network from pictures to features: {', '.join(BACKBONES)}, or module:function for a "
    "function of your own that makes a Keras model for an image_shape.",
)
define_setting(
    "drop_block",
    "The share of the activations that DropBlock drops in ResNet-12 while it is trained.",
)
define_setting(
    "inner_loop",
    "How the inner loop is computed: auto takes HIDRA's first step in closed form where that is "
    "exact, generic always differentiates. No result depends on it.",
)
define_setting(
    "precision",
    "The number format of the convolutions; weights, statistics, heads, losses and the optimizer "
    "are always float32.",
)
define_setting(
    "recompute",
    "Compute inner steps twice, so that memory holds the activations of one step only. It is for "
    "many steps or large pictures.",
)
define_setting(
    "task_map",
    "How the tasks of a meta-batch are computed where each has weights of its own. No result "
    "depends on it.",
)
define_setting(
    "head_momentum",
    "The momentum with which finetune and baseline_pp train a task's new head "
    f"({_own('momentum')}).",
)
define_setting("head_dampening", f"The dampening of that momentum ({_own('dampening')}).")
define_setting("head_decay", f"The weight decay of that training ({_own('decay')}).")
define_setting(
    "head_batch",
    "The number of pictures of that training's minibatches, 0 for the whole support set; "
    f"--inner_steps counts passes over the support set ({_own('batch')}).",
)
define_setting(
    "hyper_layers",
    "The number of layers of the hypernetwork H_η of hypermaml and hyperhidra, and of each head of "
    f"hypershot's ({describe('hyper_layers')}).",
)
define_setting(
    "hyper_width",
    "The width of the hypernetwork's layers; the papers have 256 or 512, and for hypershot 128 or "
    f"512 ({describe('hyper_width')}).",
)
define_setting(
    "hyper_neck", "The number of layers of hypershot's hypernetwork that all of its heads share."
)
define_setting(
    "target_layers", "The number of layers of the classifier that hypershot's hypernetwork makes."
)
define_setting("target_width", "The width of the hidden layers of that classifier.")
define_setting(
    "full_context",
    "Let matching_net see each picture in the context of the task, by LSTMs over the support set.",
)
define_setting(
    "enhancement",
    "Show the hypernetwork more than the embeddings E: to hypermaml the universal predictions Ŷ "
    "and the labels Y, to hyperhidra what the head says after one step. This is on by default.",
)
define_setting(
    "correction",
    "The form in which hyperhidra corrects the first step: midpoint, with bounded factors of the "
    "features and biases in units of the midpoint's, which holds at any number of ways; or step, "
    "in units of the step, which earlier runs have and which dips at a few ways "
    "(default midpoint).",
)
define_setting(
    "outputs",
    "O, the number of output neurons of anyway, and the largest number of ways that it can have.",
)
define_setting(
    "assignments",
    "J, the largest number of disjoint assignments of a task's C classes to the neurons of anyway "
    "(default: O/C rounded down, as many as there can be).",
)
define_setting("ridge", "λ, the penalty with which the ridge regression of r2d2 begins.")
define_setting(
    "ridge_scale", "The factor of the ridge regression's answers with which r2d2 begins."
)
define_setting(
    "switch",
    "FIRST,LAST: up to meta-update FIRST, hypermaml is trained with a gradient step of the "
    "classifier, from LAST on with the hypernetwork's update; between them the gradient step's "
    "share p of the update falls from 1 to 0 (default: no gradient step).",
)
