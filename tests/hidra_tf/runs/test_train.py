"""Whole runs from Python; `tests/test_main.py` tests the rest as a user sees it."""

import dataclasses
import json

import pytest
from PIL import Image

import data_gen
from data_gen import ImageSize
from data_gen.errors import UserError
from hidra_tf.methods import METHODS
from hidra_tf.runs.config import Config, EvalRequest
from hidra_tf.runs.evaluate import evaluate
from hidra_tf.runs.train import train


def make_config(**changes):
    fields = {
        "dataset": "omniglot", "method": "hidra", "train_ways": (5,), "shots": 1, "query_shots": 1,
        "meta_batch": 1, "steps": 1, "inner_steps": 1, "inner_lr": 0.1, "meta_lr": 0.1,
        "filters": 4, "data_dir": "/own",
    }  # fmt: skip
    return Config(**{**fields, **changes})


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("cache"))


# One of each kind that a run treats in its own way: steps, a fixed head, none, minibatches, several
# networks, nothing to train. The other methods are trained in the grid of methods, and here by
# `make more`.
KINDS = ("hidra", "maml", "protonet", "finetune", "relation_net", "hypermaml", "random")
OTHERS = [pytest.param(name, marks=pytest.mark.slow) for name in METHODS if name not in KINDS]


@pytest.mark.usefixtures("short_conv4")
@pytest.mark.parametrize("name", [*KINDS, *OTHERS])
def test_every_method_is_trained_saved_and_evaluated_alike(name, cache, tmp_path):
    config = make_config(
        dataset="glyphs", method=name, train_ways=(3,), steps=2, log_every=2, val_tasks=2,
        filters=2, inner_lr=0.1, meta_lr=0.01, norm="affine", data_dir=None,
    )  # fmt: skip
    request = EvalRequest(tasks=4, ways=(3,))
    train(config, tmp_path, request, cache)
    own = tmp_path / "results" / "test.json"
    first = json.loads(own.read_text())
    assert [(r["ways"], r["steps"]) for r in first["rows"]] == [(3, config.own_steps)]
    assert first.pop("seconds")["3"] > 0
    own.unlink()
    # From the checkpoint alone.
    evaluate(tmp_path, request, cache_dir=cache)
    (named,) = (tmp_path / "results").glob("*.json")
    again = json.loads(named.read_text())
    del again["seconds"]
    assert again == first


def test_a_run_is_evaluated_on_its_own_split(monkeypatch, cache, tmp_path):
    pictures, run = tmp_path / "pictures", tmp_path / "run"
    for c in range(12):
        (pictures / f"class{c}").mkdir(parents=True)
        for i in range(2):
            Image.new("L", (16, 16), 20 * c + i).save(pictures / f"class{c}/{i}.png")
    config = make_config(
        dataset="folder", data_dir=str(pictures), image_size=ImageSize(16, 16), method="random",
        train_ways=(2,), split_seed=3,
    )  # fmt: skip
    loaded = []
    load = data_gen.load
    monkeypatch.setattr(
        data_gen, "load", lambda *a, **k: loaded.append(load(*a, **k)) or loaded[-1]
    )
    request = EvalRequest(tasks=2, ways=(2,))
    train(config, run, request, cache)
    evaluate(run, request, cache_dir=cache)
    given = {"data_dir": str(pictures), "cache_dir": cache, "image_size": (16, 16), "per_class": 2}
    requests = [data_gen.DataRequest(**given, split_seed=seed) for seed in (3, 0)]
    expected, other = (load("folder", request) for request in requests)
    assert [splits.test.names for splits in loaded] == [expected.test.names] * 2
    assert set(expected.test.names) != set(other.test.names)


def test_two_classes_of_ones_own_are_enough_for_an_evaluation_and_no_training_picture_is(
    cache, tmp_path
):
    """The run is of Omniglot, whose files are nowhere; their shape is known all the same."""
    trained, own = tmp_path / "run", tmp_path / "own"
    for c in range(2):
        (own / f"class{c}").mkdir(parents=True)
        for i in range(2):
            Image.new("L", (9, 9), 20 * c + i).save(own / f"class{c}/{i}.png")
    config = make_config(method="random", train_ways=(2,), data_dir=str(tmp_path / "nowhere"))
    glyphs = dataclasses.replace(config, dataset="glyphs")
    train(glyphs, trained, EvalRequest(tasks=1, ways=(2,)), cache)
    (trained / "config.json").write_text(config.to_json())
    request = EvalRequest(tasks=2, ways=(2,), split="all", dataset="folder", data_dir=str(own))
    evaluate(trained, request, cache_dir=cache)
    (own / "class1/damaged.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"damaged\.png: expected a whole picture.*`skip_damaged`"):
        evaluate(trained, request, cache_dir=cache)
    request = dataclasses.replace(request, skip_damaged=True)
    evaluate(trained, request, cache_dir=cache)
    (results,) = (trained / "results").glob("all*.json")
    assert json.loads(results.read_text())["split"] == "all"
    with pytest.raises(UserError, match=r"expected at least 2 classes.*`eval_split=all`"):
        evaluate(trained, dataclasses.replace(request, split="test"), cache_dir=cache)
