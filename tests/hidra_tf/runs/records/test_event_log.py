import math

import pytest
import tensorflow as tf
from tensorboard.plugins.hparams import metadata

from hidra_tf.evaluation.rows import Row
from hidra_tf.runs.config import Config
from hidra_tf.runs.records.charts import accuracy_chart
from hidra_tf.runs.records.event_log import EventLog


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


ROWS = [
    Row(2, 1, 0.5, 0.125, 1.0, {"head_update/bias": {"mean": math.inf, "ci95": None}}),
    Row(9, 1, 0.25, 0.125, 1.0),
]


def test_a_value_that_is_not_finite_leaves_a_gap(tmp_path):
    log = EventLog(tmp_path)
    log.scalars("val", 7, accuracy=0.25, loss=math.nan)
    log.scalars("val", 8, accuracy=0.5, loss=math.inf)
    assert values(tmp_path / "val") == {("accuracy", 7): 0.25, ("accuracy", 8): 0.5}


@pytest.mark.parametrize(
    ("name", "own", "folder", "tag"),
    [
        ("test", True, "test", "accuracy_by_ways"),
        ("val", True, "evaluations", "accuracy_by_ways/val"),
        ("test_ways=2", False, "evaluations", "accuracy_by_ways/test_ways=2"),
    ],
)
def test_a_table_is_a_picture_and_text_and_no_curve_over_ways(tmp_path, name, own, folder, tag):
    EventLog(tmp_path).table(name, own, ROWS, accuracy_chart(ROWS, "title"), step=100)
    found = values(tmp_path / folder)
    assert found.keys() == {(tag, 100), (f"{tag}/table", 100)}
    assert b"| 9 | 1 | 25.00 " in found[f"{tag}/table", 100][()]
    assert b"| inf |" in found[f"{tag}/table", 100][()]


@pytest.mark.parametrize("own", [True, False])
def test_another_table_takes_the_place_of_the_first_of_its_name(tmp_path, own):
    chart = accuracy_chart(ROWS, "title")
    EventLog(tmp_path).table("other", False, ROWS, chart, 7)
    for step in (1, 2):
        EventLog(tmp_path).table("test", own, ROWS, chart, step)
    assert {step for _, step in values(tmp_path / ("test" if own else "evaluations"))} == (
        {2} if own else {2, 7}
    )


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
    columns = hparams_in(events)
    assert sorted(columns)[:2] == ["1_run", "2_method"]
    assert [columns["1_run"], columns["2_method"]] == ["run", "method"]
    assert "method" not in columns
    assert columns["inner_lr"] == "inner_lr"


def hparams_in(events):
    """The names of the hyperparameters, by which TensorBoard sorts them → what it shows."""
    (experiment,) = [e for e in events if e.tag == metadata.EXPERIMENT_TAG]
    content = experiment.metadata.plugin_data.content
    infos = metadata.parse_experiment_plugin_data(content).hparam_infos
    return {info.name: info.display_name for info in infos}
