"""Contact sheets: every picture is on one, within bounds."""

import io

import numpy as np
import pytest
from PIL import Image

from hidra_tf.answers import drawing, sheet
from hidra_tf.answers.answering import Answer
from hidra_tf.answers.learning import NOTHING, Learned

RED = np.full((72, 72, 3), (255, 0, 0), np.uint8)
BLUE = np.full((72, 36, 3), (0, 0, 255), np.uint8)


def answer(name="a.png", true=None, right=None, said="class"):
    return Answer(name, said, 0.9, "x", 0.1, true, RED, False, right)


def pixels(data, color):
    """The number of pixels of a colour; frames lie beside the pictures."""
    return int((np.asarray(Image.open(io.BytesIO(data))) == color).all(axis=-1).sum())


def learned(classes, each=2):
    shown = {f"class {i}": [BLUE] * each for i in range(classes)}
    return Learned(dict.fromkeys(shown, each), shown, frozenset(), {}, 0.1)


def test_every_picture_is_there_below_those_that_were_learned():
    of = learned(3)
    (page,) = sheet.pages(of, [answer()] * 7, of.counts).items()
    assert page[0] == "sheet.png"
    assert pixels(page[1], (255, 0, 0)) == 7 * 72 * 72
    # Thumbnails of 72 × 36 pixels become 36 × 18 there.
    assert pixels(page[1], (0, 0, 255)) == 3 * 2 * 36 * 18


def test_hundreds_of_pictures_take_several_pages_and_thousands_no_more_than_ten():
    of = learned(2)
    made = sheet.pages(of, [answer()] * 230, of.counts)
    assert list(made) == ["sheet-01.png", "sheet-02.png", "sheet-03.png"]
    shown = [pixels(page, (255, 0, 0)) / 72**2 for page in made.values()]
    assert shown == [100, 100, 30]


def test_no_more_than_ten_pages_are_drawn(monkeypatch):
    monkeypatch.setattr(sheet, "_page", lambda _, part, counts, of: (len(part), of))
    made = list(sheet.pages(NOTHING, [answer()] * 1234, {"a": 1}).values())
    assert [number for number, _ in made] == [100] * 10
    assert made[0][1] == ", page 1 of 10 (the first 1000 of 1234 pictures)"


def test_two_hundred_classes_fill_no_more_than_their_bound():
    of = learned(200, each=5)
    (page,) = sheet.pages(of, [answer()], of.counts).values()
    assert pixels(page, (0, 0, 255)) == sheet.MOST_BLOCKS * 5 * 36 * 18


@pytest.mark.parametrize("name", ["x" * 500, "日本語" * 30, "Ünï\n\x1b[31m", "עברית", "a", ""])
def test_names_of_any_kind_fit(name):
    of = Learned({name: 1}, {name: [BLUE]}, frozenset(), {}, 0.1)
    sheet.pages(of, [answer(name, name, False, name), answer(name)], of.counts)
    text = drawing.fitted(name, 13, 92, "✗ ")
    assert text.startswith("✗ ")
    assert drawing._font(text, 13).getlength(text) <= 92


def test_a_right_answer_looks_otherwise_than_a_wrong_one():
    right, wrong = (
        next(
            iter(sheet.pages(NOTHING, [answer("a", "HHHHHHH", told, "HHHHHHH")], {"H": 1}).values())
        )
        for told in (True, False)
    )
    assert pixels(right, sheet._RIGHT) > 10 > pixels(right, sheet._WRONG)
    assert pixels(wrong, sheet._WRONG) > 10 > pixels(wrong, sheet._RIGHT)


def test_names_as_long_as_those_of_imagenet_are_whole():
    assert drawing.fitted("n02110341", 13, sheet._CELL[0] - 6, "✗ ") == "✗ n02110341"
