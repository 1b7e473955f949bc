"""The tables and the picture of single classes."""

import csv
import io

import numpy as np
import pytest

from data_gen.errors import UserError
from hidra_tf.evaluation.confusion import Confusion, check_size
from hidra_tf.runs.records import confusion

FOUND = Confusion(
    np.array([[5, 1, 0], [0, 6, 0], [0, 0, 0]]), np.array([[6, 4, 0], [4, 6, 0], [0, 0, 0]])
)


def table(text):
    return list(csv.reader(io.StringIO(text)))[1:]


def test_the_tables_hold_every_class_and_every_query():
    made = confusion.files({(2, 1): FOUND}, ("a", "b,\n", "c"), "glyphs")
    assert list(made) == [".classes.csv", ".confusion.csv", ".confusion_2way_1step.png"]
    assert [line[3:] for line in table(made[".classes.csv"])] == [
        ["6", "5", "0.833333"],
        ["6", "6", "1.000000"],
        ["0", "0", ""],
    ]
    pairs = table(made[".confusion.csv"])
    assert [line[4:] for line in pairs] == [
        ["5", "6", "0.833333"],
        ["1", "4", "0.250000"],
        ["6", "6", "1.000000"],
    ]
    assert sum(int(line[4]) for line in pairs) == FOUND.queries.sum()
    assert made[".confusion_2way_1step.png"].startswith(b"\x89PNG")
    assert confusion.files({}, ("a",), "glyphs") == {}


def test_a_picture_shows_the_classes_that_are_recognised_worst():
    rates = np.full((60, 60), np.nan)
    np.fill_diagonal(rates, np.linspace(1, 0, 60))
    np.testing.assert_array_equal(confusion._worst(rates), np.arange(20, 60))


def test_too_many_classes_are_refused():
    check_size(2000)
    with pytest.raises(UserError, match=r"^eval_confusion: expected at most 2000 .*received 2001$"):
        check_size(2001)
