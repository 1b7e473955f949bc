"""The chart of a comparison: accuracy over ways for every run, and the differences to the first."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hidra_tf.evaluation.intervals import Estimate
from hidra_tf.options import setting_of
from hidra_tf.runs.records.comparison import Comparison, Entry

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, which people with any colour vision can tell apart, without yellow,
# which white paper hides; grey takes its place. Markers and dashes say the same again.
COLOURS = (
    "#000000", "#E69F00", "#0072B2", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#7F7F7F",
)  # fmt: skip
_MARKERS, _DASHES = "osD^vPX*", ("-", "--", "-.", ":")
# From this quotient of the largest and the smallest number of ways, their axis is logarithmic.
_WIDE = 20
# Up to so many numbers of ways, each has a mark.
_FEW = 12
_LONGEST_NAME = 60


def comparison_chart(found: Comparison) -> bytes:
    """Accuracies with bands of 95 % intervals, below them paired differences: a PNG."""
    # Slow to import, and its pyplot would look for a display.
    from matplotlib.figure import Figure

    both = len(found.entries) > 1
    height = (8.0 if both else 4.5) + 0.22 * len(found.entries)
    figure = Figure(figsize=(8, height), layout="constrained")
    axes = figure.subplots(2 if both else 1, 1, squeeze=False)[:, 0]
    _draw(axes[0], found, [[c.accuracy for c in column] for column in _columns(found)])
    axes[0].set_ylabel("accuracy, %")
    axes[0].set_title(_title(found), fontsize="medium", wrap=True)
    if both:
        _draw(axes[1], found, [[c.difference for c in column] for column in _columns(found)])
        axes[1].axhline(0, color=COLOURS[0], linewidth=1)
        axes[1].set_ylabel(f"difference to {found.entries[0].letter}, points (paired)")
    axes[-1].set_xlabel("ways (classes per task)")
    named = sorted(zip(*axes[0].get_legend_handles_labels(), strict=True), key=lambda pair: pair[1])
    figure.legend(*zip(*named, strict=True), loc="outside lower center", ncols=1)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=120)
    return image.getvalue()


def _columns(found: Comparison) -> list[list]:
    """For each entry its cells, by the number of ways."""
    return [list(cells) for cells in zip(*found.cells.values(), strict=True)]


def _draw(axes: Axes, found: Comparison, columns: Sequence[Sequence[Estimate | None]]) -> None:
    ends = []
    for place, (entry, column) in enumerate(zip(found.entries, columns, strict=True)):
        pairs = zip(found.ways, column, strict=True)
        points = [(ways, estimate) for ways, estimate in pairs if estimate is not None]
        _curve(axes, place, _label(entry), points)
        if points:
            ends.append((100 * points[-1][1].mean, points[-1][0], entry.letter, place))
    _name_ends(axes, ends)
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    _mark_ways(axes, found.ways)


def _mark_ways(axes: Axes, ways: Sequence[int]) -> None:
    """An axis with a mark at each number of ways; of a wide range, a logarithmic one."""
    from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

    if ways[-1] >= _WIDE * ways[0]:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
    few = len(ways) <= _FEW
    axes.xaxis.set_major_locator(FixedLocator(ways) if few else MaxNLocator(integer=True))
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.margins(x=0.08)
    if len(ways) == 1:
        axes.set_xlim(ways[0] - 1, ways[0] + 1)


def _curve(axes: Axes, place: int, label: str, points: Sequence[tuple[int, Estimate]]) -> None:
    ways = [c for c, _ in points]
    means = [100 * estimate.mean for _, estimate in points]
    halves = [100 * (estimate.ci95 or 0.0) for _, estimate in points]
    colour, dash = COLOURS[place % len(COLOURS)], _DASHES[place // 2 % len(_DASHES)]
    style = {"color": colour, "marker": _MARKERS[place % len(_MARKERS)], "markersize": 5}
    if len(points) == 1:
        axes.errorbar(ways, means, yerr=halves, linestyle="", capsize=4, label=label, **style)
        return
    axes.plot(ways, means, linestyle=dash, linewidth=1.5, label=label, **style)
    low, high = ([m + s * h for m, h in zip(means, halves, strict=True)] for s in (-1, 1))
    axes.fill_between(ways, low, high, color=colour, alpha=0.15, linewidth=0)


def _name_ends(axes: Axes, ends: list[tuple[float, int, str, int]]) -> None:
    """Writes each letter beside the last point of its curve, one above the other where they meet.

    The letters of curves that end together are 11 points apart.
    """
    axes.autoscale_view()
    low, high = axes.get_ylim()
    points_per_unit = 250 / (high - low)
    above = -float("inf")
    for value, ways, letter, place in sorted(ends):
        at = max((value - low) * points_per_unit, above + 11)
        above = at
        axes.annotate(
            letter,
            (ways, value),
            (9, at - (value - low) * points_per_unit),
            textcoords="offset points",
            va="center",
            color=COLOURS[place % len(COLOURS)],
            fontweight="bold",
        )


def _label(entry: Entry) -> str:
    name, made = entry.group.name, entry.made[0]
    name = name if len(name) <= _LONGEST_NAME else f"…{name[1 - _LONGEST_NAME :]}"
    seeds = f", {len(entry.made)} seeds" if len(entry.made) > 1 else ""
    return f"{entry.letter}  {name} ({made['method']}, {setting_of(made['norm'])}{seeds})"


def _title(found: Comparison) -> str:
    made = found.entries[0].made[0]
    return (
        f"{made['eval_dataset']}, {made['split']} classes, {made['shots']}-shot, "
        f"{made['tasks']} tasks, 95 % intervals"
    )
