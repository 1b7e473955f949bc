"""The best few checkpoints: which are kept, and what a kill leaves of them."""

import itertools
import shutil

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.runs.checkpoints.files import ENSEMBLE, checkpoints_in, holds_nothing, step_of
from hidra_tf.runs.checkpoints.members import members_in
from hidra_tf.runs.checkpoints.reading import best_accuracy, weights_digest
from hidra_tf.runs.checkpoints.store import Checkpoints
from tests.killing import Killed, kill_at


class Method:
    """All that checkpoints want of a method."""

    def __init__(self):
        self.variables = [tf.Variable([1.0, 2.0]), tf.Variable(3.0)]
        self.statistics = [tf.Variable([0.0])]


def opened(path, keep_best, warn=pytest.fail):
    method = Method()
    return method, Checkpoints(path, method, None, warn, keep_best=keep_best)


def measure(path, accuracies, keep_best=2, warn=pytest.fail):
    """Measures weights and statistics that are functions of the step, in the given order."""
    method, checkpoints = opened(path, keep_best, warn)
    checkpoints.restore_last()
    for step, accuracy in accuracies.items():
        step_to(method, checkpoints, step)
        checkpoints.save_if_best(accuracy)
    return checkpoints


def step_to(method, checkpoints, step):
    checkpoints.step.assign(step)
    method.variables[1].assign(step / 3)
    method.statistics[0].assign([step / 7])


def found(path, keep_best=2):
    """Step → the accuracy, and a digest of the weights, of the members that are evaluated."""
    members = members_in(path, keep_best)
    return {step_of(p): (best_accuracy(p), weights_digest(p)) for p in members}


def test_the_highest_accuracies_are_kept_and_of_equal_ones_the_earlier(tmp_path):
    expected = {10: [10], 20: [10, 20], 30: [10, 30], 40: [10, 30], 50: [30, 50], 60: [30, 50]}
    accuracies = {10: 0.4, 20: 0.3, 30: 0.5, 40: 0.4, 50: 0.9, 60: 0.5}
    measure(tmp_path, {0: 0.95})  # untrained weights are no member, however good
    assert found(tmp_path) == {}
    for step, accuracy in accuracies.items():
        measure(tmp_path, {step: accuracy})
        assert {s: own for s, (own, _) in found(tmp_path).items()} == {
            s: accuracies[s] for s in expected[step]
        }
        assert len(checkpoints_in(tmp_path / ENSEMBLE)) == len(expected[step])
    method, checkpoints = opened(tmp_path, 2)
    for prefix in members_in(tmp_path, 2):
        checkpoints.restore_weights(prefix)
        assert float(method.variables[1]) == np.float32(step_of(prefix) / 3)
        assert method.statistics[0].numpy() == np.float32([step_of(prefix) / 7])


def test_the_best_one_and_runs_that_keep_one_are_as_they_were(tmp_path):
    accuracies = {0: 0.1, 10: 0.4, 20: 0.6, 30: 0.5}
    measure(tmp_path / "one", accuracies, keep_best=1)
    measure(tmp_path / "two", accuracies, keep_best=2)
    assert not (tmp_path / "one" / ENSEMBLE).exists()
    one, two = (tmp_path / run / "best" for run in ("one", "two"))
    assert {f.name: f.read_bytes() for f in one.iterdir()} == {
        f.name: f.read_bytes() for f in two.iterdir()
    }
    assert found(tmp_path / "two")[20] == (0.6, weights_digest(two / "ckpt-20"))


def test_a_damaged_member_makes_room_and_is_named(tmp_path):
    measure(tmp_path, {10: 0.8, 20: 0.9})
    file = tmp_path / ENSEMBLE / "ckpt-20.index"
    file.write_bytes(file.read_bytes()[:-20])
    # An evaluation comes upon it; see `weights.restore`.
    assert [step_of(prefix) for prefix in members_in(tmp_path, 1)] == [20]
    messages = []
    measure(tmp_path, {30: 0.1}, warn=messages.append)
    assert found(tmp_path).keys() == {10, 30}
    (message,) = messages
    assert "ckpt-20 is damaged" in message


def test_a_run_that_has_members_holds_something(tmp_path):
    measure(tmp_path, {0: 0.5})
    assert holds_nothing(tmp_path)
    measure(tmp_path, {10: 0.1})
    for file in (tmp_path / "best").iterdir():
        file.unlink()
    assert not holds_nothing(tmp_path)


ACCURACIES = {5: 0.9, 10: 0.5, 15: 0.6, 20: 0.7}
SAVED = (10, 20)


def train(path, until=20):
    """A training that measures and saves after some steps, from the last checkpoint on."""
    method, checkpoints = opened(path, 2, warn=lambda _: None)
    checkpoints.restore_last()
    for step in range(int(checkpoints.step) + 5, until + 1, 5):
        step_to(method, checkpoints, step)
        checkpoints.save_if_best(ACCURACIES[step])
        if step in SAVED:
            checkpoints.save()


def killed(path, call):
    """Trains until the n-th change of a file; returns whether there were so many."""
    with pytest.MonkeyPatch.context() as patch:
        kill_at(patch, call)
        try:
            train(path)
        except Killed:
            return True
    return False


def test_a_kill_anywhere_leaves_members_with_which_a_resumed_training_ends_as_without(tmp_path):
    """Also after a second kill: members of later steps are then saved again one by one."""
    train(tmp_path / "base", until=10)
    shutil.copytree(tmp_path / "base", tmp_path / "whole")
    train(tmp_path / "whole")
    whole = found(tmp_path / "whole")
    assert whole.keys() == {5, 20}
    names = {file.name for file in (tmp_path / "whole" / ENSEMBLE).iterdir()}
    for call in itertools.count():
        path = shutil.copytree(tmp_path / "base", tmp_path / str(call))
        if not killed(path, call):
            break
        for _ in range(2):
            # Whatever was left is whole, has its own accuracy, and is not more than is asked for.
            left = found(path)
            assert 5 in left
            assert len(left) <= 2
            for step, (accuracy, digest) in left.items():
                assert accuracy == ACCURACIES[step]
                assert digest is not None
            killed(path, call // 2)
        train(path)
        assert found(path) == whole, call
        assert {file.name for file in (path / ENSEMBLE).iterdir()} == names, call
    assert call > 12
