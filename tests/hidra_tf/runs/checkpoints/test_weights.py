"""Which checkpoint is evaluated, and how it is told from another."""

import logging
import shutil

import pytest
import tensorflow as tf

from data_gen.errors import UserError
from hidra_tf.runs import sizes
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
        weights.check_at_the_end(CONFIG, asked)
    else:
        with pytest.raises(UserError, match="expected best, last or ensemble at the end"):
            weights.check_at_the_end(CONFIG, asked)


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


KEEPS_TWO = make_config(keep_best=2)


class Ensemble(Method):
    """All that checkpoints want of an ensemble."""

    def __init__(self):
        super().__init__()
        self.remembered = []

    def remember(self):
        self.remembered.append(float(self.variables[1]))


@pytest.fixture
def several(tmp_path):
    """A run that keeps the two best checkpoints, of steps 10 and 30; the best of step 30."""
    method, path = Method(), tmp_path / "several"
    checkpoints = Checkpoints(path, method, None, print, keep=1, keep_best=2)
    for step, accuracy in ((0, 0.1), (10, 0.8), (20, 0.7), (30, 0.9), (40, 0.2)):
        checkpoints.step.assign(step)
        method.variables[1].assign(step)
        checkpoints.save_if_best(accuracy)
        checkpoints.save()
    return path


def together(run, config=KEEPS_TWO):
    ensemble = Ensemble()
    return weights.restore(run, ensemble, config, "ensemble"), ensemble.remembered


def test_the_members_of_an_ensemble_are_restored_one_after_the_other(several, caplog):
    found, values = together(several)
    assert values == [10, 30]
    assert (found.kind, found.step, found.steps) == ("ensemble", 30, (10, 30))
    assert found == weights.current(several, KEEPS_TWO, "ensemble")
    assert str(found) == "steps 10, 30"
    assert messages(caplog) == []


def test_members_beyond_those_that_are_kept_are_no_part_of_the_ensemble(several):
    """As a kill before the removal of an old one leaves them."""
    for file in list((several / "best").glob("ckpt-30.*")):
        shutil.copy(file, several / "ensemble" / file.name.replace("30", "35"))
    assert together(several)[0].steps == (30, 35)


def test_another_member_makes_another_ensemble(several):
    before = together(several)[0]
    method = Method()
    method.variables[1].assign(-1)
    again = Checkpoints(several, method, None, print, keep_best=2)
    again.step.assign(10)
    again.save_if_best(0.85)
    after = together(several)[0]
    assert after.steps == before.steps
    assert after.digest != before.digest


def test_an_ensemble_of_fewer_than_were_asked_for_is_announced(several, caplog):
    assert together(several, make_config(keep_best=3))[0].steps == (10, 30)
    (message,) = messages(caplog)
    assert message.startswith("expected 3 checkpoints in")
    assert message.endswith("found 2, which are the ensemble: of steps 10, 30")


def test_a_damaged_member_is_an_error_and_not_left_out(several):
    (several / "ensemble" / "ckpt-10.index").write_bytes(b"damaged")
    assert weights.current(several, KEEPS_TWO, "ensemble") is None
    with pytest.raises(UserError, match="ckpt-10 is damaged"):
        together(several)


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ([], "`checkpoint=best` and `checkpoint=last` can"),
        (["best/ckpt-30"], "; `checkpoint=last` can"),
        (["checkpoints/ckpt-40"], "; `checkpoint=best` can"),
        (["best/ckpt-30", "checkpoints/ckpt-40"], "; neither the best nor the last checkpoint can"),
    ],
)
def test_a_damaged_member_is_told_with_what_can_be_evaluated_instead(several, lost, said):
    """What is named can then be evaluated, and what is not cannot."""
    for name in ["ensemble/ckpt-30", *lost]:
        (several / f"{name}.index").write_bytes(b"damaged")
    with pytest.raises(UserError, match="ckpt-30 is damaged") as caught:
        together(several)
    message = str(caught.value)
    assert message.endswith(f"{said} be read in its place")
    assert "\n" not in message
    for name in ("best", "last"):
        if f"`checkpoint={name}`" in message:
            restore(several, name)
        else:
            with pytest.raises(UserError, match="damaged"):
                restore(several, name)


def test_an_ensemble_that_is_not_there_is_refused_in_one_line(run):
    for config, expected in (
        (CONFIG, r"^checkpoint: expected best, last or a step for a run with `keep_best=1`, rec"),
        (KEEPS_TWO, r"^checkpoint: expected best, last or a step out of 10, .*received ensemble$"),
    ):
        with pytest.raises(UserError, match=expected):
            weights.check_kept(run, config, "ensemble")
    with pytest.raises(UserError, match=r"received ensemble$"):
        together(run)
    with pytest.raises(UserError, match="with `keep_best=1`, received ensemble"):
        weights.check_at_the_end(CONFIG, "ensemble")
    weights.check_at_the_end(KEEPS_TWO, "ensemble")
    assert weights.current(run, KEEPS_TWO, "ensemble") is None


def test_an_ensemble_that_the_machine_cannot_hold_is_refused_before_it_is_loaded(
    several, monkeypatch
):
    """Counted are the members that there are, of which a run may have fewer than it keeps."""
    config = make_config(keep_best=9, filters=64)
    room = 3 * sizes._weights(config, copies=1).size
    monkeypatch.setattr(sizes, "this_machine", lambda: sizes.Machine("it", room))
    weights.check_kept(several, config, "ensemble")
    monkeypatch.setattr(sizes, "this_machine", lambda: sizes.Machine("it", room - 1))
    with pytest.raises(UserError, match="the weights of 2 checkpoints that answer together"):
        weights.check_kept(several, config, "ensemble")
    weights.check_kept(several, config, "best")


def test_a_member_can_be_named_by_its_step_and_has_its_own_accuracy(several):
    assert restore(several, "10")[1] == 10
    for step, accuracy in (("10", 0.8), ("30", 0.9), ("40", None)):
        found = restore(several, step)[0]
        assert weights.validation_accuracy(several, found) == accuracy
    assert weights.validation_accuracy(several, together(several)[0]) is None
    with pytest.raises(UserError, match="best, last, ensemble or a step out of 10, 30, 40 for"):
        restore(several, "20")


def test_results_hold_the_steps_of_an_ensemble_and_nothing_new_of_one_checkpoint(several):
    one, several = restore(several)[0], together(several)[0]
    assert one.fields == {"kind": "best", "step": 30, "digest": one.digest}
    assert several.fields == {
        "kind": "ensemble", "step": 30, "digest": several.digest, "steps": [10, 30],
    }  # fmt: skip
    for found in (one, several):
        assert weights.Weights.of_fields(found.fields) == found
