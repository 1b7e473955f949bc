"""Fonts for names in any script."""

import warnings

import numpy as np
import pytest

from hidra_tf.evaluation.confusion import Confusion
from hidra_tf.runs.records import lettering as module
from hidra_tf.runs.records.confusion import chart
from hidra_tf.runs.records.lettering import lettering


@pytest.fixture(autouse=True)
def without_fonts_of_the_system(monkeypatch):
    """As on a machine that has no other font than Matplotlib's."""
    monkeypatch.setattr(module, "_fonts", lambda: [module._own_font()])
    lettering.cache_clear()
    yield
    lettering.cache_clear()


@pytest.mark.parametrize("text", ["daisy", "Ünïcödé", "ελληνικά", "кириллица", "✓ ✗ …"])
def test_scripts_of_europe_are_written_as_they_are(text):
    assert lettering(text) == (module._own_font(), text)


def test_what_no_font_has_is_spelled():
    assert lettering("日 x\n").text == "\\u65e5 x\\n"


def test_a_font_that_has_all_characters_comes_before_spelling(monkeypatch, tmp_path):
    asian = tmp_path / "asian.ttf"
    characters = {module._own_font(): frozenset(b"abc"), asian: frozenset(map(ord, "日本a"))}
    monkeypatch.setattr(module, "_fonts", lambda: list(characters))
    monkeypatch.setattr(module, "_characters", characters.__getitem__)
    assert lettering("日a") == (asian, "日a")
    assert lettering("ab") == (module._own_font(), "ab")
    assert lettering("日b").font == module._own_font()


def test_a_chart_with_such_names_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chart(Confusion(np.eye(2, dtype=int), np.ones((2, 2), int)), ["日本", "a"], "title")
