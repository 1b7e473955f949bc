import contextlib
import gc

import pytest
import tensorflow as tf

from data_gen.errors import UserError
from hidra_tf.runs.checkpoints import store as checkpoints_module
from hidra_tf.runs.checkpoints.files import checkpoints_in, saved_step
from hidra_tf.runs.checkpoints.reading import MisfitError, weights_digest
from hidra_tf.runs.checkpoints.store import Checkpoints
from tests.killing import Killed, kill_at

PARTS = ("index", "data-00000-of-00001")


class Method:
    """All that checkpoints want of a method."""

    statistics = ()

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


@pytest.mark.parametrize("restore", ["restore_last", "restore_best"])
@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ([tf.zeros(7), 3.0], r"expected weight 0 of shape \[7\], received \[2\]"),
        ([tf.zeros(2), tf.zeros(1)], r"expected weight 1 of shape \[1\], received \[\]"),
        ([tf.zeros(2), 3.0, 4.0], "expected 3 weights, received 2"),
    ],
)
def test_weights_of_other_sizes_are_one_line_and_nothing_else(
    saved, caplog, restore, variables, expected
):
    with_best(saved)
    other, messages = Method(), []
    other.variables = [tf.Variable(value) for value in variables]
    optimizer = tf.keras.optimizers.Adam()
    gc.freeze()  # What other tests left behind, which takes a second to look through.
    checkpoints = Checkpoints(saved, other, optimizer, messages.append)
    with pytest.raises(MisfitError, match=f"does not fit .*config.json: {expected}"):
        getattr(checkpoints, restore)()
    del checkpoints
    gc.collect()  # TensorFlow complains when what was not restored is forgotten
    gc.unfreeze()
    assert messages == []
    assert caplog.text == ""


def test_running_statistics_are_kept_beside_the_weights(tmp_path):
    method, other = Method(), Method()
    method.statistics, other.statistics = [tf.Variable([5.0])], [tf.Variable([0.0])]
    Checkpoints(tmp_path, method, None, pytest.fail).save()
    digest = weights_digest(tmp_path / "checkpoints" / "ckpt-0")
    assert Checkpoints(tmp_path, other, None, pytest.fail).restore_last()
    assert other.statistics[0].numpy() == [5.0]
    method.statistics[0].assign([6.0])
    Checkpoints(tmp_path, method, None, pytest.fail).save()
    assert weights_digest(tmp_path / "checkpoints" / "ckpt-0") != digest


def test_a_checkpoint_without_the_statistics_that_are_wanted_is_one_line(saved):
    other = Method()
    other.statistics = [tf.Variable([0.0])]
    with pytest.raises(MisfitError, match="expected 1 running statistics, received 0"):
        Checkpoints(saved, other, None, pytest.fail).restore_last()


def with_best(path, step=20):
    """Saves the weights of a step as the best ones."""
    method, checkpoints, _ = reopened(path)
    checkpoints.step.assign(step)
    method.variables[1].assign(step)
    checkpoints.save_if_best(0.9)


def test_weights_that_only_training_needs_may_be_left_out(saved):
    other, messages = Method(), []
    del other.variables[1]
    checkpoints = Checkpoints(saved, other, None, messages.append)
    assert checkpoints.restore_last()
    assert int(checkpoints.step) == 30
    assert messages == []


def test_what_was_restored_is_said(saved):
    _, checkpoints, messages = reopened(saved)
    assert checkpoints.restored is None
    assert checkpoints.restore_best()
    assert checkpoints.restored == saved / "checkpoints" / "ckpt-30"
    assert len(messages) == 1
    assert "using the last one instead, of step 30" in messages[0]
    with_best(saved)
    _, checkpoints, messages = reopened(saved)
    assert checkpoints.restore_best()
    assert checkpoints.restored == saved / "best" / "ckpt-20"
    assert messages == []


def test_the_same_weights_have_one_digest_wherever_and_whenever_they_are_saved(saved):
    with_best(saved)
    best, same, other = (
        weights_digest(saved / folder / name)
        for folder, name in (
            ("best", "ckpt-20"), ("checkpoints", "ckpt-20"), ("checkpoints", "ckpt-30")
        )
    )  # fmt: skip
    assert best == same != other


def test_weights_that_cannot_be_read_have_no_digest(saved):
    damage_truncate(saved / "checkpoints" / "ckpt-20.index")
    assert weights_digest(saved / "checkpoints" / "ckpt-20") is None
    assert weights_digest(saved / "checkpoints" / "ckpt-25") is None


def test_a_kept_step_is_restored(saved):
    with_best(saved, step=15)
    for step in (10, 15, 20, 30):
        method, checkpoints, _ = reopened(saved)
        assert checkpoints.restore_step(step)
        folder = "best" if step == 15 else "checkpoints"
        assert checkpoints.restored == saved / folder / f"ckpt-{step}"
        assert float(method.variables[1]) == int(checkpoints.step) == step


