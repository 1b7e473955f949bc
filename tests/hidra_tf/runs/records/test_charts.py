"""Pictures of evaluations."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from hidra_tf.evaluation.rows import Row
from hidra_tf.runs.records import charts
from hidra_tf.runs.records.charts import accuracy_chart

ROWS = [
    Row(2, 1, 0.9871, 0.0012, 0.04),
    Row(2, 5, 1.0, 0.0, 0.01),
    Row(10, 1, 0.5, 0.01, 1.3),
    Row(10, 5, 0.62345, None, 1.1),
]
FIXED = [Row(5, 3, 0.75, None, 1.0), Row(5, 1, 0.5, 0.02, 1.0)]


def pixels(image):
    return np.asarray(Image.open(io.BytesIO(image)).convert("L"))


def axes_of(draw, rows):
    axes = Figure().add_subplot()
    draw(axes, rows)
    return axes


@pytest.mark.parametrize("rows", [ROWS, FIXED, [ROWS[3]], [ROWS[1]]])
def test_a_chart_is_a_png_that_is_not_blank(rows):
    chart = accuracy_chart(rows, "glyphs")
    assert Image.open(io.BytesIO(chart)).format == "PNG"
    assert pixels(chart).shape == (480, 720)
    assert np.ptp(pixels(chart)) > 100


@pytest.mark.parametrize("rows", [ROWS, FIXED])
def test_a_chart_shows_the_accuracies(rows):
    other = [row._replace(accuracy=row.accuracy / 2) for row in rows]
    assert accuracy_chart(rows, "glyphs") != accuracy_chart(other, "glyphs")
    assert accuracy_chart(rows, "glyphs") == accuracy_chart(rows[::-1], "glyphs")


def test_one_number_of_ways_has_a_bar_from_zero_for_each_number_of_steps():
    axes = axes_of(charts._bars, sorted(FIXED))
    bars = axes.containers[-1].patches if len(axes.containers) == 1 else axes.containers[1].patches
    assert [(bar.get_y(), bar.get_height()) for bar in bars] == [(0, 50), (0, 75)]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "3"]
    assert axes.get_ylim()[0] == 0
    assert axes.get_ylim()[1] >= 100
    assert {text.get_text() for text in axes.texts} == {"50.00 ± 2.00 %", "75.00 %"}
    assert "5 ways" in axes.get_xlabel()


def test_several_numbers_of_ways_have_a_line_for_each_number_of_steps():
    axes = axes_of(charts._lines, ROWS)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "1 inner step",
        "5 inner steps",
    ]
