"""Charts of what was measured: PNG files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FormatStrFormatter, LogLocator, NullLocator

from benchmarks.cases import Case
from benchmarks.rows import Row

# Okabe and Ito's colours, which colour-blind people can tell apart, by how a label starts.
COLOURS = {
    "HIDRA, generic": "#E69F00",
    "HIDRA": "#D55E00",
    "MAML": "#0072B2",
    "plain TF, map_fn": "#555555",
    "plain TF": "#999999",
    "PyTorch, channels last": "#56B4E9",
    "PyTorch, vmap": "#CC79A7",
    "PyTorch": "#009E73",
}
MARKERS = "osD^vPX*"
MILLISECONDS = "ms per meta-update (median; fastest to slowest)"
AXES = {
    "tasks": "tasks per meta-update",
    "ways": "ways (classes per task)",
    "steps": "inner steps",
    "side": "image side, pixels",
}


def endurance(rows: Sequence[Row]) -> Figure:
    """Milliseconds per update and peak memory over the course of a training."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    panels = [("ms_per_update", "ms per meta-update"), ("peak_mib", "peak memory, MiB")]
    for axes, (key, unit) in zip(_panels(figure, 1, 2), panels, strict=True):
        axes.plot([r["updates"] for r in rows], [r[key] for r in rows], "o-", color="#D55E00")
        axes.set(xlabel="meta-updates", ylabel=unit, ylim=(0, 1.2 * max(r[key] for r in rows)))
        axes.grid(alpha=0.3)
    return figure


def bars(
    rows: Sequence[Row],
    panel: Callable[[Row], str],
    value: str = "median_ms",
    unit: str = MILLISECONDS,
) -> Figure:
    """A horizontal bar per row; error bars from the fastest to the slowest round.

    The scale is that of the medians, so that one disturbed round does not flatten everything; what
    is slower still runs out of the chart.

    Args:
        rows: what is drawn, from top to bottom.
        panel: the title of the panel that a row belongs to.
        value: the key of what is drawn.
        unit: its name and unit.
    """
    titles = list(dict.fromkeys(panel(row) for row in rows))
    chosen = {title: [row for row in rows if panel(row) == title] for title in titles}
    most = max(len(part) for part in chosen.values())
    figure = Figure(figsize=(6.5 * len(titles), 1.3 + 0.27 * most), layout="constrained")
    for axes, title in zip(_panels(figure, 1, len(titles)), titles, strict=True):
        _bars(axes, chosen[title], value)
        axes.set(title=title, xlabel=unit)
    return figure


def _bars(axes: Axes, rows: Sequence[Row], value: str) -> None:
    largest = 1.2 * max(row[value] for row in rows)
    for height, row in enumerate(rows):
        hatch = "////" if row["norm"] == "transductive" else None
        axes.barh(
            height,
            row[value],
            xerr=_error([row]) if value == "median_ms" else None,
            capsize=2,
            color=_colour(row),
            hatch=hatch,
            edgecolor="white",
            ecolor="black",
        )
        end = min(row["slowest_ms"], largest) if value == "median_ms" else row[value]
        axes.annotate(
            f"{row[value]:.0f}" if row[value] >= 100 else f"{row[value]:.3g}",
            (end, height),
            (5, 0),
            textcoords="offset points",
            va="center",
            bbox={"boxstyle": "round,pad=0.1", "color": "white"},
        )
    axes.set_yticks(range(len(rows)), [f"{row['label']}, {row['norm']}" for row in rows])
    axes.invert_yaxis()
    axes.margins(y=0.02)
    axes.set_xlim(0, 1.15 * largest)
    axes.grid(axis="x", alpha=0.3)


def curves(rows: Sequence[Row], x: str) -> Figure:
    """Milliseconds over `x`, a panel for each normalisation, a line for each label."""
    norms = list(dict.fromkeys(row["norm"] for row in rows))
    figure = Figure(figsize=(5 * len(norms), 4.5), layout="constrained")
    panels = _panels(figure, 1, len(norms), sharey=True)
    medians = [row["median_ms"] for row in rows]
    for axes, norm in zip(panels, norms, strict=True):
        _lines(axes, [row for row in rows if row["norm"] == norm], x)
        axes.set_ylim(min(medians) / 1.4, max(medians) * 2)
        axes.set(title=norm)
        axes.legend(fontsize="small", loc="upper left")
    return figure


def growth(rows: Sequence[Row], base: Case) -> Figure:
    """A panel for each thing that was made larger.

    Args:
        rows: `cases.growth` measured.
        base: what has one thing changed at a time. Dotted lines are proportional to what is
            changed, or to the number of pixels.
    """
    figure = Figure(figsize=(11, 8.5), layout="constrained")
    for axes, x in zip(_panels(figure, 2, 2), AXES, strict=True):
        fixed = [key for key in AXES if key != x]
        chosen = [row for row in rows if all(row[k] == getattr(base, k) for k in fixed)]
        _lines(axes, chosen, x)
        _proportional(axes, chosen, x)
        title = ", ".join(f"{key} {getattr(base, key)}" for key in fixed)
        axes.set(title=f"{title}, filters {base.filters}")
    axes.legend(fontsize="small", loc="upper left")
    return figure


def _lines(axes: Axes, rows: Sequence[Row], x: str) -> None:
    names = list(dict.fromkeys((row["label"], row["norm"]) for row in rows))
    for marker, (label, norm) in zip(MARKERS * len(names), names, strict=False):
        line = sorted(
            (row for row in rows if (row["label"], row["norm"]) == (label, norm)),
            key=lambda row: row[x],
        )
        axes.errorbar(
            [row[x] for row in line],
            [row["median_ms"] for row in line],
            yerr=_error(line),
            color=_colour(line[0]),
            linestyle="--" if norm == "transductive" else "-",
            marker=marker,
            markersize=5,
            capsize=3,
            label=f"{label}, {norm}",
        )
    medians = [row["median_ms"] for row in rows]
    axes.set(xscale="log", yscale="log", xlabel=AXES[x], ylabel=MILLISECONDS)
    axes.set_ylim(min(medians) / 1.4, max(medians) * 1.4)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_locator(FixedLocator(sorted({row[x] for row in rows})))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FormatStrFormatter("%g"))
        axis.set_minor_locator(NullLocator())
    axes.grid(alpha=0.3)


def _proportional(axes: Axes, rows: Sequence[Row], x: str) -> None:
    first = min(rows, key=lambda row: (row[x], row["median_ms"]))
    last = max(row[x] for row in rows)
    power = 2 if x == "side" else 1
    end = first["median_ms"] * (last / first[x]) ** power
    label = "∝ side²" if x == "side" else f"∝ {x}"
    axes.plot((first[x], last), (first["median_ms"], end), ":", color="black", label=label)
    axes.legend(handles=axes.lines[-1:], loc="upper left")


def _panels(figure: Figure, rows: int, columns: int, sharey: bool = False) -> list[Axes]:
    return list(figure.subplots(rows, columns, sharey=sharey, squeeze=False).flat)


def _colour(row: Row) -> str:
    return next(c for start, c in COLOURS.items() if row["label"].startswith(start))


def _error(rows: Sequence[Row]) -> list[list[float]]:
    return [
        [row["median_ms"] - row["fastest_ms"] for row in rows],
        [row["slowest_ms"] - row["median_ms"] for row in rows],
    ]


def write(figure: Figure, path: Path) -> None:
    """Writes a PNG."""
    figure.savefig(path, dpi=110)
