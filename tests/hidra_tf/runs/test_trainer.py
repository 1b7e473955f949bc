import contextlib
import itertools
import shutil
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from data_gen.batches import BatchSampler
from data_gen.class_pool import ClassPool
from data_gen.episodes import EpisodeSampler
from data_gen.rotations import RotatedPool
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.conv_block import ConvBlock
from hidra_tf.evaluation.evaluator import Evaluator
from hidra_tf.methods import build, with_class_loss
from hidra_tf.runs.checkpoints.files import step_of
from hidra_tf.runs.checkpoints.members import members_in
from hidra_tf.runs.checkpoints.reading import best_accuracy, weights_digest
from hidra_tf.runs.checkpoints.store import Checkpoints
from hidra_tf.runs.records.event_log import EventLog
from hidra_tf.runs.terminal.progress import Progress
from hidra_tf.runs.trainer import Interrupted, NonFiniteLossError, Schedule, Trainer
from hidra_tf.training.averaging import WeightAverages
from hidra_tf.training.optimizers import make_optimizer
from hidra_tf.training.schedules import learning_rate
from hidra_tf.training.updates import MetaUpdates
from tests.killing import Killed

VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
SCHEDULE = Schedule(steps=12, log_every=4, checkpoint_every=3)


@pytest.fixture(scope="module")
def pool():
    """Eight classes, each a bright square at its own place, in noise."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 120, (8 * 6, 16, 16, 1)).astype(np.uint8)
    for c in range(8):
        row, column = divmod(c, 4)
        images[6 * c : 6 * c + 6, 8 * row : 8 * row + 6, 4 * column : 4 * column + 4] += 120
    return ClassPool(images, (6,) * 8, tuple(f"class {c}" for c in range(8)))


def one_block(filters, norm):
    """A backbone of one block: a trainer does not depend on how many a network has, but most of the
    time of a tiny training would be that of tracing four."""
    block = ConvBlock(filters, norm != "none", norm == "none", keras.initializers.GlorotUniform(0))
    model = keras.Sequential([keras.Input((16, 16, 1)), block, keras.layers.Flatten()])
    return Backbone(model, norm)


class Parts:
    """What takes long to build, and longer to compile: from its initial values, or back at them."""

    def __init__(self, pool, where="auto"):
        self.method = build("hidra", one_block(4, "transductive"), InnerLoop(2, 0.1), (3,))
        self.optimizer = make_optimizer(self.method.variables, 1e-2)
        sampler = EpisodeSampler(pool, (2, 3), 2, 2, 2, 0, "meta_train", where=where)
        self.monitor = Evaluator(self.method, pool, [3], [2], 2, 2, 0, "monitor", where)
        self.updates = MetaUpdates(self.method, sampler, self.optimizer, 10.0)
        self._start = self.state()

    @property
    def variables(self):
        return [*self.method.variables, *self.optimizer.variables]

    def state(self):
        return [tf.convert_to_tensor(v).numpy().copy() for v in self.variables]

    def begin_anew(self):
        for variable, value in zip(self.variables, self._start, strict=True):
            variable.assign(value)


class Run:
    """A tiny training: built anew as a new process would, where it is given no parts."""

    def __init__(
        self, path, pool, stop_after=None, where="auto", schedule=SCHEDULE, clock=None, parts=None
    ):
        self.path = path
        self.parts = parts or Parts(pool, where)
        self.method, self.optimizer = self.parts.method, self.parts.optimizer
        self.messages = []
        self.checkpoints = Checkpoints(
            path, self.method, self.optimizer, self.messages.append, keep_best=2
        )
        self.resumed = self.checkpoints.restore_last()
        self.updates = self.parts.updates
        self.trainer = Trainer(
            self.updates,
            self.checkpoints,
            schedule,
            {"train": self.parts.monitor, "val": self.parts.monitor},
            10,
            EventLog(path),
            Progress(SCHEDULE.steps, int(self.checkpoints.step), "update", "step"),
            lambda: stop_after is not None and int(self.checkpoints.step) >= stop_after,
            clock or time.monotonic,
        )

    def state(self):
        return self.parts.state()


def best_of(run):
    """The step of the best checkpoint, and a digest of its weights."""
    file = next((run.path / "best").glob("ckpt-*.data-*"))
    weights = tf.train.load_checkpoint(str(file).rsplit(".", 1)[0])
    return file.name, weights.get_tensor(f"variables/0{VALUE}").tobytes()


def members_of(run):
    """Step → the accuracy, and a digest of the weights, of the best two checkpoints."""
    members = members_in(run.path, 2)
    return {step_of(p): (best_accuracy(p), weights_digest(p)) for p in members}


def assert_same(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, pool):
    """A run that nobody interrupted."""
    run = Run(tmp_path_factory.mktemp("whole"), pool)
    run.trainer.run()
    return run


@pytest.fixture(scope="module")
def of_all_tests(pool):
    """Parts that are compiled once."""
    return Parts(pool)


@pytest.fixture
def compiled(of_all_tests):
    """Parts at their initial values, for a run that need not be new."""
    of_all_tests.begin_anew()
    return of_all_tests


@pytest.mark.parametrize("stop_after", [1, 4, 5])
def test_an_interrupted_run_ends_bit_for_bit_like_one_that_was_not(
    tmp_path, pool, whole, compiled, stop_after
):
    first = Run(tmp_path / "parts", pool, stop_after, parts=compiled)
    with pytest.raises(Interrupted, match="stopped after step"):
        first.trainer.run()
    second = Run(tmp_path / "parts", pool)
    assert second.resumed
    assert 0 < int(second.checkpoints.step) < SCHEDULE.steps
    second.trainer.run()
    assert_same(whole.state(), second.state())
    assert float(whole.checkpoints.best_accuracy) == float(second.checkpoints.best_accuracy)
    assert best_of(whole) == best_of(second)
    assert len(members_of(whole)) == 2
    assert members_of(whole) == members_of(second)


def test_pictures_on_the_host_train_the_same_weights_bit_for_bit(tmp_path, pool, whole):
    with pytest.raises(Interrupted):
        Run(tmp_path, pool, stop_after=5, where="host").trainer.run()
    rest = Run(tmp_path, pool, where="host")
    assert rest.resumed
    rest.trainer.run()
    assert_same(whole.state(), rest.state())
    assert best_of(whole) == best_of(rest)


def saves_of(run, monkeypatch, kill_after=None):
    """The steps after which a run saves; it is killed when it has saved after one of them."""
    steps, save = [], run.checkpoints.save

    def note():
        save()
        steps.append(int(run.checkpoints.step))
        if steps[-1] == kill_after:
            raise Killed

    monkeypatch.setattr(run.checkpoints, "save", note)
    with contextlib.suppress(Killed):
        run.trainer.run()
    return steps


def test_the_state_is_saved_by_the_clock_too_and_a_kill_then_changes_no_number(
    tmp_path, pool, whole, compiled, monkeypatch
):
    # The clock is asked when the run begins, after each call, and when the state was saved. Two
    # calls of the trainer take long enough; no number of updates makes one due before the end.
    minutes = itertools.count(step=60)
    rarely = Schedule(steps=12, log_every=4, checkpoint_every=100, checkpoint_seconds=120)
    monkeypatch.setattr("hidra_tf.runs.trainer.SECONDS_PER_CALL", 0.0)  # one update per call
    first = Run(tmp_path, pool, schedule=rarely, clock=minutes.__next__, parts=compiled)
    assert saves_of(first, monkeypatch, kill_after=4) == [0, 2, 4]
    second = Run(tmp_path, pool, schedule=rarely, clock=minutes.__next__)
    assert int(second.checkpoints.step) == 4
    assert saves_of(second, monkeypatch) == [6, 8, 10, 12]
    assert_same(whole.state(), second.state())
    assert best_of(whole) == best_of(second)
    assert members_of(whole) == members_of(second)


def test_a_clock_that_stands_still_saves_only_what_is_due(tmp_path, pool, compiled, monkeypatch):
    schedule = Schedule(steps=4, log_every=4, checkpoint_every=3, checkpoint_seconds=600)
    run = Run(tmp_path, pool, schedule=schedule, clock=lambda: 0.0, parts=compiled)
    assert saves_of(run, monkeypatch) == [0, 3, 4]


def test_a_best_that_was_measured_after_the_last_checkpoint_is_measured_and_saved_again(
    tmp_path, pool, whole, compiled, monkeypatch
):
    rarely = Schedule(steps=12, log_every=4, checkpoint_every=100)
    first = Run(tmp_path, pool, schedule=rarely, parts=compiled)
    save_if_best, measured = first.checkpoints.save_if_best, []

    def kill(_accuracy):
        save_if_best(0.1 + 0.1 * len(measured))  # each is better than the one before
        measured.append(int(first.checkpoints.step))
        if measured[-1] == 8:
            raise Killed

    monkeypatch.setattr(first.checkpoints, "save_if_best", kill)
    with pytest.raises(Killed):
        first.trainer.run()
    assert [file.name for file in (tmp_path / "best").glob("*.index")] == ["ckpt-8.index"]
    second = Run(tmp_path, pool, schedule=rarely)
    # best/ is ahead of the last checkpoint, whose best accuracy is an earlier one.
    assert int(second.checkpoints.step) == 0
    assert float(second.checkpoints.best_accuracy) == 0.1
    second.checkpoints.best_accuracy.assign(-1.0)
    second.trainer.run()
    assert_same(whole.state(), second.state())
    assert float(whole.checkpoints.best_accuracy) == float(second.checkpoints.best_accuracy)
    assert best_of(whole) == best_of(second)


def test_a_stop_in_the_last_call_is_heard(tmp_path, pool, compiled):
    run = Run(tmp_path, pool, stop_after=SCHEDULE.steps, parts=compiled)
    with pytest.raises(Interrupted, match="stopped after step 12"):
        run.trainer.run()


def test_updates_do_not_depend_on_how_many_share_a_call(compiled):
    for step in range(4):
        compiled.updates(tf.constant(step), tf.constant(step + 1))
    one = compiled.state()
    compiled.begin_anew()
    compiled.updates(tf.constant(0), tf.constant(4))
    assert_same(one, compiled.state())


def aided_maml(pool):
    """MAML with everything that changes in the course of a training."""
    aids = {"learn_inner_lr": True, "multi_step_loss": 3, "second_order_after": 1}
    method = build("maml", one_block(3, "none"), InnerLoop(2, 0.1), (2,), **aids)
    return method, EpisodeSampler(RotatedPool(pool), (2,), 1, 1, 1, 0, "meta_train")


def classifier(pool):
    method = build("finetune", one_block(3, "transductive"), InnerLoop(2, 0.1), (3,), classes=8)
    return method, BatchSampler(pool, 5, seed=0)


def beside_classes(pool):
    """Tasks, and a classifier of all classes and their turns beside them."""
    turned = RotatedPool(pool)
    kernel = keras.initializers.GlorotUniform(0)
    layers = [keras.layers.Flatten(), keras.layers.Dense(4, kernel_initializer=kernel)]
    backbone = Backbone(keras.Sequential([keras.Input((16, 16, 1)), *layers]), "none")
    method = with_class_loss(build("protonet", backbone, InnerLoop(1, 0.1), (3,)), 0.5, 32, seed=3)
    return method, EpisodeSampler(turned, (3,), 1, 1, 1, 0, "meta_train", tell_classes=True)


class Half:
    """Updates of a training, built anew as a new process would."""

    def __init__(self, path, pool, make):
        self.method, sampler = make(pool)
        schedule = learning_rate("cosine", 1e-2, 4, 1e-3)
        self.optimizer = make_optimizer(
            self.method.variables, schedule, weight_decay=0.1, undecayed=self.method.undecayed
        )
        self.checkpoints = Checkpoints(path, self.method, self.optimizer, print)
        self.checkpoints.restore_last()
        self.updates = MetaUpdates(self.method, sampler, self.optimizer, 10.0)

    @property
    def variables(self):
        return [*self.method.variables, *self.optimizer.variables]

    def state(self):
        return [tf.convert_to_tensor(v).numpy().copy() for v in self.variables]

    def run(self, first, last):
        assert self.updates(tf.constant(first), tf.constant(last)).finite
        self.checkpoints.step.assign(last)
        self.checkpoints.save()
        return self.state()


@pytest.mark.parametrize("make", [aided_maml, classifier, beside_classes])
def test_a_resumed_training_is_the_same_with_all_that_changes_on_the_way(tmp_path, pool, make):
    first = Half(tmp_path / "parts", pool, make)
    start = first.state()
    begun = first.run(0, 2)
    resumed = Half(tmp_path / "parts", pool, make).run(2, 4)
    # From the start again, in an object that is compiled already.
    for variable, value in zip(first.variables, start, strict=True):
        variable.assign(value)
    assert_same(first.run(0, 4), resumed)
    changed = [np.any(one != other) for one, other in zip(begun, resumed, strict=True)]
    assert any(changed[: len(first.method.variables)])


def test_a_checkpoint_with_a_classifier_of_all_classes_is_one_of_the_method(tmp_path, pool):
    trained, _ = beside_classes(pool)
    trained.variables[0].assign(trained.variables[0] + 1)
    Checkpoints(tmp_path, trained, None, pytest.fail).save_if_best(0.5)
    method = beside_classes(pool)[0].method
    assert len(method.variables) + 2 == len(trained.variables)
    assert Checkpoints(tmp_path, method, None, pytest.fail).restore_best(or_last=False)
    assert_same(method.variables, trained.method.variables)


class Averaging:
    """A tiny training whose averages are tested in place of its weights."""

    def __init__(self, path, pool, stop_after=None):
        self.path, self.stop_after = path, stop_after
        kernel = keras.initializers.GlorotUniform(0)
        layers = [keras.layers.Flatten(), keras.layers.Dense(4, kernel_initializer=kernel)]
        backbone = Backbone(keras.Sequential([keras.Input((16, 16, 1)), *layers]), "none")
        self.method = build("protonet", backbone, InnerLoop(1, 0.1), (3,))
        self.optimizer = make_optimizer(self.method.variables, 1e-2)
        self.averages = WeightAverages(self.method.variables, 0.9, self.optimizer)
        self.checkpoints = Checkpoints(
            path, self.method, self.optimizer, pytest.fail, averages=self.averages
        )
        self.checkpoints.restore_last()
        sampler = EpisodeSampler(pool, (3,), 1, 1, 1, 0, "meta_train")
        monitor = Evaluator(self.method, pool, [3], [0], 1, 1, 0, "monitor")
        self.trainer = Trainer(
            MetaUpdates(self.method, sampler, self.optimizer, 10.0, self.averages),
            self.checkpoints,
            Schedule(6, 3, 2),
            {"val": monitor},
            20,
            EventLog(path),
            Progress(6, int(self.checkpoints.step), "update", "step"),
            lambda: self.stop_after == int(self.checkpoints.step),
        )

    def run(self):
        with contextlib.suppress(Interrupted):
            self.trainer.run()
        return self.state()

    def state(self):
        kept = [*self.method.variables, *self.averages.values, *self.optimizer.variables]
        return [tf.convert_to_tensor(v).numpy().copy() for v in kept]


def test_averages_are_what_is_tested_and_kept_and_a_resumed_training_has_the_same(tmp_path, pool):
    whole = Averaging(tmp_path / "whole", pool, stop_after=3)
    whole.run()
    shutil.copytree(whole.path, tmp_path / "parts")
    whole.stop_after = None
    end = whole.run()
    second = Averaging(tmp_path / "parts", pool)
    assert int(second.checkpoints.step) == 3
    assert_same(second.run(), end)
    assert best_of(whole) == best_of(second)
    # Whoever evaluates a checkpoint finds the averages, and needs not know of them.
    weights, averages = end[:2], end[2:4]
    assert not np.allclose(weights[0], averages[0])
    tested = Checkpoints(whole.path, whole.method, None, pytest.fail)
    assert tested.restore_last_weights()
    assert_same(whole.state()[:2], averages)
    kept = tf.train.load_checkpoint(str(whole.path / "checkpoints" / "ckpt-6"))
    assert_same([kept.get_tensor(f"training_weights/{i}{VALUE}") for i in range(2)], weights)


def test_training_learns(compiled):
    before = compiled.updates(tf.constant(0), tf.constant(1)).loss
    compiled.updates(tf.constant(1), tf.constant(60))
    after = compiled.updates(tf.constant(60), tf.constant(70)).loss
    assert after < 0.7 * before


def test_a_non_finite_loss_stops_at_its_step_and_touches_nothing(tmp_path, pool, compiled):
    run = Run(tmp_path, pool, parts=compiled)
    run.updates(tf.constant(0), tf.constant(2))
    run.checkpoints.step.assign(2)
    run.method.variables[0].assign(tf.fill(run.method.variables[0].shape, np.nan))
    before = run.state()
    with pytest.raises(NonFiniteLossError, match="step 3 is not finite"):
        run.trainer.run()
    assert_same(before, run.state())
    assert not list(tmp_path.glob("checkpoints/ckpt-3*"))


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 500),
    st.integers(1, 50),
    st.integers(1, 50),
)
def test_the_schedule_skips_nothing_that_is_due(steps, log_every, checkpoint_every):
    schedule = Schedule(steps, log_every, checkpoint_every)
    step, stops = 0, set()
    while step < steps:
        step = schedule.next_stop(step)
        stops.add(step)
    due = {s for s in range(1, steps + 1) if schedule.is_log(s) or schedule.is_checkpoint(s)}
    assert stops == due


def test_a_measurement_shows_its_own_progress_to_the_end(tmp_path, pool, compiled, monkeypatch):
    run = Run(tmp_path, pool, parts=compiled)
    told = []
    part = Progress.part

    @contextlib.contextmanager
    def watched(self, total, unit, label):
        with part(self, total, unit, label) as inner:
            yield inner
            told.append((label, total, inner._done))

    monkeypatch.setattr(Progress, "part", watched)
    run.trainer._measure(0)
    ((label, total, done),) = told
    assert label == "measuring"
    assert total == done > 0
