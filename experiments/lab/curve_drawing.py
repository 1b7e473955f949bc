"""Curves of trainings as a picture: what was measured over updates or over seconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from experiments.lab.drawing import as_png


class Curve(NamedTuple):
    """A curve.

    Attributes:
        label: in the legend; empty for none.
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
        lowest: where the vertical axis begins; None for the smallest value.
    """

    title: str
    curves: Sequence[Curve]
    x: str
    y: str = "accuracy, %"
    logarithmic: bool = False
    lowest: float | None = None


def draw(panels: Sequence[Panel], legend_outside: bool = False) -> bytes:
    """A PNG with panels beside one another.

    Args:
        panels: the panels.
        legend_outside: whether the legend stands at the right of the last panel, for many curves.
    """
    width = 5.4 * len(panels) + (2.2 if legend_outside else 0.0)
    figure = Figure(figsize=(width, 4.6), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for curve in panel.curves:
            axes.plot(
                curve.x, curve.y, color=curve.color, linestyle=curve.style, linewidth=1.4,
                marker=".", markersize=4, label=curve.label or None,
            )  # fmt: skip
        axes.set(title=panel.title, xlabel=panel.x, ylabel=panel.y)
        if panel.logarithmic:
            axes.set_xscale("log")
        if panel.lowest is not None:
            axes.set_ylim(bottom=panel.lowest)
        axes.grid(alpha=0.3, which="both" if panel.logarithmic else "major")
        axes.spines[["top", "right"]].set_visible(False)
        if axes.get_legend_handles_labels()[0] and not legend_outside:
            axes.legend(frameon=False, fontsize=8)
    if legend_outside:
        figure.legend(*axes.get_legend_handles_labels(), loc="outside right center", fontsize=8)
    return as_png(figure)
