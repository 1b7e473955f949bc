"""What tells one split's pictures from others: kept as JSON, compared in words."""

import json

import numpy as np
import pytest

from data_gen import identity
from data_gen.class_pool import ClassPool
from data_gen.identity import SplitIdentity, difference


def pool(counts, fill=0, shape=(2, 3, 1)):
    images = np.full((sum(counts.values()), *shape), fill, np.uint8)
    return ClassPool(images, tuple(counts.values()), tuple(counts))


BEFORE = {"a": 1, "b": 2, "c": 3}


def told(counts, **options):
    return difference(SplitIdentity.of(pool(BEFORE)), SplitIdentity.of(pool(counts, **options)))


def test_the_same_pictures_do_not_differ():
    assert told(dict(BEFORE)) == ""


@pytest.mark.parametrize(
    ("counts", "options", "expected"),
    [
        ({"b": 2, "c": 3}, {}, "1 of 3 classes is missing, such as a"),
        ({"a": 1, "d": 5}, {}, "2 of 3 classes are missing, such as b; 1 is new, such as d"),
        ({**BEFORE, "x": 1, "y": 1}, {}, "2 are new, such as x"),
        (
            {"a": 1, "b": 1, "c": 4},
            {},
            "2 of 3 classes have another number of pictures, such as b with 1, before 2",
        ),
        (dict(reversed(BEFORE.items())), {}, "the classes are the same in another order"),
        (
            BEFORE,
            {"fill": 1},
            "the classes and their numbers of pictures are the same, the pixels are not",
        ),
        (BEFORE, {"shape": (2, 2, 1)}, "the pictures are 2 × 2 × 1, before 2 × 3 × 1"),
        ({**BEFORE, "x\n\udcff": 6}, {}, "1 is new, such as x\\n\\udcff"),
    ],
)
def test_differences_are_said_in_words(counts, options, expected):
    assert told(counts, **options) == expected


def test_names_of_many_classes_are_not_kept(monkeypatch):
    monkeypatch.setattr(identity, "MOST_NAMES", 2)
    before = SplitIdentity.of(pool(BEFORE))
    assert before.counts is None
    assert difference(before, SplitIdentity.of(pool(BEFORE))) == ""
    assert "there are 1 classes with 2 pictures, before 3 with 6" in difference(
        before, SplitIdentity.of(pool({"b": 2}))
    )


def test_json_and_back_with_names_of_any_bytes():
    known = SplitIdentity.of(pool({"a": 1, "\udcff": 2}))
    text = json.dumps(known.to_json())
    assert text.isascii()
    assert SplitIdentity.from_json(json.loads(text)) == known


@pytest.mark.parametrize(
    "change",
    [
        {"classes": "3"},
        {"pictures": True},
        {"shape": [2, 3]},
        {"shape": None},
        {"shape": [2.0, 3, 1]},
        {"names_digest": None},
        {"counts": ["a"]},
        {"counts": {"a": "1"}},
        {"more": 1},
    ],
)
def test_garbage_is_a_value_error(change):
    whole = SplitIdentity.of(pool(BEFORE)).to_json()
    with pytest.raises(ValueError, match="identity of a split"):
        SplitIdentity.from_json({**whole, **change})
    for garbage in ([], None, "x", {}):
        with pytest.raises(ValueError, match="identity of a split"):
            SplitIdentity.from_json(garbage)
