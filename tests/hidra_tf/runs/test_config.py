"""`Config`: what is accepted, written down and compared."""

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import data_gen
from data_gen import ImageSize
from data_gen.errors import UserError
from hidra_tf.options import ADAPTABLE, INNER_LOOPS
from hidra_tf.runs.config import (
    BOOKKEEPING,
    Config,
    DataSettings,
    EvalRequest,
    MethodSettings,
    TaskSettings,
    TrainingSettings,
    format_ways,
)

FIELDS = {
    "dataset": "glyphs",
    "method": "hidra",
    "train_ways": (2, 3, 4),
    "shots": 1,
    "query_shots": 15,
    "meta_batch": 4,
    "steps": 1000,
    "inner_steps": 1,
    "inner_lr": 0.4,
    "meta_lr": 0.001,
    "filters": 64,
}
# A valid value other than the one above or the default, for every field.
OTHERS = {
    "dataset": "omniglot",
    "method": "random",
    "train_ways": (2, 3, 5),
    "shots": 5,
    "query_shots": 5,
    "meta_batch": 1,
    "steps": 2000,
    "inner_steps": 5,
    "inner_lr": 0.1,
    "meta_lr": 0.01,
    "filters": 32,
    "head": "zero",
    "loss": "sigmoid",
    "temperature": 0.5,
    "inner_reduction": "per_class",
    "backbone": "resnet12",
    "drop_block": 0.1,
    "norm": "none",
    "adapt_norm": True,
    "first_order": True,
    "inner_loop": "generic",
    "task_map": "unrolled",
    "recompute": True,
    "precision": "bfloat16",
    "class_loss": 0.3,
    "average_weights": 0.99,
    "clip_norm": 0.0,
    "seed": 7,
    "invert": False,
    "split_seed": 3,
    "train_on_validation": True,
    "log_every": 10,
    "checkpoint_every": 10,
    "checkpoint_minutes": 0.5,
    "keep_best": 5,
    "val_tasks": 20,
    "data_dir": "/pictures",
    "eval_dataset": "emnist",
    "eval_data_dir": "/others",
    "image_size": ImageSize(20, 30),
    "channels": 3,
    "head_momentum": 0.9,
    "head_dampening": 0.5,
    "head_decay": 0.001,
    "head_batch": 4,
    "hyper_layers": 2,
    "hyper_width": 512,
    "enhancement": False,
    "correction": "midpoint",
    "hyper_neck": 0,
    "target_layers": 3,
    "target_width": 64,
    "full_context": True,
    "switch": (10, 20),
    "outputs": 40,
    "assignments": 2,
    "ridge": 3.0,
    "ridge_scale": 3.0,
    "pictures": "host",
    "batch_size": 16,
    "without_replacement": True,
    "val_classifier": "nearest_mean",
    "pretrained": "/runs/other",
    "rotations": True,
    "meta_optimizer": "sgd",
    "meta_lr_schedule": "cosine",
    "meta_lr_min": 1e-5,
    "warmup_steps": 4,
    "milestones": (10, 20),
    "gamma": 0.3,
    "weight_decay": 0.01,
    "l2": 0.01,
    "momentum": 0.9,
    "nesterov": True,
    "head_lr_factor": 10.0,
    "multi_step_loss": 100,
    "learn_inner_lr": True,
    "per_step_norm": True,
    "second_order_after": 50,
    "skip_damaged": True,
    "crop_margin": 1.15,
    "random_crop": True,
    "random_flip": True,
    "color_jitter": 0.4,
    "standardize": "imagenet",
}
# What a value needs beside it to be meant.
ALONGSIDE = {
    "meta_lr_min": {"meta_lr_schedule": "cosine"},
    "warmup_steps": {"meta_lr_schedule": "cosine"},
    "standardize": {"channels": 3},
    "milestones": {"meta_lr_schedule": "multistep"},
    "switch": {"method": "hypermaml", "train_ways": (5,)},
    "momentum": {"meta_optimizer": "sgd"},
    "nesterov": {"meta_optimizer": "sgd", "momentum": 0.9},
}


def make_config(**changes):
    return Config(**{**FIELDS, **changes})


def test_every_field_is_covered_here():
    assert set(OTHERS) == {field.name for field in dataclasses.fields(Config)}


@pytest.mark.parametrize("name", OTHERS)
def test_every_field_survives_json(name):
    config = make_config(**ALONGSIDE.get(name, {}), **{name: OTHERS[name]})
    assert Config.from_json(config.to_json()) == config
    assert config != make_config()


positive = st.floats(0, exclude_min=True, allow_infinity=False)


