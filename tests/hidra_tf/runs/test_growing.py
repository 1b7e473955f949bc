"""A run that gets more meta-updates than it was begun with."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from data_gen.errors import UserError
from hidra_tf.runs.config import Config, EvalRequest
from hidra_tf.runs.place import folder
from hidra_tf.runs.train import train

REQUEST = EvalRequest(tasks=4, ways=(2,))


def make_config(**changes):
    fields = {
        "dataset": "glyphs", "method": "hidra", "train_ways": (3,), "shots": 1, "query_shots": 1,
        "meta_batch": 1, "steps": 20, "inner_steps": 1, "inner_lr": 0.1, "meta_lr": 0.01,
        "filters": 2, "log_every": 20, "val_tasks": 4, "norm": "affine",
    }  # fmt: skip
    return Config(**{**fields, **changes})


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("cache"))


def tensors(run, kind):
    """Name → value of everything in the newest checkpoint of a kind."""
    newest = max((run / kind).glob("ckpt-*.index"), key=lambda file: int(file.stem.split("-")[1]))
    reader = tf.train.load_checkpoint(str(newest.with_suffix("")))
    names = [n for n in reader.get_variable_to_shape_map() if n.endswith("VARIABLE_VALUE")]
    return {name: reader.get_tensor(name) for name in names if "save_counter" not in name}


@pytest.mark.usefixtures("short_conv4")
def test_20_steps_grown_to_40_are_40_steps_bit_for_bit(cache, tmp_path):
    parts, whole = tmp_path / "parts", tmp_path / "whole"
    train(make_config(), parts, REQUEST, cache)
    train(make_config(steps=40), parts, REQUEST, cache)
    train(make_config(steps=40), whole, REQUEST, cache)
    assert folder.find(parts) == make_config(steps=40)
    for kind in ("checkpoints", "best"):
        one, other = tensors(parts, kind), tensors(whole, kind)
        assert one.keys() == other.keys() != set()
        for name in one:
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)
    rows = [
        json.loads((run / "results" / "test.json").read_text())["rows"] for run in (parts, whole)
    ]
    assert rows[0] == rows[1]


def test_a_schedule_over_all_steps_does_not_grow_and_nothing_is_written(cache, tmp_path):
    config = make_config(steps=2, meta_lr_schedule="cosine")
    folder.create(tmp_path, config)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "ckpt-2.index").touch()
    before = (tmp_path / "config.json").read_text()
    with pytest.raises(UserError, match=r"^steps: .*`meta_lr_schedule=cosine` the learning rate"):
        train(dataclasses.replace(config, steps=4), tmp_path, REQUEST, cache)
    assert (tmp_path / "config.json").read_text() == before
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "checkpoints"}


def test_fewer_steps_and_other_settings_are_refused(tmp_path):
    config = make_config()
    with pytest.raises(UserError, match=r"^steps: expected at least 20, .*received 19"):
        folder.check_same(tmp_path, config, make_config(steps=19))
    with pytest.raises(UserError, match=r"steps is 20, received 40; seed is 0, received 1"):
        folder.check_same(tmp_path, config, make_config(steps=40, seed=1))
    folder.check_same(tmp_path, config, make_config(steps=40))


def test_a_failed_write_leaves_the_old_number_of_steps(tmp_path, monkeypatch):
    config = make_config()
    folder.create(tmp_path, config)

    def fail(*_arguments):
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        folder.create(tmp_path, dataclasses.replace(config, steps=40))
    assert folder.find(tmp_path) == config
