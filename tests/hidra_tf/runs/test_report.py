"""Results as a table, as JSON and as a chart."""

import dataclasses
import io
import json

import numpy as np
import pytest
from PIL import Image

from data_gen.class_pool import ClassPool, Splits
from hidra_tf.evaluation.rows import Row
from hidra_tf.runs import report
from hidra_tf.runs.config import Config, EvalRequest

CONFIG = Config(
    dataset="glyphs",
    method="hidra",
    train_ways=(5,),
    shots=1,
    query_shots=15,
    meta_batch=4,
    steps=1000,
    inner_steps=1,
    inner_lr=0.4,
    meta_lr=0.001,
    filters=64,
    seed=3,
)
ROWS = [
    Row(2, 1, 0.9871, 0.0012, 0.04),
    Row(2, 5, 1.0, 0.0, 0.01),
    Row(10, 1, 0.5, 0.01, 1.3),
    Row(10, 5, 0.62345, None, 1.1, {"head_update/bias": {"mean": 1.47, "ci95": None}}),
]

SECONDS = {10: 3.25, 2: 1.5}


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (ROWS[0], "98.71 ± 0.12 %"),
        (ROWS[1], "100.00 ± 0.00 %"),
        (Row(2, 1, 0.62345, None, 1.1), "62.34 %"),
    ],
)
def test_an_accuracy_in_percent(row, text):
    assert report.percent(row) == text


def test_the_pace_is_that_of_all_tasks_and_the_most_steps():
    pace = report.pace(600, ROWS, SECONDS)
    assert pace == "time     4.75 s for 1200 tasks with 5 steps, 252.6 tasks/s"
    pace = report.pace(600, ROWS[:1], {2: 3.0})
    assert pace == "time     3.00 s for 600 tasks with 1 step, 200.0 tasks/s"


def _splits(*classes):
    pools = [
        ClassPool(np.zeros((c, 28, 20, 3), np.uint8), (1,) * c, tuple(map(str, range(c))))
        for c in classes
    ]
    return Splits(*pools)


def test_the_opening_names_data_method_and_size():
    config = dataclasses.replace(CONFIG, train_ways=(2, 5), eval_dataset="folder")
    assert report.opening(config, _splits(4, 2, 3), 12345, "CPU (2 threads)").splitlines() == [
        "data     glyphs → folder: 4 / 2 / 3 classes for training, validation and tests, "
        "28 × 20 × 3",
        "method   hidra, 2, 5 ways, 1 shots: 12,345 weights, on CPU (2 threads)",
    ]


def test_a_table_has_a_line_per_ways_and_a_column_per_steps():
    assert report.table(ROWS).splitlines() == [
        "ways            1 step           5 steps",
        "   2    98.71 ± 0.12 %   100.00 ± 0.00 %",
        "  10    50.00 ± 1.00 %           62.34 %",
    ]


def test_a_table_of_one_row():
    assert report.table([ROWS[2]]).splitlines() == [
        "ways           1 step",
        "  10   50.00 ± 1.00 %",
    ]


def test_a_table_is_sorted_whatever_the_order_of_the_rows():
    assert report.table(ROWS[::-1]) == report.table(ROWS)


def test_results_have_the_documented_keys():
    contents = report.results(CONFIG, "test", 1000, 600, ROWS, SECONDS)
    assert list(contents) == [
        "dataset",
        "eval_dataset",
        "split",
        "method",
        "step",
        "shots",
        "query_shots",
        "tasks",
        "seconds",
        "norm",
        "seed",
        "rows",
    ]
    row = {"ways": 2, "steps": 1, "accuracy": 0.9871, "ci95": 0.0012, "metrics": {}}
    assert contents["rows"][0] == row
    assert contents["rows"][3]["metrics"] == ROWS[3].metrics


def test_results_give_back_what_they_were_made_from(tmp_path):
    written = report.write(
        tmp_path / "test", report.results(CONFIG, "test", 1000, 600, ROWS, SECONDS), b"chart"
    )
    contents = json.loads(written.read_text())
    assert report.seconds_of(contents) == {2: 1.5, 10: 3.25}
    without_loss = [row._replace(loss=0) for row in report.rows_of(contents)]
    assert without_loss == [row._replace(loss=0) for row in ROWS]


def test_older_results_are_read_too():
    contents = report.results(CONFIG, "test", 1000, 600, ROWS, SECONDS)
    for part in (contents, *contents["rows"]):
        part.pop("seconds", None)
        part.pop("metrics", None)
    assert report.seconds_of(contents) == {}
    assert [row[:4] for row in report.rows_of(contents)] == [row[:4] for row in ROWS]
    assert report.answers(contents, EvalRequest(tasks=600, ways=(2, 10), steps=(1, 5)))


def test_results_have_the_values_of_the_run():
    contents = report.results(CONFIG, "val", 500, 600, [], {})
    del contents["rows"]
    assert list(contents.values()) == [
        "glyphs",
        "glyphs",
        "val",
        "hidra",
        500,
        1,
        15,
        600,
        {},
        "transductive",
        3,
    ]


@pytest.mark.parametrize(("split", "name"), [("train", "glyphs"), ("test", "emnist")])
def test_results_name_the_data_set_that_the_classes_are_of(split, name):
    config = dataclasses.replace(CONFIG, eval_dataset="emnist")
    assert report.results(config, split, 1, 1, [], {})["eval_dataset"] == name


def test_results_are_written_as_json_beside_the_chart(tmp_path):
    contents = report.results(CONFIG, "test", 1000, 600, ROWS, SECONDS)
    path = report.write(tmp_path / "results" / "test", contents, b"chart")
    assert path == tmp_path / "results" / "test.json"
    assert json.loads(path.read_text()) == contents
    assert json.loads(path.read_text())["rows"][3]["ci95"] is None
    assert (tmp_path / "results" / "test.png").read_bytes() == b"chart"


def test_writing_again_replaces_and_leaves_nothing_else(tmp_path):
    for step in (1, 2):
        report.write(
            tmp_path / "test", report.results(CONFIG, "test", step, 1, ROWS, SECONDS), b"chart"
        )
    assert json.loads((tmp_path / "test.json").read_text())["step"] == 2
    assert sorted(file.name for file in tmp_path.iterdir()) == ["test.json", "test.png"]


def pixels(image):
    return np.asarray(Image.open(io.BytesIO(image)).convert("L"))


def test_a_chart_is_a_png_that_is_not_blank():
    chart = report.any_way_chart(ROWS, "glyphs")
    assert Image.open(io.BytesIO(chart)).format == "PNG"
    assert pixels(chart).shape == (480, 720)
    assert np.ptp(pixels(chart)) > 100


def test_a_chart_shows_the_accuracies():
    other = [row._replace(accuracy=row.accuracy / 2) for row in ROWS]
    assert report.any_way_chart(ROWS, "glyphs") != report.any_way_chart(other, "glyphs")
    assert report.any_way_chart(ROWS, "glyphs") == report.any_way_chart(ROWS[::-1], "glyphs")


def test_a_chart_of_a_single_point_without_an_interval():
    assert np.ptp(pixels(report.any_way_chart([ROWS[3]], "glyphs"))) > 100
