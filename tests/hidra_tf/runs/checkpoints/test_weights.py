"""Which checkpoint is evaluated, and how it is told from another."""

import logging
import shutil

import pytest
import tensorflow as tf

from data_gen.errors import UserError
from hidra_tf.runs.checkpoints import weights
from hidra_tf.runs.checkpoints.reading import weights_digest
from hidra_tf.runs.checkpoints.store import Checkpoints
from hidra_tf.runs.checkpoints.weights import default_kind
from hidra_tf.runs.config import Config


class Method:
    """All that checkpoints want of a method."""

    statistics = ()

    def __init__(self):
        self.variables = [tf.Variable([1.0, 2.0]), tf.Variable(3.0)]


def make_config(**changes):
    fields = {
        "dataset": "glyphs", "method": "hidra", "train_ways": (5,), "shots": 1, "query_shots": 1,
        "meta_batch": 1, "steps": 30, "inner_steps": 1, "inner_lr": 0.1, "meta_lr": 0.1,
        "filters": 4,
    }  # fmt: skip
    return Config(**{**fields, **changes})


CONFIG = make_config()


@pytest.fixture
def run(tmp_path):
    """A run with checkpoints of steps 10, 20 and 30, the best of step 20, its weights its step."""
    save(tmp_path, {10: 0.1, 20: 0.9, 30: 0.5})
    return tmp_path


def save(path, accuracies):
    method = Method()
    checkpoints = Checkpoints(path, method, None, print)
    for step, accuracy in accuracies.items():
        checkpoints.step.assign(step)
        method.variables[1].assign(step)
        checkpoints.save_if_best(accuracy)
        checkpoints.save()


def restore(path, asked=None, config=CONFIG):
    method = Method()
    found = weights.restore(path, method, config, asked)
    return found, float(method.variables[1])


def messages(caplog):
    return [r.message for r in caplog.records if r.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    ("asked", "kind", "step"),
    [
        (None, "best", 20),
        ("best", "best", 20),
        ("last", "last", 30),
        ("10", "10", 10),
        ("010", "10", 10),
    ],
)
def test_the_checkpoint_that_was_asked_for_is_restored_and_described(
    run, caplog, asked, kind, step
):
    found, value = restore(run, asked)
    assert (found.kind, found.step, value) == (kind, step, step)
    assert found == weights.current(run, CONFIG, asked)
    assert messages(caplog) == []


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "best"),
        ({"eval_dataset": "emnist"}, "best"),
        ({"train_on_validation": True}, "last"),
        # The best one was then chosen on the other data set.
        ({"train_on_validation": True, "eval_dataset": "emnist"}, "best"),
        ({"method": "random"}, "last"),
    ],
)
def test_the_best_is_the_default_unless_it_was_chosen_on_trained_classes(run, changes, kind):
    config = make_config(**changes)
    assert default_kind(config) == kind
    assert restore(run, None, config)[0].kind == kind


def test_a_step_that_is_not_kept_is_refused_with_those_that_are(run):
    with pytest.raises(UserError, match=r"out of 10, 20, 30 for .*, received 15"):
        restore(run, "15")
    assert weights.current(run, CONFIG, "15") is None


def test_the_best_of_a_step_that_is_no_longer_kept_can_be_named(run):
    for file in (run / "checkpoints").glob("ckpt-20.*"):
        file.unlink()
    assert restore(run, "20")[1] == 20


def test_without_a_checkpoint_there_is_nothing_to_evaluate(tmp_path):
    for asked in (None, "last", "0"):
        with pytest.raises(UserError, match="found none; train the run first"):
            restore(tmp_path, asked)


def test_a_lost_best_gives_way_to_the_last_in_one_line(run, caplog):
    shutil.rmtree(run / "best")
    found, value = restore(run)
    assert (found.kind, found.step, value) == ("last", 30, 30)
    (message,) = messages(caplog)
    assert "using the last one instead, of step 30" in message
    assert found == weights.current(run, CONFIG, None)


def test_a_damaged_best_gives_way_to_the_last(run):
    file = run / "best" / "ckpt-20.data-00000-of-00001"
    file.write_bytes(file.read_bytes()[:-8])
    found, value = restore(run)
    assert (found.kind, found.step, value) == ("last", 30, 30)
    assert found == weights.current(run, CONFIG, None)


@pytest.mark.parametrize(("asked", "warned"), [(None, True), ("last", False)])
def test_untrained_weights_that_were_never_improved_are_announced(tmp_path, caplog, asked, warned):
    save(tmp_path, {0: 0.5, 40: 0.4})
    restore(tmp_path, asked)
    assert len(messages(caplog)) == warned
    if warned:
        assert "never rose" in messages(caplog)[0]
        assert "step 40" in messages(caplog)[0]


def test_a_run_of_no_step_is_not_blamed(tmp_path, caplog):
    save(tmp_path, {0: 0.5})
    assert restore(tmp_path)[0].step == 0
    assert messages(caplog) == []


def test_a_digest_is_that_of_the_weights_alone(run, tmp_path):
    best, same = run / "best" / "ckpt-20", run / "checkpoints" / "ckpt-20"
    assert weights_digest(best) == weights_digest(same)
    digests = {weights_digest(run / "checkpoints" / f"ckpt-{step}") for step in (10, 20, 30)}
    assert len(digests) == 3


def test_other_weights_of_the_same_step_are_told_apart(run, tmp_path):
    before = weights.current(run, CONFIG, None)
    method = Method()
    method.variables[1].assign(-1)
    again = Checkpoints(run, method, None, print)
    again.step.assign(20)
    again.save_if_best(0.9)
    after = weights.current(run, CONFIG, None)
    assert (after.kind, after.step) == (before.kind, before.step)
    assert after.digest != before.digest


@pytest.mark.parametrize(("asked", "fine"), [(None, 1), ("best", 1), ("last", 1), ("80", 0)])
def test_a_training_ends_with_the_best_or_the_last(asked, fine):
    if fine:
        weights.check_at_the_end(asked)
    else:
        with pytest.raises(UserError, match="expected best or last at the end"):
            weights.check_at_the_end(asked)


def test_the_best_checkpoint_is_not_replaced_where_it_was_asked_for(run):
    shutil.rmtree(run / "best")
    assert weights.current(run, CONFIG, None).kind == "last"
    assert weights.current(run, CONFIG, "best") is None
    with pytest.raises(UserError, match=r"expected last or a step out of .*, received best"):
        weights.check_kept(run, CONFIG, "best")
    with pytest.raises(UserError, match=r"expected last or a step out of .*, received best"):
        weights.restore(run, Method(), CONFIG, "best")


def test_the_validation_accuracy_is_that_of_the_best_weights_and_of_no_others(run):
    assert weights.validation_accuracy(run, restore(run)[0]) == 0.9
    assert weights.validation_accuracy(run, restore(run, "20")[0]) == 0.9
    for other in ("last", "10"):
        assert weights.validation_accuracy(run, restore(run, other)[0]) is None
    (run / "best" / "ckpt-20.index").write_bytes(b"damaged")
    assert weights.validation_accuracy(run, weights.Weights("20", 20, None)) is None
