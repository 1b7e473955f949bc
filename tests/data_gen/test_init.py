"""`data_gen.load`: finds data sets by name, lazily."""

import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import data_gen
from data_gen import ClassPool, Splits, UserError

REPOSITORY = Path(__file__).resolve().parents[2]


def pool(*names):
    return ClassPool(np.full((len(names), 2, 2, 1), 7, np.uint8), (1,) * len(names), names)


@pytest.fixture
def toy(monkeypatch):
    """A registered data set that remembers how it was called."""
    module = types.ModuleType("toy_dataset")
    module.calls = []

    def load(**options):
        module.calls.append(options)
        return Splits(pool("a", "b"), pool("c"), pool("d"))

    module.load = load
    monkeypatch.setitem(sys.modules, "toy_dataset", module)
    monkeypatch.setitem(data_gen.DATASETS, "toy", "toy_dataset")
    return module


def test_passes_options_on(toy):
    splits = data_gen.load("toy", data_dir="d", cache_dir="c", invert=False)
    assert toy.calls == [{"data_dir": "d", "cache_dir": "c", "invert": False}]
    assert [split.names for split in splits] == [("a", "b"), ("c",), ("d",)]


def test_train_on_validation(toy):
    splits = data_gen.load("toy", train_on_validation=True)
    assert [split.names for split in splits] == [("a", "b", "c"), ("c",), ("d",)]


def test_unknown_name():
    with pytest.raises(UserError, match=r"omniglot, glyphs; got 'mnist'") as caught:
        data_gen.load("mnist")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", data_gen.DATASETS)
def test_every_module_can_be_loaded(name):
    module = __import__(data_gen.DATASETS[name], fromlist=["load"])
    assert callable(module.load)


def test_importing_is_light():
    code = (
        "import sys, data_gen; "
        "heavy = {'tensorflow', 'tensorflow_datasets', 'keras', 'PIL'} & set(sys.modules); "
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=REPOSITORY)
    assert done.returncode == 0
