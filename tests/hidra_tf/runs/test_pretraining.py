"""What a run takes over from another one: all of its backbone, and none of the tested classes."""

import dataclasses
import types
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import data_gen
from data_gen import ImageSize
from data_gen.class_pool import ClassPool, Splits
from data_gen.errors import UserError
from hidra_tf import methods
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.conv4 import conv4
from hidra_tf.backbones.resnet12 import resnet12
from hidra_tf.runs.assembly import load_splits
from hidra_tf.runs.checkpoints.store import Checkpoints
from hidra_tf.runs.config import Config
from hidra_tf.runs.place import folder, identity
from hidra_tf.runs.place.identity import RunData
from hidra_tf.runs.pretraining import check_classes, check_disjoint, check_whole, load_backbone

L = keras.layers
IMAGE = (16, 16, 1)


def method(name, filters=3, norm="support", seed=0, **options):
    backbone = Backbone(conv4((16, 16, 1), filters, norm, seed), norm)
    return methods.build(name, backbone, InnerLoop(1, 0.1), (3,), seed=seed, **options)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run's folder, and the method that was trained there."""
    path = tmp_path_factory.mktemp("run")
    trained = method("finetune", seed=1, classes=5)
    rng = np.random.default_rng(0)
    for variable in trained.variables:
        variable.assign(rng.normal(size=variable.shape))
    Checkpoints(path, trained, None, print).save_if_best(0.5)
    return path, trained


