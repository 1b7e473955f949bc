import math

import pytest

from experiments.lab import timing, writing
from experiments.lab.budgets import BUDGETS
from experiments.lab.curves import Point
from experiments.lab.lab import Lab
from experiments.lab.running import run
from experiments.lab.store import Store
from experiments.studies import seconds
from hidra_tf.methods import METHODS
from hidra_tf.runs.place.lock import InUseError


def test_every_method_that_trains_is_timed_on_as_many_pictures(made_up):
    lab = made_up(wanted=lambda config: False)
    jobs = seconds.STUDY.jobs(lab)
    assert {job.label for job in jobs} == {name for name, own in METHODS.items() if own.trains}
    found = seconds.STUDY.collect(lab)
    assert sorted(found.absent) == sorted(job.label for job in jobs)
    assert all(listing.records == () for listing in found.listings)
    assert "Not measured with this budget: hidra; hyperhidra;" in writing.markdown(found, lab)
    for name, test in seconds.tests_of(lab).items():
        config = test.config
        pictures = config.meta_batch * sum(config.train_ways) * (config.shots + config.query_shots)
        if METHODS[name].batches:
            pictures = config.batch_size
        assert config.steps * pictures == 3000 * 4 * 5 * 20
        assert config.norm == "support"
        assert 30 <= config.steps / config.log_every < 31


def test_seconds_count_to_the_first_measurement_at_a_level_or_above():
    values = [(5.0, 0.2), (9.0, 0.9), (14.0, 0.88), (20.0, 0.95), (30.0, 0.94)]
    points = [Point(step, *value) for step, value in enumerate(values)]
    assert [seconds.seconds_to(points, level) for level in (10, 90, 95)] == [5.0, 9.0, 20.0]
    assert seconds.seconds_to(points, 98) == "not reached"
    # As TensorBoard has it, which rounds.
    assert seconds.seconds_to([Point(1, 2.0, 0.99 - 1e-8)], 99) == 2.0


class Refusing(Store):
    """A store whose runs are in the hands of another process, or are left before a checkpoint."""

    error = InUseError("another process")

    def decode(self, config):
        pass

    def measure(self, test):
        if self.error:
            raise self.error


def test_only_starts_that_led_to_something_are_kept(tmp_path):
    lab = Lab(BUDGETS["smoke"], Refusing(tmp_path))
    test = seconds.tests_of(lab)["protonet"]
    with pytest.raises(InUseError):
        timing.measure(test, lab)
    assert timing.starts(test.config, lab) == []
    lab.store.error = None
    timing.measure(test, lab)
    (first,) = timing.starts(test.config, lab)
    # It ended before its first checkpoint, so that the next one starts over.
    timing.measure(test, lab)
    (second,) = timing.starts(test.config, lab)
    assert second.time > first.time
    lab.store.error = InUseError("another process")
    with pytest.raises(InUseError):
        timing.measure(test, lab)
    assert timing.starts(test.config, lab) == [second]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, shared):
    """A lab with one method trained, and the folder of the results."""
    path = tmp_path_factory.mktemp("seconds")
    lab = Lab(BUDGETS["smoke"], Store(path / "runs", str(shared / "cache")))
    assert run(seconds.STUDY, lab, path / "results", only=["protonet"])
    return lab, path / "results" / "seconds"


@pytest.mark.slow
def test_a_training_is_timed_from_its_start(trained):
    lab, results = trained
    text = (results / "smoke.md").read_text()
    assert "| protonet | 0 |" in text
    assert (results / "smoke_seconds.png").read_bytes().startswith(b"\x89PNG")
    assert (results / "smoke_to_accuracy.csv").read_text().count("\n") == 2
    found = seconds.STUDY.collect(lab)
    times, curves = (listing.records for listing in found.listings)
    (record,) = times
    assert record["counted from"] == "start"
    assert [one["update"] for one in curves] == [0, 1, 2]
    # Building and compiling come before the first measurement.
    (start,) = timing.starts(seconds.tests_of(lab)["protonet"].config, lab)
    assert 0 < curves[0]["seconds"] < curves[-1]["seconds"] == record["s in all"]
    assert start.load == record["load before"]
    assert 0 < record["ms per update"] < 1000 * record["s in all"] / 2
    assert record["validation, %"] == curves[-1]["accuracy"]
    assert not math.isnan(record["test, %"])
    assert "protonet" not in found.absent
    assert len(found.absent) == len(METHODS) - 2


@pytest.mark.slow
def test_a_training_whose_start_nobody_kept_is_timed_from_its_first_measurement(trained):
    lab, _ = trained
    config = seconds.tests_of(lab)["protonet"].config
    kept = lab.store.kept(f"starts/{lab.store.run(config).name}")
    lab.store.keep(f"starts/{lab.store.run(config).name}", {"starts": []})
    try:
        (record,), curves = (one.records for one in seconds.STUDY.collect(lab).listings)
    finally:
        lab.store.keep(f"starts/{lab.store.run(config).name}", kept)
    assert record["counted from"] == "first measurement"
    assert record["load before"] is None
    assert curves[0]["seconds"] == 0
