"""Runs that an earlier version wrote: `old_runs/<method>`, with the newest checkpoint alone.

They were made by that version's main.py, on two CPU cores, with

    --dataset=glyphs --meta_batch=2 --shots=2 --query_shots=3 --val_tasks=20 --eval_tasks=200
    --filters=6 --log_every=20 --checkpoint_every=20 --steps=40 --eval_steps=1,2,3

and `--method=hidra --train_ways=2-4 --norm=support --eval_ways=2,5,9` for the one, for the other
`--method=maml --train_ways=3 --adapt_norm --learn_inner_lr --multi_step_loss=20
--second_order_after=10 --inner_steps=2 --inner_lr=0.1`.
"""

import dataclasses
import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.runs.assembly import build_method, build_optimizer, load_splits
from hidra_tf.runs.checkpoints.store import Checkpoints
from hidra_tf.runs.config import EvalRequest
from hidra_tf.runs.evaluate import evaluate
from hidra_tf.runs.place import folder
from hidra_tf.runs.train import train

OLD = Path(__file__).parent / "old_runs"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(params=["hidra", "maml"])
def old(request, tmp_path):
    return shutil.copytree(OLD / request.param, tmp_path / request.param)


def rows_of(file):
    return {(row["ways"], row["steps"]): row for row in json.loads(file.read_text())["rows"]}


def test_an_old_run_is_evaluated_to_the_same_table(old, cache, caplog):
    caplog.set_level(logging.WARNING)
    own = old / "results" / "test.json"
    before, written = own.read_bytes(), rows_of(own)
    ways, steps = (tuple(sorted({key[i] for key in written})) for i in (0, 1))
    evaluate(old, EvalRequest(ways, steps, tasks=200), cache_dir=cache)
    assert own.read_bytes() == before
    (new,) = {*(old / "results").glob("*.json")} - {own}
    again = rows_of(new)
    assert again.keys() == written.keys()
    for key, row in written.items():
        # Another processor's last bits may decide a near tie of two classes otherwise.
        assert again[key]["accuracy"] == pytest.approx(row["accuracy"], abs=0.005), key
        assert again[key]["metrics"].keys() == row["metrics"].keys()
    assert [record.getMessage() for record in caplog.records] == [
        f"{old} is of an earlier version and does not say which pictures it had; whether the test "
        "classes are the same is not checked"
    ]


def test_all_the_state_of_an_old_training_comes_back(old, cache):
    config = folder.open_run(old)
    method = build_method(config, load_splits(config, cache))
    optimizer = build_optimizer(config, method)
    checkpoints = Checkpoints(old, method, optimizer, pytest.fail)
    assert checkpoints.restore_last()
    assert int(checkpoints.step) == int(optimizer.iterations.numpy()) == 40
    saved = tf.train.load_checkpoint(str(old / "checkpoints" / "ckpt-40"))
    assert float(checkpoints.best_accuracy) == saved.get_tensor(
        "best_accuracy/.ATTRIBUTES/VARIABLE_VALUE"
    )
    # Adam's moments of every weight come after its iterations and learning rate.
    places = [f"variables/{i}" for i in range(len(method.variables))]
    places += [f"optimizer/_variables/{i}" for i in range(2, len(optimizer.variables))]
    values = [*method.variables, *optimizer.variables[2:]]
    assert len(values) == 3 * len(method.variables)
    for place, value in zip(places, values, strict=True):
        np.testing.assert_array_equal(
            tf.convert_to_tensor(value).numpy(),
            saved.get_tensor(f"{place}/.ATTRIBUTES/VARIABLE_VALUE"),
            err_msg=place,
        )


@pytest.mark.parametrize("old", ["hidra"], indirect=True)
def test_an_old_training_goes_on(old, cache, capsys):
    # As if it had been stopped before it was over.
    config = dataclasses.replace(folder.open_run(old), steps=42, val_tasks=2)
    folder.create(old, config)
    train(config, old, EvalRequest(ways=(2,), tasks=2), cache)
    said = capsys.readouterr().out
    assert f"continuing {old} after step 40" in said
    assert said.count("from now on data.json says") == 1
    assert (old / "checkpoints" / "ckpt-42.index").exists()
    assert json.loads((old / "data.json").read_text())["image_shape"] == [28, 28, 1]