@settings(deadline=None, max_examples=30)
@given(
    train_ways=st.sets(st.integers(2, 100), min_size=1).map(lambda w: tuple(sorted(w))),
    inner_lr=positive,
    meta_lr=positive,
    seed=st.integers(),
    data_dir=st.none() | st.text(),
    norm=st.sampled_from(ADAPTABLE),
    inner_loop=st.sampled_from(INNER_LOOPS),
)
def test_any_valid_configuration_survives_json(**fields):
    config = make_config(**fields)
    again = Config.from_json(config.to_json())
    assert again == config
    assert again.to_json() == config.to_json()


def test_json_holds_every_field_by_name():
    fields = json.loads(make_config().to_json())
    assert set(fields) == set(OTHERS)
    assert fields["train_ways"] == [2, 3, 4]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, "^unknown field colour"),
        ({"shots": None}, "^shots: expected a whole number, received null"),
        ({"shots": 5.0}, "^shots: expected a whole number, received 5.0"),
        ({"shots": True}, "^shots: expected a whole number, received true"),
        ({"seed": "0"}, '^seed: expected a whole number, received "0"'),
        ({"first_order": 1}, "^first_order: expected true or false, received 1"),
        ({"train_ways": 5}, "^train_ways: expected a list, received 5"),
        ({"train_ways": [5, "6"]}, r'^train_ways\[1\]: expected a whole number, received "6"'),
        ({"train_ways": []}, "^train_ways: expected .*received none"),
        ({"train_ways": [3, 2]}, "^train_ways: expected .*ascend; received 3,2"),
        ({"image_size": [84]}, "^image_size: expected a list of 2"),
        ({"image_size": [0, 84]}, "^image_size: expected at least 1 .*received 0"),
        ({"switch": [1, 2, 3]}, "^switch: expected a list of 2"),
        ({"milestones": {"a": [{}]}}, "^milestones: expected a list"),
        ({"inner_lr": float("nan")}, "^inner_lr: expected above 0; received nan"),
        ({"steps": 10**400}, "^steps: expected at least 1 and at most 2147483647; received 1000"),
        ({"dataset": ["glyphs"]}, "^dataset: expected text"),
    ],
)
def test_a_field_of_another_type_is_refused_by_name(change, message):
    fields = {**json.loads(make_config().to_json()), **change}
    with pytest.raises(UserError, match=message):
        Config.from_json(json.dumps(fields))


@pytest.mark.parametrize("text", ["{", "[]", "null", "", "7", '{"shots": 1, "shots": 2}'])
def test_what_is_no_configuration_at_all_is_refused(text):
    with pytest.raises(UserError, match=r"expected (JSON|fields by name)"):
        Config.from_json(text)


def test_a_missing_field_is_named():
    fields = json.loads(make_config().to_json())
    del fields["shots"]
    with pytest.raises(UserError, match=r"^missing field shots"):
        Config.from_json(json.dumps(fields))


def test_a_whole_number_is_taken_where_a_number_is_wanted():
    fields = {**json.loads(make_config().to_json()), "meta_lr": 1}
    assert type(Config.from_json(json.dumps(fields)).meta_lr) is float


PARTS = (DataSettings, TaskSettings, MethodSettings, TrainingSettings)


def test_every_field_belongs_to_one_part():
    names = [field.name for part in PARTS for field in dataclasses.fields(part)]
    assert sorted(names) == sorted(OTHERS)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_checks_itself(part):
    own = {f.name: FIELDS[f.name] for f in dataclasses.fields(part) if f.name in FIELDS}
    for name, value in INVALID:
        if name in {field.name for field in dataclasses.fields(part)}:
            with pytest.raises(UserError, match=f"^{name}: expected"):
                part(**{**own, name: value})
    assert part(**own) == part(**own)


def test_whole_numbers_fit_32_bits():
    for name, value in FIELDS.items():
        if type(value) is int:
            with pytest.raises(UserError, match=f"^{name}: .*at most 2147483647"):
                make_config(**{name: 2**31})


@pytest.mark.parametrize("name", [name for name in OTHERS if name not in BOOKKEEPING])
def test_a_difference_is_named_with_both_values(name):
    beside = ALONGSIDE.get(name, {})
    first = {name: (5,)} if name == "milestones" else {}
    config, other = make_config(**beside, **first), make_config(**beside, **{name: OTHERS[name]})
    assert config.differences(other) == {name: (getattr(config, name), OTHERS[name])}


@pytest.mark.parametrize("name", BOOKKEEPING)
def test_bookkeeping_is_no_difference(name):
    assert make_config().differences(make_config(**{name: OTHERS[name]})) == {}


def test_where_a_folder_is_makes_no_difference_for_what_it_holds_is_compared_itself():
    configs = [
        make_config(dataset="folder", eval_dataset="folder", data_dir=d, eval_data_dir=e)
        for d, e in (("/a", "/b"), ("/c", "/d"))
    ]
    assert configs[0].differences(configs[1]) == {}


