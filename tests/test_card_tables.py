"""The tables of docs/your_pictures.md are those of the cards that are shipped."""

import dataclasses

import pytest

from experiments import card_tables
from hidra_tf.evaluation.temperature import Temperature
from hidra_tf.shipped import Accuracy, Card, Threshold, initializations

CARD = Card(
    **dict.fromkeys(("title", "pictures", "data", "licence", "command", "seconds", "limits"), "x"),
    temperature=Temperature(0.5, 2.0),
    accuracies=[Accuracy(ways=5, shots=1, tasks=9, accuracy=0.9, ci95=0.02, before=0.1, after=0.0)],
    thresholds=[Threshold(shots=2, below=0.5, answered=1.0, accuracy=0.9, strangers=0.25)],
)


def test_the_page_has_the_cards_as_they_are():
    page = card_tables.PAGE.read_text()
    assert card_tables.with_tables(page, initializations()) == page, (
        "run `python -m experiments.card_tables`"
    )


def test_every_figure_of_a_card_is_in_its_tables():
    shown = card_tables.tables({"drawings": CARD})
    assert "### `drawings`" in shown
    assert "| 5 | 1 | 90.00 ± 2.00 | 10.00 → 0.00 |" in shown
    assert "| 2 | 0.5 | 100.0 % | 90.0 % | 25.0 % |" in shown
    assert "0.50 + 2.00 / shots (2.50 at 1, 1.50 at 2, 0.90 at 5, 0.70 at 10)" in shown


@pytest.mark.parametrize("changed", [{"title": "other"}, {"accuracies": []}])
def test_a_page_with_another_card_is_noticed(changed):
    page = card_tables.with_tables(card_tables.PAGE.read_text(), {"drawings": CARD})
    other = {"drawings": dataclasses.replace(CARD, **changed)}
    assert card_tables.with_tables(page, other) != page
