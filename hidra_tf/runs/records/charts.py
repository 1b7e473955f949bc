"""The picture of an evaluation: accuracy over the number of ways, or of steps where it is one."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hidra_tf.evaluation.rows import Row
from hidra_tf.runs.records.report import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def accuracy_chart(rows: Sequence[Row], title: str) -> bytes:
    """Accuracies with their 95 % intervals: a PNG of 720 × 480 pixels.

    Several numbers of ways make a line for each number of steps, one number of ways a bar for each.
    """
    # Slow to import, and its pyplot would look for a display.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    draw = _lines if len({row.ways for row in rows}) > 1 else _bars
    draw(axes, sorted(rows, key=lambda row: (row.steps, row.ways)))
    axes.set_ylabel("accuracy, %")
    axes.set_title(title, wrap=True, fontsize="medium")
    axes.grid(alpha=0.3, axis="both" if draw is _lines else "y")
    axes.set_axisbelow(True)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=120)
    return image.getvalue()


def _lines(axes: Axes, rows: Sequence[Row]) -> None:
    from matplotlib.ticker import MaxNLocator

    for steps in sorted({row.steps for row in rows}):
        chosen = [row for row in rows if row.steps == steps]
        axes.errorbar(
            [row.ways for row in chosen],
            [100 * row.accuracy for row in chosen],
            yerr=[100 * (row.ci95 or 0) for row in chosen],
            marker="o",
            markersize=4,
            capsize=3,
            label=f"{steps} inner step{'' if steps == 1 else 's'}",
        )
    axes.set_xlabel("ways (classes per task)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="lower left")


def _bars(axes: Axes, rows: Sequence[Row]) -> None:
    heights = [100 * row.accuracy for row in rows]
    intervals = [100 * (row.ci95 or 0) for row in rows]
    axes.bar(range(len(rows)), heights, yerr=intervals, capsize=6, width=0.6, color="tab:blue")
    for place, row in enumerate(rows):
        top = heights[place] + intervals[place]
        axes.annotate(percent(row), (place, top), (0, 4), textcoords="offset points", ha="center")
    axes.set_xticks(range(len(rows)), [str(row.steps) for row in rows])
    # One bar alone would be as wide as the picture.
    axes.set_xlim(-1.0, max(len(rows), 1))
    # Room for the texts above the bars, and for the legend.
    axes.set_ylim(0, 120)
    axes.set_yticks(range(0, 101, 20))
    ways = rows[0].ways
    axes.axhline(100 / ways, color="gray", linestyle="--", linewidth=1, label="chance")
    axes.set_xlabel(f"inner steps, {ways} ways (classes per task)")
    axes.legend(loc="upper right")