def test_a_configuration_from_before_there_were_more_data_sets_can_be_read():
    fields = json.loads(make_config().to_json())
    for name in ("eval_dataset", "eval_data_dir", "image_size", "channels", "backbone", "pictures"):
        del fields[name]
    assert Config.from_json(json.dumps(fields)) == make_config()


ENUMS = (
    "standardize",
    "dataset",
    "method",
    "correction",
    "norm",
    "inner_loop",
    "meta_optimizer",
    "meta_lr_schedule",
)
INVALID = [
    *[(name, value) for name in ENUMS for value in ("", "x")],
    *[
        (name, value)
        for name in (
            "shots",
            "query_shots",
            "meta_batch",
            "steps",
            "inner_steps",
            "filters",
            "hyper_layers",
            "hyper_width",
            "log_every",
            "checkpoint_every",
            "val_tasks",
            "batch_size",
        )
        for value in (0, -1)
    ],
    *[
        (name, -1)
        for name in ("multi_step_loss", "second_order_after", "split_seed", "warmup_steps")
    ],
    *[
        (name, value)
        for name in ("meta_lr_min", "weight_decay", "l2", "class_loss")
        for value in (-0.1, float("nan"))
    ],
    *[
        (name, value)
        for name in ("inner_lr", "meta_lr", "gamma", "head_lr_factor", "temperature")
        for value in (0.0, -0.1, float("inf"), float("nan"))
    ],
    ("eval_dataset", "x"),
    ("pictures", "x"),
    *[("backbone", value) for value in ("", "x", "x:", "a-b:c", "a:b:c")],
    *[("momentum", value) for value in (-0.1, 1.0, float("nan"))],
    *[("average_weights", value) for value in (-0.1, 1.0, float("nan"))],
    *[("crop_margin", value) for value in (0.99, 10.0, float("nan"))],
    *[("color_jitter", value) for value in (-0.1, 1.1, float("nan"))],
    *[("drop_block", value) for value in (-0.1, 1.0, float("nan"))],
    *[("channels", value) for value in (0, 2, 4)],
    *[("clip_norm", value) for value in (-0.1, float("inf"), float("nan"))],
    *[("train_ways", ways) for ways in ((1,), (1, 5), (5, 0))],
]


@pytest.mark.parametrize(("name", "value"), INVALID)
def test_an_invalid_value_is_refused_by_name(name, value):
    received = min(value) if name == "train_ways" else value
    with pytest.raises(UserError, match=f"^{name}: expected .*received '?{received}"):
        make_config(**{name: value})


def test_grey_pictures_have_no_colours_to_be_standardised():
    with pytest.raises(UserError, match=r"^standardize: .*received imagenet .*`channels=3`"):
        make_config(standardize="imagenet")
    make_config(standardize="imagenet", channels=3)
    make_config(standardize="imagenet", dataset="cub")


@pytest.mark.parametrize(
    ("dataset", "size", "margin", "stored"),
    [
        ("mini_imagenet", None, 1.15, (96, 96)),  # Chen et al. (2019)
        ("mini_imagenet", None, 1.1, (92, 92)),  # Ye et al. (2020)
        ("glyphs", ImageSize(40, 60), 1.15, (46, 69)),
        ("omniglot", None, 1.0, (28, 28)),
    ],
)
def test_stored_pictures_have_the_margin(dataset, size, margin, stored):
    config = make_config(dataset=dataset, image_size=size, crop_margin=margin)
    assert config.stored_size == stored
    assert config.seen_shape[:2] == (size or data_gen.image_shape(dataset)[:2])


@pytest.mark.parametrize("name", ["dataset", "method", "backbone", "norm", "inner_loop"])
def test_an_unknown_name_is_answered_with_the_known_ones(name):
    with pytest.raises(UserError, match=str(OTHERS[name])):
        make_config(**{name: "x"})


def test_a_backbone_may_be_a_function_of_any_module():
    assert make_config(backbone="a.b_1:make").backbone == "a.b_1:make"


def test_momentum_needs_an_optimizer_that_has_one():
    assert make_config(method="reptile", train_ways=(5,), momentum=0.9).optimizer == "sgd"
    with pytest.raises(UserError, match=r"^momentum: .*`meta_optimizer=sgd`, .* 0.9 with adam$"):
        make_config(momentum=0.9)
    with pytest.raises(UserError, match=r"^nesterov: expected with `momentum` above 0"):
        make_config(meta_optimizer="sgd", nesterov=True)