def test_a_step_that_is_not_kept_or_damaged_is_not_replaced_by_another(saved):
    method, checkpoints, _ = reopened(saved)
    assert not checkpoints.restore_step(25)
    damage_truncate(saved / "checkpoints" / "ckpt-20.index")
    with pytest.raises(UserError, match="ckpt-20 is damaged"):
        checkpoints.restore_step(20)
    assert float(method.variables[1]) == 3


@pytest.mark.parametrize("call", range(14))
def test_a_kill_anywhere_in_a_save_leaves_the_old_checkpoint_or_the_new(saved, call):
    method, checkpoints, messages = reopened(saved)
    checkpoints.step.assign(40)
    method.variables[1].assign(40)
    with pytest.MonkeyPatch.context() as patch:
        kill_at(patch, call)
        with contextlib.suppress(Killed):
            checkpoints.save()
    method, checkpoints, messages = reopened(saved)
    assert checkpoints.restore_last()
    step = int(checkpoints.step)
    assert step in (30, 40)
    assert step == saved_step(saved) == float(method.variables[1])
    assert all("incomplete" in message for message in messages)
    # Nothing is left of it after the next save.
    checkpoints.step.assign(50)
    checkpoints.save()
    folder = saved / "checkpoints"
    assert {int(f.stem.removeprefix("ckpt-")) for f in folder.glob("*.index")} == {
        *([20, 30, 50] if step == 30 else [30, 40, 50])
    }
    assert len(list(folder.iterdir())) == 7
    assert tf.train.latest_checkpoint(str(folder)) == str(folder / "ckpt-50")


def test_a_kill_during_the_very_first_save_is_a_run_that_was_not_saved(tmp_path):
    _, checkpoints, _ = reopened(tmp_path)
    checkpoints.save()
    damage_delete(tmp_path / "checkpoints" / "ckpt-0.index")
    assert saved_step(tmp_path) == -1
    _, checkpoints, messages = reopened(tmp_path)
    assert not checkpoints.restore_last()
    assert len(messages) == 1
    assert "incomplete" in messages[0]


def test_several_without_an_index_are_damaged_and_not_a_fresh_start(saved):
    for file in (saved / "checkpoints").glob("*.index"):
        damage_delete(file)
    assert saved_step(saved) == -1
    _, checkpoints, _ = reopened(saved)
    with pytest.raises(UserError, match="all of them are damaged"):
        checkpoints.restore_last()


def test_what_earlier_versions_left_after_a_kill_is_removed_and_counts_for_nothing(saved):
    folder = saved / "checkpoints"
    (folder / "ckpt-35_temp").mkdir()
    (folder / "ckpt-35_temp" / "part-00000-of-00001.data-00000-of-00001").write_bytes(b"half")
    (folder / "ckpt-40.data-00000-of-00001").write_bytes(b"no index")
    (folder / "checkpoint.tmp123").write_text("half")
    assert saved_step(saved) == 30
    assert [prefix.name for prefix in checkpoints_in(folder)] == ["ckpt-30", "ckpt-20", "ckpt-10"]
    _, checkpoints, messages = reopened(saved)
    assert checkpoints.restore_last()
    assert int(checkpoints.step) == 30
    assert len(messages) == 1
    checkpoints.step.assign(36)
    checkpoints.save()
    assert sorted(f.name for f in folder.iterdir()) == sorted(
        ["checkpoint", *(f"ckpt-{s}.{part}" for s in (20, 30, 36) for part in PARTS)]
    )


def test_one_of_a_later_step_that_could_not_be_read_goes_with_the_next_save(saved):
    damage_truncate(saved / "checkpoints" / "ckpt-30.index")
    _, checkpoints, _ = reopened(saved)
    checkpoints.restore_last()
    checkpoints.step.assign(25)
    checkpoints.save()
    _, checkpoints, messages = reopened(saved)
    assert checkpoints.restore_last()
    assert int(checkpoints.step) == 25
    assert messages == []


def test_a_checkpoint_that_a_training_replaces_meanwhile_is_not_damaged(saved, monkeypatch):
    with_best(saved)
    method, checkpoints, messages = reopened(saved)
    examine, examined = checkpoints_module.examine, []

    def late(prefix, shapes):
        if not examined:
            with_best(saved, step=30)  # by the training, after the evaluation looked for files
        examined.append(prefix.name)
        return examine(prefix, shapes)

    monkeypatch.setattr(checkpoints_module, "examine", late)
    assert checkpoints.restore_best()
    assert checkpoints.restored == saved / "best" / "ckpt-30"
    assert examined == ["ckpt-20", "ckpt-30"]
    assert float(method.variables[1]) == 30
    assert messages == []


def test_reading_writes_nothing(saved):
    (saved / "checkpoints" / "checkpoint").write_bytes(bytes(range(128, 256)))
    before = {file: file.stat().st_mtime_ns for file in saved.rglob("*")}
    _, checkpoints, _ = reopened(saved)
    checkpoints.restore_best()
    checkpoints.restore_step(10)
    assert {file: file.stat().st_mtime_ns for file in saved.rglob("*")} == before
