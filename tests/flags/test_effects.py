"""Flags that were given but have no effect."""

import dataclasses

import pytest
from absl import flags as absl_flags

import data_gen
from data_gen import ImageSize
from data_gen.errors import UserError
from flags import effects, parsing
from flags.defaults import DEFAULTS
from flags.rules import CONCERNS, EFFECTS
from flags.rules.data import TRAINED_WHOLE
from hidra_tf.methods import METHODS, trains, uses
from hidra_tf.runs.config import Config

# Flags of every training; `random` has none, but is compared with the others under their flags.
TRAINING = {
    "steps": 5,
    "meta_lr": 0.5,
    "meta_optimizer": "sgd",
    "weight_decay": 0.1,
    "momentum": 0.9,
    "nesterov": True,
    "l2": 0.1,
    "average_weights": 0.99,
    "clip_norm": 1.0,
    "log_every": 7,
    "val_tasks": 7,
    "train_ways": (3,),
    "rotations": True,
}


def check(method="hidra", dataset="omniglot", beside=None, **given):
    """Checks `given` as flags of a user, and `beside` as settings that nobody gave."""
    fields = {"train_ways": (5,), **DEFAULTS[dataset], **(beside or {}), **given}
    effects.check(Config(**{**fields, "dataset": dataset, "method": method}), given)


@pytest.mark.parametrize(
    ("method", "name", "value"),
    [
        ("hidra", "hyper_width", 64),
        ("maml", "hyper_width", 256),  # the default, but asked for
        ("random", "hyper_layers", 2),
        ("protonet", "enhancement", False),
        ("hidra", "enhancement", True),
        ("protonet", "first_order", True),
        ("fomaml", "first_order", True),
        ("random", "first_order", True),
        ("protonet", "inner_steps", 3),
        ("protonet", "inner_lr", 0.1),
        ("protonet", "inner_reduction", "per_class"),
        ("anil", "adapt_norm", True),
        ("hidra", "batch_size", 16),
        ("random", "batch_size", 16),
        ("finetune", "meta_batch", 4),
        ("finetune", "temperature", 0.5),
        ("random", "temperature", 1.0),
        ("protonet", "head_lr_factor", 10.0),
        ("reptile", "class_loss", 0.3),
        ("baseline_pp", "class_loss", 0.3),
    ],
)
def test_what_a_method_has_no_use_for_is_refused_and_a_method_that_has_is_named(
    method, name, value
):
    other = next(m for m in METHODS if uses(m, name))
    message = rf"^{name}: {method} has no use .*received {value}; .*`method={other}`"
    with pytest.raises(UserError, match=message):
        check(method, **{name: value})
    check(other, **{name: value}, beside={"inner_steps": 2})


@pytest.mark.parametrize(
    ("name", "value", "without", "with_it", "message"),
    [
        ("gamma", 0.3, {}, {"meta_lr_schedule": "multistep", "milestones": (9,)}, "=constant"),
        ("gamma", 0.1, {}, {"meta_lr_schedule": "multistep", "milestones": (9,)}, "=constant"),
        ("multi_step_loss", 9, {"inner_steps": 1}, {"inner_steps": 2}, "inner_steps=1"),
        ("drop_block", 0.1, {}, {"backbone": "resnet12"}, "backbone=conv4"),
        ("drop_block", 0.1, {}, {"backbone": "mine:make"}, "backbone=conv4"),
        ("adapt_norm", True, {"norm": "none"}, {"norm": "affine"}, "norm=none"),
        ("eval_data_dir", "/x", {}, {"eval_dataset": "emnist"}, "dataset=omniglot"),
    ],
)
def test_what_needs_another_setting_is_refused_without_it(name, value, without, with_it, message):
    with pytest.raises(UserError, match=f"^{name}: expected with --.*received {value} .*{message}"):
        check(beside=without, **{name: value})
    check(beside=with_it, **{name: value})


def test_no_picture_that_the_program_draws_is_damaged():
    with pytest.raises(UserError, match=r"^skip_damaged: expected with a data set that has files"):
        check(dataset="glyphs", skip_damaged=True)
    check(dataset="glyphs", beside={"eval_dataset": "emnist"}, skip_damaged=True)
    check(dataset="folder", skip_damaged=True)


