"""The axis of the ways in the chart of a comparison."""

import pytest
from matplotlib.figure import Figure

from hidra_tf.runs.records.comparison_chart import _mark_ways


@pytest.mark.parametrize(
    ("ways", "scale"),
    [((5,), "linear"), (tuple(range(2, 11)), "linear"), ((2, 5, 10, 200), "log")],
)
def test_every_number_of_ways_has_a_mark(ways, scale):
    axes = Figure().subplots()
    axes.plot(ways, [0.5] * len(ways))
    _mark_ways(axes, ways)
    assert axes.get_xscale() == scale
    assert tuple(axes.get_xticks()) == ways
    axes.figure.canvas.draw()
    assert [label.get_text() for label in axes.get_xticklabels()] == [str(c) for c in ways]


def test_of_many_ways_some_have_marks_and_all_marks_are_whole():
    axes = Figure().subplots()
    axes.plot((2, 30), (0, 1))
    _mark_ways(axes, tuple(range(2, 31)))
    assert all(tick == int(tick) for tick in axes.get_xticks())
    assert len(axes.get_xticks()) < 29
