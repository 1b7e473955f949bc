import pytest
import tensorflow as tf

from data_gen.errors import UserError
from hidra_tf.runs.checkpoints import Checkpoints, saved_step


class Method:
    """All that checkpoints want of a method."""

    def __init__(self):
        self.variables = [tf.Variable([1.0, 2.0]), tf.Variable(3.0)]


@pytest.fixture
def saved(tmp_path):
    """A run saved after steps 10, 20 and 30; its variables then hold those numbers."""
    method, messages = Method(), []
    checkpoints = Checkpoints(tmp_path, method, None, messages.append)
    for step in (10, 20, 30):
        checkpoints.step.assign(step)
        method.variables[1].assign(step)
        checkpoints.save()
    return tmp_path


def reopened(path):
    method, messages = Method(), []
    return method, Checkpoints(path, method, None, messages.append), messages


def test_the_last_one_comes_back(saved):
    method, checkpoints, messages = reopened(saved)
    assert checkpoints.restore_last()
    assert int(checkpoints.step) == 30
    assert float(method.variables[1]) == 30
    assert messages == []
    assert saved_step(saved) == 30


def test_nothing_saved_is_no_error(tmp_path):
    method, checkpoints, _ = reopened(tmp_path)
    assert not checkpoints.restore_last()
    assert not checkpoints.restore_best()
    assert float(method.variables[1]) == 3
    assert saved_step(tmp_path) == -1


def damage_truncate(file):
    file.write_bytes(file.read_bytes()[:-20])


def damage_flip(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(bytes(data))


def damage_empty(file):
    file.write_bytes(b"")


def damage_delete(file):
    file.unlink()


@pytest.mark.parametrize("suffix", ["index", "data-00000-of-00001"])
@pytest.mark.parametrize("damage", [damage_truncate, damage_flip, damage_empty, damage_delete])
def test_a_damaged_one_falls_back_to_the_one_before_and_says_so(saved, suffix, damage):
    damage(saved / "checkpoints" / f"ckpt-30.{suffix}")
    method, checkpoints, messages = reopened(saved)
    assert checkpoints.restore_last()
    assert int(checkpoints.step) == 20
    assert float(method.variables[1]) == 20
    assert len(messages) == 1
    assert "ckpt-30" in messages[0]
    assert "\n" not in messages[0]


def test_the_list_of_checkpoints_is_not_needed(saved):
    (saved / "checkpoints" / "checkpoint").unlink()
    _, checkpoints, messages = reopened(saved)
    assert checkpoints.restore_last()
    assert int(checkpoints.step) == 30
    assert messages == []


def test_a_damaged_list_is_made_anew(saved):
    (saved / "checkpoints" / "checkpoint").write_bytes(bytes(range(128, 256)))
    _, checkpoints, messages = reopened(saved)
    assert checkpoints.restore_last()
    assert int(checkpoints.step) == 30
    assert len(messages) == 1
    assert "is damaged" in messages[0]


def test_all_damaged_is_an_error_and_not_a_fresh_start(saved):
    for file in (saved / "checkpoints").glob("*.index"):
        damage_truncate(file)
    _, checkpoints, _ = reopened(saved)
    with pytest.raises(UserError, match="all of them are damaged"):
        checkpoints.restore_last()


def test_only_the_newest_few_are_kept(saved):
    _, checkpoints, _ = reopened(saved)
    checkpoints.restore_last()
    checkpoints.step.assign(40)
    checkpoints.save()
    steps = {file.stem for file in (saved / "checkpoints").glob("*.index")}
    assert steps == {"ckpt-20", "ckpt-30", "ckpt-40"}


def test_best_is_the_best_and_survives_the_last(tmp_path):
    method, checkpoints, _ = reopened(tmp_path)
    for step, accuracy in ((1, 0.5), (2, 0.7), (3, 0.6), (4, 0.7)):
        checkpoints.step.assign(step)
        method.variables[1].assign(step)
        assert checkpoints.save_if_best(accuracy) == (step in (1, 2))
    checkpoints.save()
    method, checkpoints, _ = reopened(tmp_path)
    assert checkpoints.restore_best()
    assert float(method.variables[1]) == 2
    assert float(checkpoints.best_accuracy) == 0.7


def test_a_damaged_best_gives_way_to_the_last(saved):
    _, checkpoints, _ = reopened(saved)
    checkpoints.step.assign(5)
    checkpoints.save_if_best(0.9)
    damage_truncate(saved / "best" / "ckpt-5.index")
    _, checkpoints, messages = reopened(saved)
    assert checkpoints.restore_best()
    assert int(checkpoints.step) == 30
    assert "using the last checkpoint" in messages[-1]


def test_a_foreign_checkpoint_is_not_taken(saved):
    other = Method()
    other.variables[0] = tf.Variable(tf.zeros(7))
    checkpoints = Checkpoints(saved, other, None, lambda _message: None)
    with pytest.raises(UserError, match="damaged"):
        checkpoints.restore_last()
