"""Which classes an evaluation may be on."""

import logging
from pathlib import Path

import numpy as np
import pytest

from data_gen.class_pool import ClassPool, Splits
from data_gen.errors import UserError
from hidra_tf.runs import untrained
from hidra_tf.runs.config import Config, EvalRequest
from hidra_tf.runs.untrained import check_untrained, source


def make_config(**changes):
    fields = {
        "dataset": "omniglot", "method": "hidra", "train_ways": (5,), "shots": 1, "query_shots": 1,
        "meta_batch": 1, "steps": 1, "inner_steps": 1, "inner_lr": 0.1, "meta_lr": 0.1,
        "filters": 4, "data_dir": "/own",
    }  # fmt: skip
    return Config(**{**fields, **changes})


def pool(*names):
    return ClassPool(np.zeros((len(names), 2, 2, 1), np.uint8), (1,) * len(names), names)


def test_folders_are_told_apart_by_their_place():
    configs = [make_config(dataset="folder", data_dir=place) for place in ("/a", "/b", "/b/../a")]
    first, second, same = (source(config, "test") for config in configs)
    assert first == same != second
    assert source(make_config(data_dir="/a"), "test") == ("omniglot", None)


@pytest.fixture
def trained(monkeypatch):
    """The run's training classes are a and b."""
    splits = Splits(pool("a", "b"), pool("c"), pool("d"))
    monkeypatch.setattr(untrained, "load_splits", lambda config, cache_dir, split: splits)


def check(own, names, split="test", dataset=None, **changes):
    config = make_config(**({"dataset": own.dataset, "eval_dataset": dataset} | changes))
    request = EvalRequest(split=split, dataset=dataset)
    check_untrained(Path("nowhere"), own, config, request, pool(*names), None)


@pytest.mark.usefixtures("trained")
def test_classes_that_were_trained_on_are_no_test():
    own = make_config(eval_dataset="emnist")
    check(own, "cd", dataset="omniglot")
    with pytest.raises(UserError, match="trained for emnist on 1 of the test classes of omniglot"):
        check(own, "bc", dataset="omniglot")
    # Its own training classes, and another data set's, may be looked at.
    check(own, "ab", split="train", dataset="omniglot")
    check(own, "ab", dataset="emnist")


@pytest.mark.usefixtures("trained")
def test_all_classes_are_no_test_where_some_were_trained_on():
    with pytest.raises(UserError, match="it was trained on 2 of the classes of omniglot"):
        check(make_config(), "abcd", split="all")
    with pytest.raises(UserError, match="trained for emnist on 2 of the classes of omniglot"):
        check(make_config(eval_dataset="emnist"), "abcd", split="all", dataset="omniglot")
    check(make_config(), "abcd", split="all", dataset="cub")


@pytest.mark.usefixtures("trained")
def test_a_moved_folder_is_the_runs_own_and_another_is_not():
    own = make_config(dataset="folder", data_dir="/a")
    with pytest.raises(UserError, match="on 2 of the classes of folder"):
        check(own, "abcd", split="all", data_dir="/moved")
    check(own, "abcd", split="all", dataset="folder", eval_data_dir="/other")
    with pytest.raises(UserError, match="on 2 of the classes of folder"):
        check(own, "abcd", split="all", dataset="folder", eval_data_dir="/a")


def test_the_training_classes_are_found_where_they_were_or_where_they_were_moved(monkeypatch):
    def load(config, cache_dir, split):
        if config.data_dir != "/moved":
            raise UserError("expected pictures")
        return Splits(pool("a", "b"), pool("c"), pool("d"))

    monkeypatch.setattr(untrained, "load_splits", load)
    with pytest.raises(UserError, match="on 1 of the classes"):
        check(make_config(), "bx", split="all", data_dir="/moved")


@pytest.mark.parametrize("validated", [False, True])
def test_validation_classes_that_were_trained_on_are_given_with_a_warning(caplog, validated):
    check(make_config(train_on_validation=validated), "c", split="val")
    warned = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warned) == validated
