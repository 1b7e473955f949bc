"""Writes the tables of the initializations' cards into docs/your_pictures.md.

python -m experiments.card_tables
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hidra_tf.evaluation.temperature import Temperature
from hidra_tf.shipped import Card, initializations

PAGE = Path(__file__).parents[1] / "docs" / "your_pictures.md"
_BEGIN = "<!-- cards: written by `python -m experiments.card_tables` -->"
_END = "<!-- end of cards -->"
_RATES = ("answered", "right among these", "answered of classes never learned")


def tables(cards: dict[str, Card]) -> str:
    """The cards in Markdown, one section each."""
    return "\n".join(line for name, card in cards.items() for line in _section(name, card))


def with_tables(page: str, cards: dict[str, Card]) -> str:
    """A page whose place for the cards, between two comments, holds them as they are now."""
    place = re.compile(f"{re.escape(_BEGIN)}.*{re.escape(_END)}", re.DOTALL)
    return place.sub(lambda _: f"{_BEGIN}\n\n{tables(cards)}\n{_END}", page)


def _section(name: str, card: Card) -> Iterator[str]:
    yield f"### `{name}`\n\n{card.title}.\n"
    yield f"- Pictures: {card.pictures}."
    yield f"- Data: {card.data}. {card.licence}."
    yield f"- Training: {card.seconds}; `{card.command}`"
    yield f"- Temperature: {_temperature(card.temperature)}"
    yield f"- Limits: {card.limits}\n"
    yield "| ways | shots | accuracy in % | calibration error in %, without → with temperature |"
    yield "|---|---|---|---|"
    for row in card.accuracies:
        yield (
            f"| {row.ways} | {row.shots} | {100 * row.accuracy:.2f} ± {100 * row.ci95:.2f} "
            f"| {100 * row.before:.2f} → {100 * row.after:.2f} |"
        )
    yield f"\n| shots | `unknown_below` | {' | '.join(_RATES)} |"
    yield "|---|---|---|---|---|"
    for row in card.thresholds:
        rates = (row.answered, row.accuracy, row.strangers)
        shown = " | ".join(f"{100 * rate:.1f} %" for rate in rates)
        yield f"| {row.shots} | {row.below} | {shown} |"
    yield ""


def _temperature(temperature: Temperature) -> str:
    values = ", ".join(f"{temperature.at(shots):.2f} at {shots}" for shots in (1, 2, 5, 10))
    return f"{temperature.limit:.2f} + {temperature.per_picture:.2f} / shots ({values})."


def main() -> None:
    """Rewrites the page."""
    PAGE.write_text(with_tables(PAGE.read_text(), initializations()))


if __name__ == "__main__":
    main()