@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize(
    ("dataset", "eval_dataset", "drawn"),
    [
        ("omniglot", None, True),
        ("glyphs", None, True),
        ("omniglot", "emnist", True),
        ("omniglot", "cub", True),
        ("cub", "emnist", True),
        ("cub", None, False),
        ("mini_imagenet", "cub", False),
        ("cifar_fs", None, False),
        ("folder", None, False),
    ],
)
def test_only_strokes_are_inverted(dataset, eval_dataset, drawn, value):
    across = {"eval_dataset": eval_dataset}
    if drawn:
        check(dataset=dataset, beside=across, invert=value)
        return
    with pytest.raises(UserError, match=f"^invert: .*received {value} with --dataset={dataset}"):
        check(dataset=dataset, beside=across, invert=value)


def test_hypermaml_differentiates_through_gradient_steps_only():
    with pytest.raises(UserError, match=r"^first_order: .*received True with --method=hypermaml"):
        check("hypermaml", first_order=True)
    check("hypermaml", beside={"switch": (3, 5)}, first_order=True)
    check("hypermaml", beside={"inner_steps": 2}, first_order=True)
    check("hyperhidra", first_order=True)


@pytest.mark.parametrize("method", [name for name in METHODS if trains(name)])
def test_flags_of_every_training_may_be_given_to_every_method(method):
    check(method, **{name: value for name, value in TRAINING.items() if name != "clip_norm"})


@pytest.mark.parametrize("method", [name for name in METHODS if name != "random"])
def test_only_displacements_are_not_clipped(method):
    if method != "reptile":
        check(method, clip_norm=1.0)
        return
    with pytest.raises(UserError, match=r"^clip_norm: reptile has no use for it, received 1.0"):
        check(method, clip_norm=1.0)


# What some flags of a training need beside them.
NEEDS = {
    "momentum": {"meta_optimizer": "sgd"},
    "nesterov": {"meta_optimizer": "sgd", "momentum": 0.9},
}


@pytest.mark.parametrize("name", TRAINING)
def test_what_is_not_trained_takes_no_flags_of_a_training(name):
    with pytest.raises(UserError, match=f"^{name}: expected with a method that is trained"):
        check("random", **{name: TRAINING[name]}, beside=NEEDS.get(name))


def test_a_hypernetwork_beside_a_head_of_zeros_has_a_rate_of_its_own():
    check("hyperhidra", beside={"head": "zero"}, head_lr_factor=10.0)
    with pytest.raises(UserError, match=r"^head_lr_factor: .*received 10.0 with --head=zero"):
        check("maml", beside={"head": "zero"}, head_lr_factor=10.0)


def test_a_random_initialization_adapts_as_the_others_do():
    check("random", inner_steps=3, inner_lr=0.1, inner_reduction="per_class", adapt_norm=True)


def test_a_flag_of_a_preset_can_be_taken_back():
    check("protonet", beside={"inner_steps": 1}, multi_step_loss=0, drop_block=0.0)
    check("protonet", learn_inner_lr=False, first_order=False, adapt_norm=False)


def test_what_nobody_gave_is_not_refused():
    check("protonet", beside={"inner_steps": 3, "hyper_width": 64, "gamma": 0.3, "batch_size": 9})


