"""Strokes become pictures like Omniglot's, wherever and however large they were drawn."""

import json

import numpy as np
import pytest

from data_gen import framing
from data_gen.errors import UserError
from hidra_tf.app import bounds, strokes


def test_place_and_size_of_a_drawing_do_not_show(drawn):
    picture = drawn("circle").astype(int)
    for at in ((0.3, 0.7, 0.15), (0.6, 0.4, 0.39)):
        assert np.abs(drawn("circle", *at) - picture).max() <= 3


@pytest.mark.parametrize(("shape", "middle"), [("circle", 255), ("cross", 0)])
def test_a_drawing_fills_the_middle_with_dark_strokes_on_white(drawn, shape, middle):
    picture = drawn(shape)
    assert picture.shape == (28, 28)
    assert picture.dtype == np.uint8
    assert picture[14, 14] == middle
    dark = np.argwhere(picture < 128)
    # 65 of 105 pixels are 17.3 of 28, so that 5.3 are free on each side.
    assert np.abs(dark.min(axis=0) - 5.3).max() < 1
    assert np.abs(27 - dark.max(axis=0) - 5.3).max() < 1
    assert picture[0].min() == 255


def test_strokes_have_the_width_of_omniglots_however_long_they_are():
    for length in (0.3, 0.8):
        line = strokes.picture([np.array([[0.1, 0.5], [0.1 + length, 0.5]])], (105, 105), 1)
        assert (line[:, 52] < 128).sum() == 5


def test_a_dot_stays_small_and_colour_has_three_equal_channels():
    dot = strokes.picture([np.array([[0.2, 0.9]])], (28, 28), 3)
    assert dot.shape == (28, 28, 3)
    assert 1 <= (dot[..., 0] < 128).sum() <= 6
    assert (dot == dot[..., :1]).all()


def test_points_outside_of_the_pad_are_moved_to_its_edge():
    (stroke,) = strokes.read("[[-3, 0.5, 0.25, 7]]")
    assert stroke.tolist() == [[0, 0.5], [0.25, 1]]


@pytest.mark.parametrize("text", [None, "", "[]", "[[]]"])
def test_nothing_is_no_stroke(text):
    assert strokes.read(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "no json", "7", "{}x", "[7]", "[[0.1]]", "[[[0.1, 0.2], [0.3]]]", '[["a", "b"]]',
        "[[NaN, 0]]", "[[Infinity, 0]]", "[" * 100_000, "[[null, null]]",
    ],
)  # fmt: skip
def test_what_is_no_drawing_is_refused(text):
    with pytest.raises(UserError, match="expected the strokes of a drawing"):
        strokes.read(text)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([[0.5, 0.5]] * (bounds.MOST_STROKES + 1)),
        json.dumps([[0.5] * (2 * bounds.MOST_POINTS + 2)]),
        " " * (bounds.MOST_TEXT + 1),
    ],
    ids=["strokes", "points", "text"],
)
def test_too_much_is_refused(text):
    with pytest.raises(UserError, match="too many strokes"):
        strokes.read(text)


def test_a_drawing_has_the_frame_of_files(draw, monkeypatch):
    drawn = strokes.read(draw("circle"))
    picture = strokes.picture(drawn, (105, 105), 1)
    again = framing.framed(picture, (105, 105)).astype(int)
    ink = (255 - picture.astype(int)).sum()
    assert np.abs(again - picture).sum() / ink < 0.15
    # One function says how large the frame is.
    monkeypatch.setattr(framing, "window", lambda *_: 2 * framing.FRAME / 65)
    assert (255 - strokes.picture(drawn, (105, 105), 1).astype(int)).sum() < 0.5 * ink
