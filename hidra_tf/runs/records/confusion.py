"""What a run keeps of single classes: their accuracies, and which was taken for which."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from data_gen.errors import printable
from hidra_tf.evaluation.confusion import Confusion
from hidra_tf.runs.records.lettering import lettering

CLASSES = ".classes.csv"
PAIRS = ".confusion.csv"
# A picture of more classes could not be read; it shows those that are recognised worst.
MOST_SHOWN = 40
# In a picture of no more classes every cell has its number.
MOST_NUMBERED = 12


def files(
    confusions: Mapping[tuple[int, int], Confusion], names: Sequence[str], title: str
) -> dict[str, str | bytes]:
    """The files that stand beside an evaluation: the ends of their names, and what they hold.

    Args:
        confusions: by numbers of ways and of steps; see `Evaluator.confusions`.
        names: the names of the N classes.
        title: what was evaluated, in words.

    Returns:
        A table of classes, a table of pairs of classes, and a picture for each row of the
        evaluation; nothing without `confusions`.
    """
    if not confusions:
        return {}
    shown = [printable(name) for name in names]
    made: dict[str, str | bytes] = {
        CLASSES: _csv(
            ("ways", "steps", "class", "queries", "correct", "accuracy"),
            ((*row, *cells) for row, one in confusions.items() for cells in _classes(one, shown)),
        ),
        PAIRS: _csv(
            ("ways", "steps", "class", "taken_for", "count", "chances", "rate"),
            ((*row, *cells) for row, one in confusions.items() for cells in _pairs(one, shown)),
        ),
    }
    for (ways, steps), one in confusions.items():
        of_row = f"{title}, {ways} ways, {steps} step{'' if steps == 1 else 's'}"
        made[f".confusion_{ways}way_{steps}step.png"] = chart(one, shown, of_row)
    return made


def _classes(found: Confusion, names: Sequence[str]) -> Iterable[tuple[object, ...]]:
    """A line for every class of the split, also for one that no task had."""
    correct = np.diagonal(found.counts)
    for name, queries, right in zip(names, found.queries, correct, strict=True):
        yield name, queries, right, f"{right / queries:.6f}" if queries else ""


def _pairs(found: Confusion, names: Sequence[str]) -> Iterable[tuple[object, ...]]:
    """A line for every pair that occurred: all counts together are all queries."""
    for true, predicted in zip(*np.nonzero(found.counts), strict=True):
        count, chances = found.counts[true, predicted], found.chances[true, predicted]
        yield names[true], names[predicted], count, chances, f"{count / chances:.6f}"


def _csv(heads: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(lines)
    return text.getvalue()


def chart(found: Confusion, names: Sequence[str], title: str) -> bytes:
    """A PNG: a row for each class, and in it the shares of its queries by what they were taken for.

    Each share is of the queries that could be taken for that class, because their task had it. A
    pair of classes that no task had together is grey.
    """
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

    rates = 100 * found.rates
    chosen = _worst(rates)
    shown = rates[np.ix_(chosen, chosen)]
    size = 3.5 + 0.22 * max(len(chosen), 10)
    figure = Figure(figsize=(size + 0.5, size), layout="constrained")
    axes = figure.add_subplot()
    # Rare confusions must be seen beside the diagonal: the square root of a share is its colour.
    picture = axes.imshow(shown, cmap="viridis", norm=PowerNorm(0.5, 0, 100))
    axes.set_facecolor("lightgray")
    labels = [lettering(names[c][-24:]) for c in chosen]
    axes.set_xticks(range(len(chosen)), [label.text for label in labels], rotation=90)
    axes.set_yticks(range(len(chosen)), [label.text for label in labels])
    for label, tick in zip(
        [*labels, *labels], [*axes.get_xticklabels(), *axes.get_yticklabels()], strict=True
    ):
        tick.set_fontproperties(FontProperties(fname=label.font, size=7))
    axes.set_xlabel("taken for")
    axes.set_ylabel("class")
    few = f"\nthe {len(chosen)} of {len(names)} classes that are recognised worst"
    axes.set_title(title + few * (len(chosen) < len(names)), wrap=True, fontsize="medium")
    figure.colorbar(picture, label="share of the queries that could be taken for it, %", shrink=0.8)
    if len(chosen) <= MOST_NUMBERED:
        for (row, column), rate in np.ndenumerate(shown):
            if np.isfinite(rate):
                color = "black" if rate > 30 else "white"
                axes.text(column, row, f"{rate:.1f}", ha="center", va="center", size=6, color=color)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=120)
    return image.getvalue()


def _worst(rates: np.ndarray) -> np.ndarray:
    """The classes that a picture shows, in the order of the split."""
    accuracies = np.diagonal(rates)
    # Classes without a query sort last, as NaN does.
    return np.sort(np.argsort(accuracies, kind="stable")[:MOST_SHOWN])