def test_another_method_begins_with_the_backbone_of_the_best_checkpoint(run):
    path, trained = run
    target = method("maml")
    head = target.head.kernel.numpy()
    # Evaluation makes no classifier, and nor does this.
    load_backbone(path, method("finetune"), target, pytest.fail)
    for ours, theirs in zip(target.backbone.variables, trained.backbone.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert np.any(target.backbone.variables[0] != method("maml").backbone.variables[0])
    np.testing.assert_array_equal(target.head.kernel, head)


def test_running_statistics_come_along_where_both_keep_them(tmp_path):
    trained = method("finetune", norm="running", classes=5)
    for i, variable in enumerate(trained.statistics):
        variable.assign(tf.fill(variable.shape, float(i)))
    Checkpoints(tmp_path, trained, None, print).save_if_best(0.5)
    targets = [method("maml", norm=norm) for norm in ("running", "transductive")]
    for target in targets:
        load_backbone(tmp_path, method("finetune", norm="running"), target, pytest.fail)
    assert len(targets[0].statistics) == 8
    for i, variable in enumerate(targets[0].statistics):
        np.testing.assert_array_equal(variable, np.full(3, i))
    assert targets[1].statistics == []


def test_normalisation_of_every_step_begins_with_that_of_the_other_run(run):
    path, trained = run
    target = method("maml", norm="transductive", per_step_norm=True)
    load_backbone(path, method("finetune"), target, pytest.fail)
    places = target.backbone.normaliser_places
    for place, table in zip(places, target.step_norms.tables, strict=True):
        for row in table.numpy():
            np.testing.assert_array_equal(row, trained.backbone.variables[place])


def test_normalisation_that_was_learned_for_every_step_cannot_be_taken_over(tmp_path):
    config = Config(
        dataset="glyphs", method="maml", train_ways=(3,), shots=1, query_shots=1, meta_batch=1,
        steps=1, inner_steps=2, inner_lr=0.1, meta_lr=0.1, filters=4,
    )  # fmt: skip
    check_whole(tmp_path, config)
    with pytest.raises(UserError, match=r"^pretrained: expected a run whose γ and β are"):
        check_whole(tmp_path, dataclasses.replace(config, per_step_norm=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filters": 4}, "block_1/kernel is 3 × 3 × 1 × 3 there and 3 × 3 × 1 × 4 here"),
        ({"norm": "affine"}, "block_1/bias is missing there and 3 here"),
    ],
)
def test_another_backbone_is_refused_in_one_line(run, options, message):
    target = method("maml", **options)
    before = [v.numpy() for v in target.backbone.variables]
    with pytest.raises(UserError, match=f"^pretrained: expected the same backbone .*{message}"):
        load_backbone(run[0], method("finetune"), target, pytest.fail)
    for old, new in zip(before, target.backbone.variables, strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_run_without_a_checkpoint_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"^pretrained: expected a checkpoint in"):
        load_backbone(tmp_path, method("finetune"), method("maml"), pytest.fail)


def functional(seed):
    keras.utils.set_random_seed(seed)
    images = keras.Input(IMAGE)
    first = L.Conv2D(2, 3, padding="same")(images)
    second = L.Conv2D(2, 3, padding="same")(first)
    return keras.Model(images, L.Flatten()(L.Add()([first, second])))


def nested(seed):
    def inner(name):
        pictures = keras.Input(IMAGE)
        hidden = L.Conv2D(2, 3, name="conv")(pictures)
        return keras.Model(pictures, L.Flatten()(hidden), name=name)

    keras.utils.set_random_seed(seed)
    images = keras.Input(IMAGE)
    return keras.Model(images, L.Concatenate()([inner("left")(images), inner("right")(images)]))


@pytest.mark.parametrize(
    ("build", "norm", "count"),
    [
        (lambda seed: conv4(IMAGE, 2, seed=seed), "transductive", 12),
        (lambda seed: resnet12(IMAGE, 1, seed=seed), "transductive", 48),
        (functional, "none", 4),
        (nested, "none", 4),
    ],
    ids=["conv4", "resnet12", "functional", "nested"],
)
def test_every_tensor_of_the_backbone_is_copied(build, norm, count, tmp_path):
    """12 of ResNet-12's 48 were, for their names without the first part are 12."""

    def maml(seed):
        return methods.build("maml", Backbone(build(seed), norm), InnerLoop(1, 0.1), (3,))

    trained, target = maml(1), maml(2)
    rng = np.random.default_rng(0)
    for variable in trained.variables:
        variable.assign(rng.normal(size=variable.shape))
    Checkpoints(tmp_path, trained, None, print).save_if_best(0.5)
    before = [v.numpy() for v in target.backbone.variables]
    load_backbone(tmp_path, maml(3), target, pytest.fail)
    moved = 0
    pairs = zip(target.backbone.variables, trained.backbone.variables, before, strict=True)
    for ours, theirs, old in pairs:
        np.testing.assert_array_equal(ours, theirs)
        moved += np.any(ours.numpy() != old)
    assert moved == count


def test_frozen_weights_that_no_checkpoint_holds_must_be_equal(run):
    def with_frozen(seed):
        keras.utils.set_random_seed(seed)
        images = keras.Input(IMAGE)
        hidden = L.Flatten()(L.Conv2D(2, 3, trainable=False, name="frozen")(images))
        backbone = Backbone(keras.Model(images, L.Dense(2)(hidden)), "none")
        return methods.build("maml", backbone, InnerLoop(1, 0.1), (3,))

    with pytest.raises(UserError, match="frozen/kernel is not trained and has other values there"):
        load_backbone(run[0], with_frozen(1), with_frozen(2), pytest.fail)


def config(**changes):
    fields = {
        "dataset": "omniglot", "method": "hidra", "train_ways": (2,), "shots": 1, "query_shots": 1,
        "meta_batch": 1, "steps": 1, "inner_steps": 1, "inner_lr": 0.1, "meta_lr": 0.1,
        "filters": 4,
    }  # fmt: skip
    return Config(**{**fields, **changes})


def pool(*names):
    return ClassPool(np.zeros((len(names), 16, 16, 1), np.uint8), (1,) * len(names), names)


@pytest.fixture
def drawings(monkeypatch):
    """Data sets of few classes under the names of Omniglot, EMNIST and mini-ImageNet."""
    contents = {
        "omniglot": Splits(pool("Latin/a", "Greek/a"), pool("Greek/b"), pool("Greek/c", "Latin/c")),
        "emnist": Splits(
            ClassPool(np.zeros((0, 16, 16, 1), np.uint8), (), ()), pool("b"), pool("c")
        ),
        "mini_imagenet": Splits(pool("Greek/b"), pool("Greek/c"), pool("Latin/a")),
    }
    modules = {
        name: types.SimpleNamespace(
            IMAGE_SIZE=ImageSize(16, 16),
            CHANNELS=1,
            load=lambda *_, splits=splits, **__: splits,
            locate=lambda *_, **__: None,
        )
        for name, splits in contents.items()
    }
    monkeypatch.setattr(data_gen, "_module", modules.__getitem__)


def check(theirs, ours, path=Path("other"), warn=pytest.fail):
    check_classes(path, theirs, ours, load_splits(ours, None), None, warn)


WITH_VALIDATION = {"train_on_validation": True}
TO_EMNIST = {"eval_dataset": "emnist"}
FROM_OTHERS = {"dataset": "mini_imagenet", "eval_dataset": "omniglot"}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({}, {}),
        ({"rotations": True}, {"rotations": True}),
        ({}, WITH_VALIDATION),
        (WITH_VALIDATION, WITH_VALIDATION),
        ({}, TO_EMNIST),
        (TO_EMNIST, TO_EMNIST),
        ({}, FROM_OTHERS),
        # Classes of another data set are other classes, whatever their names.
        ({"dataset": "mini_imagenet"}, {}),
        # Without a training nothing was trained on.
        ({"method": "random", **TO_EMNIST}, {}),
    ],
)
def test_a_run_of_other_classes_may_be_begun_with(theirs, ours, drawings):
    check(config(**theirs), config(**ours))