# For every flag: a value and what it needs to have an effect, then what takes the effect away.
# A flag that always has one, or that `Config` or the registry refuses by itself, has no second.
COSINE = {"meta_lr_schedule": "cosine"}
MULTISTEP = {"meta_lr_schedule": "multistep", "milestones": (9,)}
RANDOM = {"method": "random"}
WALK = {
    "dataset": ("cub", {}, None),
    "data_dir": ("/x", {}, {"dataset": "glyphs"}),
    "eval_dataset": ("cub", {"eval_only": True}, {"eval_only": True, "eval_split": "train"}),
    "eval_data_dir": ("/x", {"eval_dataset": "cub"}, {"eval_dataset": "glyphs"}),
    "image_size": (ImageSize(9, 9), {}, None),
    "channels": (3, {}, None),
    "crop_margin": (1.15, {}, {"image_size": ImageSize(6, 6)}),
    "random_crop": (True, {}, RANDOM),
    "random_flip": (True, {}, RANDOM),
    "color_jitter": (0.4, {}, RANDOM),
    "standardize": ("imagenet", {"dataset": "cub"}, None),
    "cache_dir": ("/x", {}, None),
    "pictures": ("host", {}, None),
    "invert": (False, {}, {"dataset": "cub"}),
    "split_seed": (3, {"dataset": "folder"}, {}),
    "skip_damaged": (True, {}, {"dataset": "glyphs"}),
    "rotations": (True, {}, RANDOM),
    "train_on_validation": (True, {}, {"eval_dataset": "emnist"}),
    "train_ways": ((3,), {}, RANDOM),
    "shots": (2, {}, None),
    "query_shots": (2, {}, None),
    "method": ("maml", {}, None),
    "head": ("zero", {}, None),
    "loss": ("sigmoid", {}, None),
    "temperature": (0.5, {}, {"method": "reptile"}),
    "inner_reduction": ("per_class", {}, {"method": "protonet"}),
    "inner_steps": (2, {}, {"method": "protonet"}),
    "inner_lr": (0.2, {}, {"method": "protonet"}),
    "first_order": (True, {}, {"method": "hypermaml"}),
    "second_order_after": (3, {}, None),
    "multi_step_loss": (3, {"inner_steps": 2}, {}),
    "per_step_norm": (True, {"inner_steps": 2}, {"inner_steps": 1}),
    "learn_inner_lr": (True, {}, None),
    "norm": ("affine", {}, None),
    "adapt_norm": (True, {}, {"norm": "none"}),
    "filters": (8, {}, None),
    "backbone": ("resnet12", {}, None),
    "drop_block": (0.1, {"backbone": "resnet12"}, {}),
    "inner_loop": ("generic", {}, None),
    "precision": ("bfloat16", {}, None),
    "recompute": (True, {}, None),
    "task_map": ("loop", {}, None),
    "head_momentum": (0.9, {"method": "finetune"}, {}),
    "head_dampening": (0.9, {"method": "baseline_pp"}, {"method": "finetune"}),
    "head_decay": (0.1, {"method": "finetune"}, {}),
    "head_batch": (4, {"method": "finetune"}, {}),
    "hyper_layers": (2, {"method": "hypermaml"}, {}),
    "hyper_width": (8, {"method": "hypermaml"}, {}),
    "enhancement": (False, {"method": "hypermaml"}, {}),
    "correction": ("step", {"method": "hyperhidra"}, {"method": "hypermaml"}),
    "outputs": (40, {"method": "anyway"}, {}),
    "assignments": (2, {"method": "anyway"}, {}),
    "ridge": (3.0, {"method": "r2d2"}, {}),
    "ridge_scale": (3.0, {"method": "r2d2"}, {}),
    "hyper_neck": (0, {"method": "hypershot"}, {}),
    "target_layers": (3, {"method": "hypershot"}, {}),
    "target_width": (8, {"method": "hypershot"}, {"method": "hypershot", "target_layers": 1}),
    "full_context": (True, {"method": "matching_net"}, {}),
    "switch": ((3, 9), {"method": "hypermaml"}, {"method": "hypermaml", "steps": 3}),
    "steps": (5, {}, RANDOM),
    "meta_batch": (5, {}, {"method": "finetune"}),
    "meta_lr": (0.5, {}, RANDOM),
    "meta_optimizer": ("sgd", {}, RANDOM),
    "meta_lr_schedule": ("cosine", {}, RANDOM),
    "meta_lr_min": (0.01, {**COSINE, "meta_lr": 0.1}, {**COSINE, "meta_lr": 0.01}),
    "warmup_steps": (3, COSINE, {**RANDOM, **COSINE}),
    "milestones": ((9,), MULTISTEP, {**MULTISTEP, "steps": 9}),
    "gamma": (0.3, MULTISTEP, {}),
    "weight_decay": (0.1, {}, RANDOM),
    "l2": (0.1, {}, RANDOM),
    "momentum": (0.9, {"meta_optimizer": "sgd"}, {**RANDOM, "meta_optimizer": "sgd"}),
    "nesterov": (
        True,
        {"meta_optimizer": "sgd", "momentum": 0.9},
        {**RANDOM, "meta_optimizer": "sgd", "momentum": 0.9},
    ),
    "head_lr_factor": (10.0, {}, {"head": "zero"}),
    "batch_size": (8, {"method": "finetune"}, {}),
    "without_replacement": (True, {"method": "finetune"}, {}),
    "val_classifier": ("nearest_mean", {"method": "finetune"}, {}),
    "pretrained": ("/x", {}, None),
    "class_loss": (0.3, {}, {"method": "finetune"}),
    "average_weights": (0.99, {}, RANDOM),
    "clip_norm": (1.0, {}, RANDOM),
    "seed": (3, {}, None),
    "seeds": ((0, 1), {}, {"eval_only": True}),
    "run_dir": ("/x", {}, None),
    "trust_run": (True, {}, None),
    "log_every": (9, {}, RANDOM),
    "val_tasks": (9, {}, RANDOM),
    "checkpoint_every": (9, {}, RANDOM),
    "checkpoint_minutes": (9.0, {}, RANDOM),
    "keep_best": (5, {}, RANDOM),
    "eval_only": (True, {}, None),
    "eval_norm": ("support", {"eval_only": True}, {}),
    "eval_ways": ((3,), {}, None),
    "eval_steps": ((3,), {}, {"method": "protonet"}),
    "eval_tasks": (9, {}, None),
    "eval_shots": ((1, 2), {}, None),
    "eval_query_shots": (9, {}, None),
    "eval_confusion": (True, {}, None),
    "eval_seed": (9, {}, None),
    "eval_split": ("val", {}, None),
    "checkpoint": ("last", {}, RANDOM),
    "compare": (["/x"], {}, None),
    "compare_dir": ("/x", {"compare": ["/x"]}, {}),
    "adapt": ("/x", {}, None),
    "predict": ("/x", {}, None),
    "initialization": ("omniglot", {"adapt": "/x"}, {"predict": "/x"}),
    "classifier": ("/x", {"predict": "/x"}, {}),
    "save": ("/x", {"adapt": "/x"}, {"predict": "/x"}),
    "output_dir": ("/x", {"predict": "/x"}, {"adapt": "/x"}),
    "unknown_below": (0.5, {"predict": "/x"}, {"adapt": "/x"}),
    "frame": (True, {"adapt": "/x"}, {"predict": "/x"}),
    "app": (True, {}, None),
    "host": ("127.0.0.1", {"app": True}, {}),
    "port": (7860, {"app": True}, {}),
}  # fmt: skip


