"""The picture of the toy tasks: a linear layer's weights and decision boundaries in the plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.lab.drawing import as_png
from experiments.studies.toy_tasks import FOUR, KINDS, four_tasks, points

_REACH, _LONGEST = 6.0, 5.5
_COLORS = ("tab:orange", "tab:green")


def figure(rows: Sequence[tuple[str, Mapping[str, Any]]]) -> bytes:
    """A PNG with a row for each method: all points, then the four tasks with their boundaries.

    The universal weights are blue and the adapted ones red: an arrow is the difference of the two
    neurons, cut where it would leave the picture, and a line is where both say the same.

    Args:
        rows: a label, and what `toy_tasks.learned` gives for one number of meta-updates.
    """
    drawn = Figure(figsize=(14, 3.1 * len(rows)), layout="constrained")
    grid = drawn.subplots(len(rows), 1 + len(FOUR), squeeze=False, sharex=True, sharey=True)
    tasks = four_tasks(1000)
    for axes_of_row, (label, found) in zip(grid, rows, strict=True):
        _all_points(axes_of_row[0], found["universal"])
        axes_of_row[0].set_ylabel(label)
        for number, axes in enumerate(axes_of_row[1:]):
            _regions(axes, found["adapted"][number])
            vectors, labels = tasks.query_images[number], tasks.query_labels[number]
            for side, color in enumerate(_COLORS):
                chosen = vectors[labels == side]
                axes.scatter(*np.transpose(chosen), s=7, color=color, edgecolors="none")
            _weights(axes, found["universal"], "tab:blue", "--")
            _weights(axes, found["adapted"][number], "tab:red", "-")
            axes.set_title(f"{FOUR[number]}: {100 * found['accuracy'][number]:.1f} %", fontsize=10)
    for axes in grid.flat:
        axes.set(xlim=(-_REACH, _REACH), ylim=(-_REACH, _REACH), xticks=(), yticks=())
        axes.set_aspect("equal")
    grid[0, 0].set_title("four Gaussians", fontsize=10)
    return as_png(drawn)


def _all_points(axes: Axes, universal: Mapping[str, Any]) -> None:
    for kind in KINDS:
        axes.scatter(*points(kind, 1000).images.T, s=4, color="0.55", edgecolors="none")
    _weights(axes, universal, "tab:blue", "--")


def _difference(weights: Mapping[str, Any]) -> tuple[np.ndarray, float]:
    """What decides: logit 1 − logit 0 as a vector [2] and a number."""
    kernel, bias = np.array(weights["kernel"]), np.array(weights["bias"])
    return kernel[:, 1] - kernel[:, 0], bias[1] - bias[0]


def _regions(axes: Axes, weights: Mapping[str, Any]) -> None:
    """Which class each place of the plane is taken for."""
    vector, offset = _difference(weights)
    # Two lines in each direction are enough, because the difference is linear in between.
    x, y = np.meshgrid(*2 * [np.array([-_REACH, _REACH])])
    values = vector[0] * x + vector[1] * y + offset
    ends = max(1.0, 2 * np.abs(values).max())
    axes.contourf(x, y, values, levels=[-ends, 0, ends], colors=_COLORS, alpha=0.18)


def _weights(axes: Axes, weights: Mapping[str, Any], color: str, style: str) -> None:
    """An arrow for the weights, and the line on which both neurons say the same."""
    vector, offset = _difference(weights)
    length = np.linalg.norm(vector)
    if length == 0:
        return
    axes.axline(
        -offset * vector / length**2, -offset * vector / length**2 + [-vector[1], vector[0]],
        color=color, linestyle=style, linewidth=1.4,
    )  # fmt: skip
    arrow = {"color": color, "arrowstyle": "-|>", "linewidth": 1.8, "shrinkA": 0, "shrinkB": 0}
    end = vector * min(1, _LONGEST / length)
    axes.annotate("", end, (0, 0), annotation_clip=False, arrowprops=arrow)
