"""Shares of right answers and their intervals."""

import numpy as np
import pytest

from hidra_tf.answers.answering import Answer
from hidra_tf.answers.scoring import Share, confusion, score


def answer(true, said, unknown=False):
    return Answer("f", said, None if unknown else 0.9, "x", 0.1, true, None, False, said == true)


@pytest.mark.parametrize(("right", "total"), [(0, 1), (1, 1), (0, 30), (17, 30), (95, 100)])
def test_the_interval_holds_the_shares_that_the_normal_test_does_not_reject(right, total):
    # Wilson's interval is where (p̂ − p)² ≤ z² p(1 − p)/n: looked for on a fine grid.
    p = np.linspace(0, 1, 2_000_001)
    inside = p[(right / total - p) ** 2 <= 1.959963984540054**2 * p * (1 - p) / total]
    np.testing.assert_allclose(Share(right, total).interval, (inside[0], inside[-1]), atol=1e-6)


def test_nothing_is_scored_where_no_folder_names_a_class():
    assert score([answer(None, "a")], ["a"]) is None
    assert confusion([answer(None, "a")], ["a"]) is None


def test_every_answer_is_counted_once():
    told = [answer("a", "a"), answer("a", "b"), answer("c", "a"), answer(None, "a")]
    found = score(told, ["a", "b"])
    assert found.all == (1, 3)
    assert found.known == (1, 2)
    assert (found.strange, found.rejected, found.classless) == ({"c": 1}, 0, 1)
    table, names = confusion(told, ["a", "b"])
    assert names == ["a", "b", "c"]
    np.testing.assert_array_equal(table.counts, [[1, 1, 0], [0, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(table.chances, [[2, 2, 0], [0, 0, 0], [1, 1, 0]])


def test_unknown_is_a_column_where_it_was_answered():
    table, names = confusion([answer("a", "unknown", unknown=True)], ["a", "b"])
    assert names == ["a", "b", "unknown"]
    assert table.counts.tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert table.chances.tolist() == [[1, 1, 1], [0, 0, 0], [0, 0, 0]]
