"""The papers' figures of accuracy over the number of ways, drawn from tables."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.lab.findings import Measured


def panels(
    groups: Sequence[tuple[str, Sequence[tuple[str, Sequence[Measured]]]]],
    paper: bool = True,
    logarithmic: bool = False,
) -> bytes:
    """A PNG with a panel for each group of lines: ours solid, with intervals, the paper's dotted.

    Args:
        groups: the title of a panel, and its lines as label and cells; the headings of the cells'
            columns are numbers of ways.
        paper: whether the published numbers are drawn too.
        logarithmic: whether the numbers of ways are drawn on a logarithmic scale.
    """
    figure = Figure(figsize=(5.4 * len(groups), 4.4), layout="constrained")
    for axes, (title, lines) in zip(
        figure.subplots(1, len(groups), squeeze=False)[0], groups, strict=True
    ):
        dotted = paper and any(one.cell.paper is not None for _, cells in lines for one in cells)
        for number, (label, cells) in enumerate(lines):
            color = f"C{number % 10}"
            ours = measured(axes, cells, color=color, linewidth=1.4, label=label)
            published = [one for one in cells if one.cell.paper is not None]
            if paper and published:
                axes.plot(
                    [int(one.cell.column) for one in published],
                    [one.cell.paper for one in published],
                    color=color, linestyle=":", linewidth=1.2,
                    label=None if ours else f"{label} (paper only)",
                )  # fmt: skip
        axes.set(title=title, xlabel="ways (classes per task)", ylabel="accuracy, %")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if logarithmic:
            columns = sorted({int(one.cell.column) for _, cells in lines for one in cells})
            axes.set_xscale("log")
            axes.set_xticks(columns, map(str, columns))
            axes.set_xticks([], minor=True)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=8, title="dotted: the paper" if dotted else None)
    return as_png(figure)


def measured(axes: Axes, cells: Sequence[Measured], **style: Any) -> bool:  # noqa: ANN401
    """Draws the numbers that were measured, with intervals, over numbers of ways; if there are any.

    Args:
        axes: where they are drawn.
        cells: a line; the headings of the cells' columns are numbers of ways.
        **style: of `errorbar`.

    Returns:
        Whether anything was measured.
    """
    ours = [one for one in cells if one.ours is not None]
    if ours:
        axes.errorbar(
            [int(one.cell.column) for one in ours],
            [one.ours.mean for one in ours],
            yerr=[one.ours.ci95 or 0 for one in ours],
            marker="o",
            markersize=3,
            capsize=2,
            **style,
        )
    return bool(ours)


def as_png(figure: Figure) -> bytes:
    """A figure as a PNG."""
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=110)
    return image.getvalue()
