"""Curves of trainings as a picture: what was measured over updates or over seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.lab.drawing import as_png


class Curve(NamedTuple):
    """A curve.

    Attributes:
        label: in the legend, where curves of the same label stand once.
        x: where it was measured.
        y: what was measured.
        color: a color of Matplotlib.
        style: a line style of Matplotlib.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    color: str
    style: str = "-"


class Panel(NamedTuple):
    """A part of a picture with axes of its own.

    Attributes:
        title: above it.
        curves: what it shows.
        x: what its horizontal axis is.
        y: what its vertical axis is.
        logarithmic: whether the horizontal axis is logarithmic.
        limits: where the vertical axis begins and ends, or None for where the curves do; what lies
            outside takes no room on the horizontal axis either.
    """

    title: str
    curves: Sequence[Curve]
    x: str
    y: str = "accuracy, %"
    logarithmic: bool = False
    limits: tuple[float, float] | None = None


def draw(panels: Sequence[Panel], legend_outside: bool = False) -> bytes:
    """A PNG with panels beside one another.

    Args:
        panels: the panels.
        legend_outside: whether the legend of the first panel stands at the right of the last one,
            for many curves that all of them have.
    """
    width = 5.4 * len(panels) + (2.2 if legend_outside else 0.0)
    figure = Figure(figsize=(width, 4.6), layout="constrained")
    all_axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, panel in zip(all_axes, panels, strict=True):
        _draw(axes, panel)
        if axes.get_legend_handles_labels()[0] and not legend_outside:
            axes.legend(frameon=False, fontsize=8)
    if legend_outside:
        handles = all_axes[0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside right center", fontsize=8)
    return as_png(figure)


def _draw(axes: Axes, panel: Panel) -> None:
    low, high = panel.limits or (-math.inf, math.inf)
    named: set[str] = set()
    for curve in panel.curves:
        points = list(zip(curve.x, curve.y, strict=True))
        inside = [place for place, (_, value) in enumerate(points) if low <= value <= high]
        if not inside:
            continue
        # One point more, so that a line comes in from outside.
        x, y = zip(*points[max(0, inside[0] - 1) :], strict=True)
        axes.plot(
            x, y, color=curve.color, linestyle=curve.style, linewidth=1.4, marker=".",
            markersize=4, label=None if curve.label in named else curve.label,
        )  # fmt: skip
        named.add(curve.label)
    axes.set(title=panel.title, xlabel=panel.x, ylabel=panel.y, ylim=panel.limits)
    if panel.logarithmic:
        axes.set_xscale("log")
    axes.grid(alpha=0.3, which="both" if panel.logarithmic else "major")
    axes.spines[["top", "right"]].set_visible(False)
