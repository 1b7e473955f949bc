"""Which classes a run is tested on; `tests/test_main.py` tests the rest as a user sees it."""

import numpy as np
import pytest

from data_gen.class_pool import ClassPool, Splits
from data_gen.errors import UserError
from hidra_tf.runs import evaluate
from hidra_tf.runs.config import Config, EvalRequest


def make_config(**changes):
    fields = {
        "dataset": "omniglot", "method": "hidra", "train_ways": (5,), "shots": 1, "query_shots": 1,
        "meta_batch": 1, "steps": 1, "inner_steps": 1, "inner_lr": 0.1, "meta_lr": 0.1,
        "filters": 4, "data_dir": "/own",
    }  # fmt: skip
    return Config(**{**fields, **changes})


def pool(*names):
    return ClassPool(np.zeros((len(names), 2, 2, 1), np.uint8), (1,) * len(names), names)


@pytest.mark.parametrize(
    ("request_", "data_dir", "expected"),
    [
        (EvalRequest(), None, (None, "/own", None)),
        (EvalRequest(), "/moved", (None, "/moved", None)),
        (EvalRequest(dataset="emnist"), None, ("emnist", "/own", "/own")),
        (EvalRequest(dataset="emnist"), "/moved", ("emnist", "/moved", "/moved")),
        (EvalRequest(dataset="emnist", data_dir="/e"), "/moved", ("emnist", "/moved", "/e")),
    ],
)
def test_an_evaluation_may_name_other_data(request_, data_dir, expected):
    config = evaluate._as_requested(make_config(), request_, data_dir)
    assert (config.eval_dataset, config.data_dir, config.eval_data_dir) == expected


def test_a_run_for_tests_elsewhere_keeps_to_them():
    own = make_config(eval_dataset="emnist", eval_data_dir="/e")
    assert evaluate._as_requested(own, EvalRequest(), None) == own
    moved = evaluate._as_requested(own, EvalRequest(data_dir="/moved"), None)
    assert (moved.eval_dataset, moved.eval_data_dir) == ("emnist", "/moved")
    other = evaluate._as_requested(own, EvalRequest(dataset="cub"), None)
    assert (other.eval_dataset, other.eval_data_dir) == ("cub", "/own")


def test_folders_are_told_apart_by_their_place():
    configs = [make_config(dataset="folder", data_dir=place) for place in ("/a", "/b", "/b/../a")]
    first, second, same = (evaluate._source(config, "test") for config in configs)
    assert first == same != second
    assert evaluate._source(make_config(data_dir="/a"), "test") == ("omniglot", None)


def test_classes_that_were_trained_on_are_no_test(monkeypatch):
    own = make_config(eval_dataset="emnist")
    trained = Splits(pool("a", "b"), pool("0"), pool("1"))
    monkeypatch.setattr(evaluate, "load_splits", lambda config, cache_dir: trained)
    at_home = make_config(eval_dataset="omniglot")
    for names, split, refused in (("bc", "test", True), ("cd", "test", False)):
        splits = Splits(pool(), pool(), pool(*names))
        if refused:
            with pytest.raises(UserError, match="trained for emnist on 1 of the test classes of"):
                evaluate._check_untrained(own, at_home, split, splits, None)
        else:
            evaluate._check_untrained(own, at_home, split, splits, None)
    # Its own training classes, and another data set's, may be looked at.
    for config, split in ((at_home, "train"), (own, "test")):
        evaluate._check_untrained(own, config, split, trained, None)
