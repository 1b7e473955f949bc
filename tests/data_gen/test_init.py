"""`data_gen.load`: finds data sets by name, lazily."""

import dataclasses
import importlib
import inspect
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import data_gen
from data_gen import ClassPool, DataRequest, Splits, UserError

REPOSITORY = Path(__file__).resolve().parents[2]


def pool(*names):
    return ClassPool(np.full((len(names), 2, 3, 1), 7, np.uint8), (1,) * len(names), names)


@pytest.fixture
def register(monkeypatch):
    """Registers a data set that remembers how it was loaded; returns its module."""

    def make(name, splits):
        module = types.ModuleType(f"{name}_dataset")
        module.calls = []

        def load(request):
            module.calls.append(request)
            return splits

        module.load = load
        module.locate = lambda data_dir: module.located.append(data_dir)
        module.located = []
        module.IMAGE_SIZE, module.CHANNELS = (2, 3), 1
        monkeypatch.setitem(sys.modules, f"{name}_dataset", module)
        monkeypatch.setitem(data_gen.DATASETS, name, f"{name}_dataset")
        return module

    return make


@pytest.fixture
def toy(register):
    return register("toy", Splits(pool("a", "b"), pool("c"), pool("d")))


GIVEN = DataRequest(
    data_dir="d",
    cache_dir="c",
    invert=False,
    image_size=(5, 6),
    channels=3,
    per_class=4,
    split_seed=5,
    skip_damaged=True,
)


def test_passes_the_request_on(toy):
    splits = data_gen.load("toy")
    data_gen.load("toy", GIVEN)
    assert toy.calls == [DataRequest(), GIVEN]
    assert [split.names for split in splits] == [("a", "b"), ("c",), ("d",)]


def test_train_on_validation(toy):
    splits = data_gen.load("toy", train_on_validation=True)
    assert [split.names for split in splits] == [("a", "b", "c"), ("c",), ("d",)]


def test_another_data_set_to_test_on_comes_in_the_shape_of_the_first(toy, register):
    other = register("other", Splits(pool("x"), pool("y"), pool("z")))
    splits = data_gen.load("toy", GIVEN, eval_name="other", eval_data_dir="e")
    assert [split.names for split in splits] == [("a", "b"), ("y",), ("z",)]
    assert toy.calls == [GIVEN]
    # In the shape of the pictures that came.
    asked = dataclasses.replace(GIVEN, data_dir="e", image_size=(2, 3), channels=1)
    assert other.calls == [asked]


def test_across_data_sets_the_validation_classes_of_the_first_may_be_trained_on(toy, register):
    register("other", Splits(pool(), pool("y"), pool("z")))
    splits = data_gen.load("toy", eval_name="other", train_on_validation=True)
    assert [split.names for split in splits] == [("a", "b", "c"), ("y",), ("z",)]


@pytest.mark.parametrize("train_on_validation", [False, True])
def test_omniglot_for_emnist_is_all_but_its_latin_alphabet(register, train_on_validation):
    register("omniglot", Splits(pool("Greek/2", "Latin/1"), pool("Latin/2"), pool("Greek/1")))
    register("emnist", Splits(pool(), pool("0"), pool("1")))
    splits = data_gen.load("omniglot", eval_name="emnist", train_on_validation=train_on_validation)
    assert [split.names for split in splits] == [("Greek/1", "Greek/2"), ("0",), ("1",)]


def test_a_data_set_without_training_classes_is_only_for_tests(register):
    register("emnist", Splits(pool(), pool("0"), pool("1")))
    with pytest.raises(UserError, match=r"emnist.*`dataset=omniglot`.*`eval_dataset=emnist`"):
        data_gen.load("emnist")


def test_unknown_name(toy):
    with pytest.raises(UserError, match=r"omniglot, glyphs, .*; got 'mnist'") as caught:
        data_gen.load("mnist")
    with pytest.raises(UserError, match="got 'mnist'"):
        data_gen.load("toy", eval_name="mnist")
    assert "\n" not in str(caught.value)
    assert toy.calls == []


@pytest.mark.parametrize("name", [name for name in data_gen.DATASETS if name != "glyphs"])
def test_a_wrong_folder_to_test_on_is_found_before_the_first_data_set_is_decoded(
    name, toy, tmp_path
):
    with pytest.raises(UserError, match=f"^{tmp_path}: expected"):
        data_gen.load("toy", eval_name=name, eval_data_dir=str(tmp_path))
    assert toy.calls == []


@pytest.mark.parametrize("name", data_gen.DATASETS)
def test_every_module_takes_a_request_and_has_a_shape(name):
    module = importlib.import_module(data_gen.DATASETS[name])
    assert list(inspect.signature(module.load).parameters) == ["request"]
    assert list(inspect.signature(module.locate).parameters) == ["data_dir"]
    assert data_gen.image_shape(name) == (*module.IMAGE_SIZE, module.CHANNELS)
    other = DataRequest(image_size=(5, 6), channels=3)
    assert data_gen.image_shape(name, other) == (5, 6, 3)


@pytest.mark.parametrize("split", ["val", "test", "all"])
def test_a_split_of_another_data_set_needs_no_training_pictures(split, toy, register):
    other = register("other", Splits(pool("x"), pool("y"), pool("z")))
    request = DataRequest(data_dir="nowhere", image_size=(9, 8))
    splits = data_gen.load("toy", request, eval_name="other", eval_data_dir="e", split=split)
    assert toy.calls == toy.located == []
    names = {"val": ("y",), "test": ("z",), "all": ("x", "y", "z")}
    assert getattr(splits, split).names == names[split]
    if split != "all":
        assert splits.train.names == ()
        assert splits.train.image_shape == (9, 8, 1)  # Without a picture to look at.
    (asked,) = other.calls
    assert (asked.data_dir, asked.image_size, asked.channels) == ("e", (9, 8), 1)
    assert asked.divided == (split != "all")


def test_training_classes_across_data_sets_are_those_of_the_first(toy, register):
    register("other", Splits(pool("x"), pool("y"), pool("z")))
    splits = data_gen.load("toy", eval_name="other", split="train")
    assert splits.train.names == ("a", "b")


def test_all_is_the_three_splits(toy):
    assert data_gen.load("toy", split="all").all.names == ("a", "b", "c", "d")


def test_without_training_a_data_set_for_tests_only_is_loaded(register):
    register("emnist", Splits(pool(), pool("0"), pool("1")))
    assert data_gen.load("emnist", split="all").all.names == ("0", "1")


def test_importing_is_light():
    code = (
        "import sys, data_gen; "
        "heavy = {'tensorflow', 'tensorflow_datasets', 'keras', 'PIL'} & set(sys.modules); "
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=REPOSITORY)
    assert done.returncode == 0