@pytest.mark.parametrize(
    ("theirs", "ours", "message"),
    [
        (WITH_VALIDATION, {}, r"this run's validation classes; .* on 1 of 1 \(Greek/b\)"),
        (TO_EMNIST, {}, r"this run's test classes; .* on 1 of 2 \(Greek/c\)"),
        ({**TO_EMNIST, "rotations": True}, WITH_VALIDATION, r"test classes; .* \(Greek/c\)"),
        (WITH_VALIDATION, FROM_OTHERS, r"validation classes; .* \(Greek/b\)"),
        # This run adds validation classes to its training, but of the other data set.
        (
            WITH_VALIDATION,
            {**FROM_OTHERS, **WITH_VALIDATION},
            r"validation classes; .* \(Greek/b\)",
        ),
    ],
)
def test_a_run_that_was_trained_on_held_out_classes_is_refused(theirs, ours, message, drawings):
    with pytest.raises(UserError, match=r"^pretrained: expected a run .*" + message) as caught:
        check(config(**theirs), config(**ours))
    assert "\n" not in str(caught.value)


def test_the_run_that_the_other_run_began_from_is_checked_too(drawings, tmp_path):
    folder.create(tmp_path, config(**TO_EMNIST))
    with pytest.raises(UserError, match=rf"{tmp_path} was trained on 1 of 2 \(Greek/c\)"):
        check(config(pretrained=str(tmp_path)), config())


def test_a_run_that_is_gone_is_named_in_a_warning(drawings, tmp_path):
    warnings = []
    check(config(pretrained=str(tmp_path / "gone")), config(), warn=warnings.append)
    assert len(warnings) == 1
    assert warnings[0].startswith(
        "pretrained: the classes that other began with cannot be checked: expected a run at"
    )


@pytest.fixture
def flowers(tmp_path):
    """Makes folders of 12 classes of pictures."""

    def make(name, prefix="flower"):
        for c in range(12):
            (tmp_path / name / f"{prefix}{c}").mkdir(parents=True)
            for i in range(2):
                Image.new("L", (16, 16), 20 * c + i).save(tmp_path / name / f"{prefix}{c}/{i}.png")
        return {"dataset": "folder", "data_dir": str(tmp_path / name)}

    return make


def checked(theirs, ours, cache):
    ours = config(image_size=ImageSize(16, 16), **ours)
    splits = load_splits(ours, str(cache))
    check_classes(Path("other"), config(**theirs), ours, splits, str(cache), pytest.fail)


def test_folders_are_compared_by_the_splits_that_each_run_makes_of_them(flowers, tmp_path):
    first, cache = flowers("first"), tmp_path / "cache"
    checked(first, first, cache)
    # Another seed deals the same names otherwise.
    with pytest.raises(UserError, match="this run's test classes; other was trained on"):
        checked({**first, "split_seed": 1}, first, cache)
    checked(flowers("second", "tree"), first, cache)
    with pytest.raises(UserError, match="this run's test classes; other was trained on"):
        checked({**flowers("third"), "split_seed": 1}, first, cache)


def test_a_folder_that_was_moved_is_looked_up_where_this_run_has_it(flowers, tmp_path):
    first, cache = flowers("first"), tmp_path / "cache"
    moved = {**first, "data_dir": str(tmp_path / "gone")}
    checked(moved, first, cache)
    with pytest.raises(UserError, match="this run's test classes; other was trained on"):
        checked({**moved, "split_seed": 1}, first, cache)


def test_classes_that_cannot_be_read_are_refused(flowers, tmp_path):
    first = flowers("first")
    across = {**first, "eval_dataset": "folder", "eval_data_dir": str(tmp_path / "gone")}
    with pytest.raises(
        UserError, match=r"^pretrained: the classes that other was trained on cannot be checked: "
    ):
        checked(across, first, tmp_path / "cache")


def test_names_in_one_error_out():
    check_disjoint("other", ["a", "b"], {"test": ["c"], "validation": []})
    with pytest.raises(UserError) as caught:
        check_disjoint("other", list("abcde"), {"test": list("edcbax")})
    assert str(caught.value) == (
        "pretrained: expected a run that was trained on none of this run's test classes; other was "
        "trained on 5 of 6 (a, b, c, …)"
    )


def test_classes_that_the_other_run_wrote_down_count_and_not_those_of_its_folder_now(tmp_path):
    """A class was removed since, and so the folder would be dealt otherwise."""
    noted = Splits(pool("a", "b"), pool("c"), pool("d"))
    identity.write(tmp_path, RunData.of(noted))
    ours = Splits(pool("c", "d"), pool("b"), pool("e"))
    settings = config(dataset="folder", data_dir="/gone")
    with pytest.raises(UserError, match=r"validation classes; .* was trained on 1 of 1 \(b\)"):
        check_classes(tmp_path, settings, settings, ours, None, pytest.fail)
