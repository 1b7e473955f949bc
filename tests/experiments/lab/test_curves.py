import time

import pytest
import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event

from experiments.lab import curves
from hidra_tf.runs.records.event_log import EventLog


def measure(path, times):
    """A start of a run that measures at `times`: step → seconds since 1970."""
    folder = path / "val"
    before = set(folder.glob("events.*"))
    log = EventLog(path)
    for step in times:
        log.scalars("val", step, accuracy=1 / (1 + step), loss=2.0)
    (file,) = set(folder.glob("events.*")) - before
    # TensorFlow writes the time of day, which a test cannot choose.
    events = [Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(file))]
    with tf.io.TFRecordWriter(str(file)) as writer:
        for event in events:
            event.wall_time = times.get(event.step, event.wall_time) if event.summary.value else 0
            writer.write(event.SerializeToString())


def points(path, **options):
    return [(point.step, point.seconds) for point in curves.curve(path, "val", **options)]


def test_a_curve_is_what_the_event_log_was_told(tmp_path):
    begun = time.time()
    log = EventLog(tmp_path)
    for step in (0, 10, 20):
        log.scalars("val", step, accuracy=1 / (1 + step), loss=2.0)
    found = curves.curve(tmp_path, "val")
    assert [point.step for point in found] == [0, 10, 20]
    assert [point.value for point in found] == pytest.approx([1, 1 / 11, 1 / 21])
    seconds = [point.seconds for point in found]
    assert seconds[0] == 0 <= seconds[1] <= seconds[2] <= time.time() - begun
    assert [point.value for point in curves.curve(tmp_path, "val", "loss")] == [2.0] * 3
    assert curves.pieces(tmp_path, "val") == 1


def test_a_run_that_was_never_measured_has_no_curve(tmp_path):
    assert curves.curve(tmp_path, "val") == []
    assert curves.pieces(tmp_path, "val") == 0
    assert curves.training_seconds(tmp_path) is None


def test_time_begins_at_the_first_measurement_or_at_the_start_where_that_is_known(tmp_path):
    measure(tmp_path, {0: 1000.0, 10: 1004.0, 20: 1007.0})
    assert points(tmp_path) == [(0, 0), (10, 4), (20, 7)]
    assert points(tmp_path, starts=[990.0]) == [(0, 10), (10, 14), (20, 17)]
    # A start after the first measurement is another's.
    assert points(tmp_path, starts=[1005.0]) == [(0, 0), (10, 4), (20, 7)]
    assert curves.training_seconds(tmp_path) == 7


def test_a_run_that_goes_on_has_its_updates_once_and_no_pause(tmp_path):
    # Saved after 15 updates and killed after 30, it goes on hours later.
    measure(tmp_path, {0: 1000.0, 10: 1004.0, 20: 1008.0, 30: 1012.0})
    measure(tmp_path, {20: 9010.0, 30: 9014.0, 40: 9018.0})
    assert curves.pieces(tmp_path, "val") == 2
    # The second start's way to step 20 is not in the files, the first one's is.
    assert points(tmp_path) == [(0, 0), (10, 4), (20, 8), (30, 12), (40, 16)]
    known = {"starts": [990.0, 9003.0]}
    assert points(tmp_path, **known) == [(0, 10), (10, 14), (20, 21), (30, 25), (40, 29)]
    # Where only the first start is known, the pause is still none of the training.
    assert points(tmp_path, starts=[990.0])[2:] == [(20, 18), (30, 22), (40, 26)]
    values = [point.value for point in curves.curve(tmp_path, "val")]
    assert values == pytest.approx([1 / (1 + step) for step in (0, 10, 20, 30, 40)])


def test_what_a_later_start_did_not_reach_again_is_gone(tmp_path):
    measure(tmp_path, {0: 1000.0, 10: 1004.0, 20: 1008.0, 30: 1012.0})
    measure(tmp_path, {20: 2000.0})
    assert points(tmp_path) == [(0, 0), (10, 4), (20, 8)]


def test_starts_within_a_second_keep_their_order(tmp_path):
    for number in range(5):
        measure(tmp_path, {number: 1000.1 + 0.1 * number})
    assert [step for step, _ in points(tmp_path)] == [0, 1, 2, 3, 4]