def test_maml_takes_one_number_of_ways():
    assert make_config(method="maml", train_ways=(5,)).train_ways == (5,)
    with pytest.raises(UserError, match=r"^train_ways: maml .*received 2-4; `method=hidra` takes"):
        make_config(method="maml")
    with pytest.raises(UserError, match=r"^train_ways: hyperm.*2-4; `method=hyperhidra` takes"):
        make_config(method="hypermaml")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"method": "hypermaml", "train_ways": (5,), "head": "master"},
            "^head: expected per_class with hypermaml, received master",
        ),
        (
            {"method": "hypermaml", "train_ways": (5,), "head": "zero"},
            "^head: expected per_class with hypermaml, received zero",
        ),
        (
            {"method": "hyperhidra", "train_ways": (5,), "head": "per_class"},
            "^head: expected master or zero with hyperhidra, received per_class",
        ),
        (
            {"method": "hyperhidra", "loss": "sigmoid"},
            "^loss: expected softmax with hyperhidra, received sigmoid",
        ),
    ],
)
def test_a_head_or_loss_that_a_method_cannot_have_is_refused(changes, message):
    with pytest.raises(UserError, match=message):
        make_config(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "hypermaml", "train_ways": (5,), "head": "per_class", "loss": "sigmoid"},
        {"method": "hyperhidra", "head": "zero"},
        {"method": "maml", "head": "zero", "loss": "sigmoid"},
    ],
)
def test_any_other_head_and_loss_are_taken(changes):
    assert make_config(**changes).head == changes["head"]


def test_only_hypermaml_switches():
    with pytest.raises(UserError, match=r"^switch: hidra has no use .*received 10,20; .*hypermaml"):
        make_config(switch=(10, 20))


@pytest.mark.parametrize("pair", [(10, 10), (20, 10), (-1, 10)])
def test_a_switch_begins_before_it_ends(pair):
    with pytest.raises(UserError, match=f"^switch: expected .*received {pair[0]},{pair[1]}"):
        make_config(**ALONGSIDE["switch"], switch=pair)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"milestones": (3,)}, r"^milestones: .*received 3 and constant"),
        ({"meta_lr_schedule": "multistep"}, r"^milestones: .*received none and multistep"),
        ({"milestones": (5, 3), "meta_lr_schedule": "multistep"}, r"^milestones: .*ascending"),
        ({"milestones": (0, 3), "meta_lr_schedule": "multistep"}, r"^milestones: .*at least 1"),
        ({"class_loss": 0.3, "recompute": True}, "^class_loss: .*`recompute`, received both"),
        ({"class_loss": 0.3, "method": "finetune"}, "^class_loss: finetune has no use .*0.3"),
        ({"warmup_steps": 3}, r"^warmup_steps: .*`meta_lr_schedule=cosine`, received 3"),
        (
            {"warmup_steps": 9, "steps": 9, "meta_lr_schedule": "cosine"},
            r"^warmup_steps: expected fewer than `steps=9`, received 9$",
        ),
        ({"meta_lr_min": 0.1}, r"^meta_lr_min: .*received 0.1 with constant"),
        (
            {"method": "protonet", "multi_step_loss": 5},
            "^multi_step_loss: protonet has no use .*received 5",
        ),
        ({"method": "random", "learn_inner_lr": True}, "^learn_inner_lr: random has no use"),
        ({"second_order_after": 5, "first_order": True}, "^second_order_after: .*both"),
        ({"method": "protonet", "head": "master"}, "^head: protonet has its own"),
        ({"method": "anyway", "head": "master"}, "^head: anyway has its own"),
    ],
)
def test_a_flag_that_would_do_nothing_is_refused(changes, message):
    with pytest.raises(UserError, match=message):
        make_config(**changes)


def test_a_method_without_inner_steps_is_evaluated_after_none():
    assert make_config().own_steps == 1
    assert make_config(method="protonet").own_steps == 0


def test_there_are_neurons_for_all_classes_of_a_training_task():
    ours = make_config(method="anyway", train_ways=(2, 9), outputs=9)
    assert ours.most_ways == 9
    assert make_config(outputs=9).most_ways is None
    message = r"^outputs: expected at least 31, the largest of `train_ways`; received 30$"
    with pytest.raises(UserError, match=message):
        make_config(method="anyway", train_ways=(5, 31))


def test_a_configuration_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_config().shots = 5


@pytest.mark.parametrize("tasks", [0, -1])
def test_an_evaluation_needs_a_task(tasks):
    with pytest.raises(UserError, match=f"^eval_tasks: expected at least 1, received {tasks}"):
        EvalRequest(tasks=tasks)


@pytest.mark.parametrize(
    ("ways", "text"),
    [
        ((5,), "5"),
        ((2, 3), "2,3"),
        ((2, 3, 4), "2-4"),
        ((2, 5, 8), "2,5,8"),
        ((2, 3, 4, 6), "2,3,4,6"),
        ((4, 3, 2), "4,3,2"),
        (range(2, 11), "2-10"),
    ],
)
def test_ways_are_written_as_briefly_as_they_can_be(ways, text):
    assert format_ways(ways) == text