def our_flags():
    modules = absl_flags.FLAGS.flags_by_module_dict()
    return {flag.name for group in parsing.GROUPS for flag in modules[group.__name__]}


def test_every_flag_is_classified():
    assert set(EFFECTS) == set(WALK) == our_flags()
    assert sum(map(len, CONCERNS)) == len(EFFECTS)  # none of them by two concerns


SETTINGS = {field.name for field in dataclasses.fields(Config)}


def check_flag(name, value, beside):
    """Checks one flag beside settings that nobody gave, and flags of an evaluation."""
    fields = {"train_ways": (5,), "dataset": "omniglot", "method": "hidra", **DEFAULTS["omniglot"]}
    own = {name: value} if name in SETTINGS and not beside.get("eval_only") else {}
    fields |= {k: v for k, v in beside.items() if k in SETTINGS} | own
    flags = {k: v for k, v in beside.items() if k not in SETTINGS}
    effects.check(Config(**fields), {**flags, name: value})


@pytest.mark.parametrize("name", WALK)
def test_a_flag_is_taken_where_it_has_an_effect(name):
    value, beside, _ = WALK[name]
    check_flag(name, value, beside)


@pytest.mark.parametrize(
    "name", [name for name, (_, _, without) in WALK.items() if without is not None]
)
def test_a_flag_is_refused_where_it_has_none(name):
    value, _, without = WALK[name]
    with pytest.raises(UserError, match=f"^{name}: "):
        check_flag(name, value, without)


def test_one_checkpoint_is_no_ensemble():
    check_flag("checkpoint", "ensemble", {"keep_best": 2})
    with pytest.raises(UserError, match=r"^checkpoint: .*--keep_best above 1.*--keep_best=1$"):
        check_flag("checkpoint", "ensemble", {})


def test_a_rule_without_a_case_above_does_not_exist():
    assert {n for n, rules in EFFECTS.items() if rules} <= {
        n for n, (_, _, without) in WALK.items() if without is not None
    }


def test_the_pairs_of_data_sets_that_are_trained_on_whole_are_those_of_data_gen():
    assert set(TRAINED_WHOLE) == set(data_gen._ALL_BUT)


def test_every_setting_that_is_looked_at_exists():
    for entry in METHODS.values():
        assert set(entry.unused) <= SETTINGS
