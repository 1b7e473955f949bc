"""Framing: a drawing on any sheet becomes a picture like Omniglot's."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from data_gen import framing, pictures

SIZE = (28, 28)


def sheet(place=(60, 40), scale=100, pen=8, side=240, ground=255, stroke=0):
    """A sheet with a seven, whose box is `scale` high from the corner `place` (x, y) on."""
    image = Image.new("L", (side, side), ground)
    x, y = place
    points = [(0, 0), (0.6, 0), (0.2, 1), (0.2, 0.6)]
    places = [(x + scale * a, y + scale * b) for a, b in points]
    ImageDraw.Draw(image).line(places, fill=stroke, width=pen, joint="curve")
    return np.asarray(image)


def framed(drawing, size=SIZE):
    found = framing.framed(drawing, size)
    assert found.shape == size
    assert found.dtype == np.uint8
    return found.astype(int)


def difference(a, b):
    """The mean of |a − b| over pixels, as a share of the ink of a."""
    return np.abs(a - b).sum() / (255 - a).sum()


def box(drawing):
    """First row and column with strokes, and the ones after the last."""
    dark = np.argwhere(drawing < 128)
    return dark.min(axis=0), dark.max(axis=0) + 1


@pytest.mark.parametrize("place", [(5, 3), (61, 40), (150, 135)])
def test_the_place_of_a_drawing_does_not_show(place):
    assert difference(framed(sheet()), framed(sheet(place))) < 0.01


@pytest.mark.parametrize(("scale", "side"), [(50, 120), (100, 131), (200, 480), (400, 960)])
def test_the_size_of_a_drawing_and_of_its_sheet_do_not_show(scale, side):
    other = sheet((scale // 10,) * 2, scale, pen=round(0.08 * scale), side=side)
    assert difference(framed(sheet()), framed(other)) < 0.15


def test_a_drawing_fills_the_middle_as_omniglots_do():
    low, high = box(framed(sheet(), (105, 105)))
    assert abs((high - low).max() - 65) <= 1
    assert np.abs((low + high) / 2 - 52.5).max() <= 1
    assert framed(sheet())[0].min() == 255


@pytest.mark.parametrize(("ground", "stroke"), [(0, 255), (40, 200), (200, 40), (255, 180)])
def test_neither_polarity_nor_brightness_show(ground, stroke):
    assert difference(framed(sheet()), framed(sheet(ground=ground, stroke=stroke))) < 0.02


def test_a_grey_scan_with_noise_dust_and_uneven_light_is_framed_alike():
    rng = np.random.default_rng(0)
    clean = sheet(ground=200, stroke=50).astype(float)
    clean[220:222, 5:7] = clean[10:12, 230] = 40
    light = np.linspace(-10, 10, clean.shape[1])
    noisy = np.clip(clean + light + rng.normal(0, 8, clean.shape), 0, 255).astype(np.uint8)
    assert difference(framed(sheet()), framed(noisy)) < 0.1


def test_a_dot_of_an_i_is_no_dust():
    image = Image.new("L", (100, 100), 255)
    draw = ImageDraw.Draw(image)
    draw.line([(50, 40), (50, 90)], fill=0, width=4)
    draw.ellipse((48, 20, 52, 24), fill=0)
    low, high = box(framed(np.asarray(image), (105, 105)))
    assert abs((high - low)[0] - 65) <= 1


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_sheet_has_no_strokes(level):
    assert framing.framed(np.full((50, 40), level, np.uint8), SIZE) is None
    assert framing.framed(np.full((1, 1), level, np.uint8), SIZE) is None


def test_noise_and_gradients_are_no_strokes():
    rng = np.random.default_rng(1)
    for one in (
        rng.integers(0, 256, (60, 60)),
        np.clip(rng.normal(230, 5, (60, 60)), 0, 255),
        np.mgrid[:60, :60].sum(axis=0) * 2,
    ):
        assert framing.framed(one.astype(np.uint8), SIZE) is None


def test_a_single_pixel_stays_a_dot():
    drawing = np.full((100, 100), 255, np.uint8)
    drawing[17, 80] = 0
    dot = framed(drawing)
    low, high = box(dot)
    assert (high - low).max() <= 3
    assert np.abs((low + high) / 2 - 14).max() <= 0.5
    assert dot.min() == 0


@pytest.mark.parametrize("turned", [False, True])
def test_a_long_stroke_keeps_its_ratio_and_is_not_lost(turned):
    drawing = np.full((1000, 1000), 255, np.uint8)
    drawing[300:302, 50:950] = 0  # 0.04 of 28 pixels wide when it is framed
    line = framed(drawing.T if turned else drawing)
    line = line.T if turned else line
    low, high = box(line)
    assert abs((high - low)[1] - 28 * 65 / 105) <= 1
    assert (high - low)[0] in (1, 2)
    assert line.min() < 20


def test_framing_twice_changes_little():
    once = framed(sheet(), (105, 105))
    assert difference(once, framed(once.astype(np.uint8), (105, 105))) < 0.15
    small = framed(sheet())
    assert difference(small, framed(small.astype(np.uint8))) < 0.35


def test_strokes_may_reach_the_edge_of_a_sheet():
    drawing = sheet()
    low, high = box(drawing)
    tight = drawing[low[0] : high[0], low[1] : high[1]]
    assert difference(framed(drawing), framed(tight)) < 0.02


def test_a_picture_is_framed_in_grey_or_colour_and_a_photograph_is_resized():
    drawing = Image.fromarray(sheet())
    grey = pictures.resize(drawing, SIZE, "L", frame=True)
    np.testing.assert_array_equal(grey, framed(sheet()))
    colour = pictures.resize(drawing, SIZE, "RGB", frame=True)
    np.testing.assert_array_equal(colour, np.stack([grey] * 3, axis=-1))
    photograph = Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 40, 3), np.uint8))
    for mode in ("L", "RGB"):
        np.testing.assert_array_equal(
            pictures.resize(photograph, SIZE, mode, frame=True),
            pictures.resize(photograph, SIZE, mode),
        )
