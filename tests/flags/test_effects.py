"""Flags that were given but have no effect."""

import dataclasses

import pytest

from data_gen.errors import UserError
from flags import effects
from flags.defaults import DEFAULTS
from hidra_tf.methods import METHODS, uses
from hidra_tf.runs.config import Config

# Flags of every training; `random` has none, but is compared with the others under their flags.
TRAINING = {
    "steps": 5,
    "meta_lr": 0.5,
    "meta_optimizer": "sgd",
    "weight_decay": 0.1,
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


@pytest.mark.parametrize("method", METHODS)
def test_flags_of_every_training_may_be_given_to_every_method(method):
    check(method, **TRAINING)


def test_a_random_initialization_adapts_as_the_others_do():
    check("random", inner_steps=3, inner_lr=0.1, inner_reduction="per_class", adapt_norm=True)


def test_a_flag_of_a_preset_can_be_taken_back():
    check("protonet", beside={"inner_steps": 1}, multi_step_loss=0, drop_block=0.0)
    check("protonet", learn_inner_lr=False, first_order=False, adapt_norm=False)


def test_what_nobody_gave_is_not_refused():
    check("protonet", beside={"inner_steps": 3, "hyper_width": 64, "gamma": 0.3, "batch_size": 9})


def test_every_setting_that_is_looked_at_exists():
    fields = {field.name for field in dataclasses.fields(Config)}
    assert set(effects._RULES) <= fields
    for entry in METHODS.values():
        assert set(entry.unused) <= fields
