"""What a person reads of a run."""

import dataclasses

import numpy as np
import pytest

from data_gen.class_pool import ClassPool, Splits
from hidra_tf.evaluation.rows import Row
from hidra_tf.runs.config import Config
from hidra_tf.runs.records import report

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


def test_a_table_in_markdown_holds_losses_and_what_else_was_measured():
    assert report.markdown(ROWS[::-1]).splitlines() == [
        "| ways | steps | accuracy | loss | head_update/bias |",
        "| -- | -- | -- | -- | -- |",
        "| 2 | 1 | 98.71 ± 0.12 % | 0.04 |  |",
        "| 2 | 5 | 100.00 ± 0.00 % | 0.01 |  |",
        "| 10 | 1 | 50.00 ± 1.00 % | 1.3 |  |",
        "| 10 | 5 | 62.34 % | 1.1 | 1.47 |",
    ]
