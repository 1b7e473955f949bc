import tensorflow as tf

from hidra_tf.evaluation.rows import Row
from hidra_tf.runs.config import Config
from hidra_tf.runs.event_log import EventLog
from hidra_tf.runs.report import any_way_chart


def values(folder):
    """(tag, step) → value or tensor, of all event files in a folder."""
    found = {}
    for file in folder.glob("events.*"):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                found[value.tag, event.step] = tf.make_ndarray(value.tensor)
    return found


def test_scalars_of_each_split_have_the_same_tags_in_folders_of_their_own(tmp_path):
    log = EventLog(tmp_path)
    log.scalars("train", 7, accuracy=0.5, loss=1.0)
    log.scalars("val", 7, accuracy=0.25)
    assert values(tmp_path / "train") == {("accuracy", 7): 0.5, ("loss", 7): 1.0}
    assert values(tmp_path / "val") == {("accuracy", 7): 0.25}


def test_the_any_way_table_has_ways_on_its_axis(tmp_path):
    metrics = {"head_update/bias": {"mean": 1.5, "ci95": None}}
    rows = [
        Row(2, 1, 0.5, 0.125, 1.0, metrics),
        Row(9, 1, 0.25, 0.125, 1.0),
        Row(9, 3, 0.75, 0.125, 1.0),
    ]
    EventLog(tmp_path).any_way_table("test", rows, any_way_chart(rows, "title"), step=100)
    found = values(tmp_path / "test")
    assert found["accuracy_by_ways/1_steps", 2] == 0.5
    assert found["accuracy_by_ways/1_steps", 9] == 0.25
    assert found["head_update/bias_by_ways/1_steps", 2] == 1.5
    assert found["accuracy_by_ways/3_steps", 9] == 0.75
    assert ("accuracy_by_ways", 100) in found


def test_the_configuration_is_text_and_hyperparameters(tmp_path):
    config = Config(
        dataset="glyphs",
        method="hidra",
        train_ways=(2, 3, 4),
        shots=1,
        query_shots=1,
        meta_batch=1,
        steps=1,
        inner_steps=1,
        inner_lr=0.125,
        meta_lr=0.1,
        filters=4,
    )
    EventLog(tmp_path).configuration(config)
    events = [
        value
        for file in tmp_path.glob("events.*")
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
    ]
    (text,) = [tf.make_ndarray(e.tensor)[()] for e in events if e.tag == "configuration"]
    assert "| inner_lr | `0.125` |" in text.decode()
    assert "| train_ways | `2-4` |" in text.decode()
    plugin = b"".join(e.metadata.plugin_data.content for e in events if "hparams" in e.tag)
    assert b"inner_lr" in plugin
