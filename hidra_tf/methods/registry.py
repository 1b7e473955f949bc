"""The table of methods: one line for each; free of TensorFlow."""

from __future__ import annotations

from hidra_tf.adaptation.head_sgd import PUBLISHED
from hidra_tf.methods.entry import Entry

# Settings of `Config` that help where a meta-gradient goes through inner steps.
AIDS = ("multi_step_loss", "learn_inner_lr", "second_order_after")
# Those of them that a method takes whose inner rates are its own.
_SCHEDULED = ("multi_step_loss", "second_order_after")

_RIDGE = ("ridge", "ridge_scale")
_HEAD_SGD = ("head_momentum", "head_dampening", "head_decay", "head_batch")
# A temperature counts where the query loss is what is minimised.
_TEMPERED = ("temperature",)
# MAML++'s γ and β for every step count where steps move the features.
_STEPWISE = (*_TEMPERED, "per_step_norm")
_HYPER = ("hyper_layers", "hyper_width", "enhancement", *_TEMPERED)

# Nothing is imported before it is asked for, so that `--help` needs no TensorFlow.
METHODS = {
    "hidra": Entry("hidra_tf.methods.hidra", "Hidra", head="master", options=_STEPWISE, aids=AIDS),
    "maml": Entry("hidra_tf.methods.maml", "Maml", head="per_class", options=_STEPWISE, aids=AIDS),
    "fomaml": Entry(
        "hidra_tf.methods.fomaml",
        "FirstOrderMaml",
        head="per_class",
        options=_STEPWISE,
        aids=AIDS[:2],
        unused=("first_order",),
    ),
    "reptile": Entry(
        "hidra_tf.methods.reptile",
        "Reptile",
        head="per_class",
        unused=("first_order", "adapt_norm", "clip_norm", "class_loss"),
        optimizer="sgd",
    ),
    "anil": Entry(
        "hidra_tf.methods.anil",
        "Anil",
        head="per_class",
        options=_TEMPERED,
        aids=AIDS,
        unused=("adapt_norm",),
        frozen=True,
    ),
    "boil": Entry(
        "hidra_tf.methods.boil",
        "Boil",
        head="per_class",
        heads=("per_class",),
        options=_STEPWISE,
        aids=_SCHEDULED,
    ),
    "meta_sgd": Entry(
        "hidra_tf.methods.meta_sgd",
        "MetaSgd",
        head="per_class",
        options=_STEPWISE,
        aids=_SCHEDULED,
    ),
    "protonet": Entry(
        "hidra_tf.methods.protonet",
        "ProtoNet",
        options=_TEMPERED,
        unused=("first_order", "adapt_norm"),
        steps=False,
        frozen=True,
    ),
    "finetune": Entry(
        "hidra_tf.methods.finetune",
        "Finetune",
        options=("classes", "val_classifier", *_HEAD_SGD),
        unused=("first_order", "adapt_norm"),
        batches=True,
        frozen=True,
    ),
    "baseline_pp": Entry(
        "hidra_tf.methods.baseline_pp",
        "BaselinePlusPlus",
        options=("classes", "val_classifier", *_HEAD_SGD),
        unused=("first_order", "adapt_norm"),
        batches=True,
        frozen=True,
        head_sgd=PUBLISHED,
    ),
    "hypermaml": Entry(
        "hidra_tf.methods.hypermaml",
        "HyperMaml",
        head="per_class",
        heads=("per_class",),
        options=(*_HYPER, "switch"),
        any_way="hyperhidra",
    ),
    "hyperhidra": Entry(
        "hidra_tf.methods.hyperhidra",
        "HyperHidra",
        head="master",
        heads=("master", "zero"),
        losses=("softmax",),
        options=(*_HYPER, "correction"),
    ),
    "proto_maml": Entry("hidra_tf.methods.proto_maml", "ProtoMaml", options=_STEPWISE, aids=AIDS),
    "anyway": Entry(
        "hidra_tf.methods.anyway", "AnyWay", options=("outputs", "assignments"), aids=AIDS
    ),
    "r2d2": Entry(
        "hidra_tf.methods.r2d2",
        "R2D2",
        options=_RIDGE,
        unused=("first_order", "adapt_norm"),
        steps=False,
        frozen=True,
    ),
    "matching_net": Entry(
        "hidra_tf.methods.matching_net",
        "MatchingNet",
        losses=("softmax",),
        options=("full_context",),
        unused=("first_order", "adapt_norm"),
        steps=False,
        frozen=True,
    ),
    "relation_net": Entry(
        "hidra_tf.methods.relation_net",
        "RelationNet",
        unused=("first_order", "adapt_norm"),
        steps=False,
        frozen=True,
    ),
    "hypershot": Entry(
        "hidra_tf.methods.hypershot",
        "HyperShot",
        head="per_class",
        heads=("per_class",),
        options=("hyper_neck", "hyper_layers", "hyper_width", "target_layers", "target_width"),
        frozen=True,
        unused=("first_order", "adapt_norm"),
        steps=False,
    ),
    # What every training has (steps, meta_batch, meta_lr, …) is not called unused: that nothing is
    # trained is plain, and a comparison gives all its methods the same flags.
    "random": Entry(
        "hidra_tf.methods.random_init", "RandomInit", trains=False, unused=("first_order",)
    ),
}
