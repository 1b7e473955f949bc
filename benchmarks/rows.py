"""What was measured, as rows: of the JSON file, the tables and the charts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.cases import UPDATES_PER_CALL, Case
from benchmarks.counts import multiply_adds
from benchmarks.timing import Spread

Row = dict[str, Any]


def timed(times: Mapping[Case, Spread]) -> tuple[list[Row], dict[str, float]]:
    """Rows of the meta-updates, and the machine's peak, from everything timed in one group.

    Returns:
        The rows, and precision → the fastest matrix product's FLOP/s, two for a multiply-add.
    """
    peaks: dict[str, float] = {}
    for case, seconds in times.items():
        if case.variant.endswith("product"):
            flops = 2 * multiply_adds(case) / seconds.fastest
            peaks[case.precision] = max(flops, peaks.get(case.precision, 0.0))
    rows = [
        _timed(case, seconds, peaks[case.precision])
        for case, seconds in times.items()
        if not case.variant.endswith("product")
    ]
    return rows, peaks


def _timed(case: Case, seconds: Spread, peak: float) -> Row:
    count = multiply_adds(case)
    tasks = case.tasks * (case.ways - 1) if case.variant == "evaluation" else case.tasks
    return {
        "label": case.label,
        **dataclasses.asdict(case),
        "median_ms": 1e3 * seconds.median,
        "fastest_ms": 1e3 * seconds.fastest,
        "slowest_ms": 1e3 * seconds.slowest,
        "tasks_per_second": tasks / seconds.median,
        "multiply_adds": count,
        "share_of_peak": None if count is None else 2 * count / seconds.median / peak,
    }


def of_memory(growths: Mapping[Case, int]) -> list[Row]:
    """Rows of the memory that cases need."""
    return [
        {"label": case.label, **dataclasses.asdict(case), "peak_mib": growth / 2**20}
        for case, growth in growths.items()
    ]


def of_endurance(case: Case, calls: Sequence[tuple[float, int]]) -> list[Row]:
    """A row for every call of a training."""
    return [
        {
            "label": case.label,
            **dataclasses.asdict(case),
            "updates": UPDATES_PER_CALL * number,
            "ms_per_update": 1e3 * seconds / UPDATES_PER_CALL,
            "peak_mib": growth / 2**20,
        }
        for number, (seconds, growth) in enumerate(calls, 1)
    ]


def endurance_table(rows: Sequence[Row]) -> str:
    """The rows of `of_endurance` as text."""
    lines = [f"{'updates':>8s}{'ms per update':>15s}{'peak MiB':>10s}"]
    lines += [f"{r['updates']:8d}{r['ms_per_update']:15.2f}{r['peak_mib']:10.0f}" for r in rows]
    return "\n".join(lines)


def table(rows: Sequence[Row]) -> str:
    """The rows as text."""
    lines = [
        f"{'':30s}{'norm':13s}{'U':>2s}{'C':>4s}{'T':>5s}  {'pictures':11s}"
        + (f"{'MiB':>8s}" if "peak_mib" in rows[0] else _TIMES)
    ]
    for row in rows:
        size = f"{row['side']}² × {row['channels']}"
        case = (
            f"{row['label']:30s}{row['norm']:13s}{row['steps']:2d}{row['ways']:4d}"
            f"{row['tasks']:5d}  {size:11s}"
        )
        lines.append(case + (f"{row['peak_mib']:8.0f}" if "peak_mib" in row else _times(row)))
    return "\n".join(lines)


_TIMES = (
    f"{'median ms':>10s}{'fastest':>9s}{'slowest':>9s}{'tasks/s':>9s}{'GMAC':>8s}{'of peak':>9s}"
)


def _times(row: Row) -> str:
    text = "".join(
        f"{row[key]:{width}.{digits}f}"
        for key, width, digits in [
            ("median_ms", 10, 0),
            ("fastest_ms", 9, 0),
            ("slowest_ms", 9, 0),
            ("tasks_per_second", 9, 1),
        ]
    )
    if row["multiply_adds"] is None:
        return text
    return text + f"{row['multiply_adds'] / 1e9:8.1f}{100 * row['share_of_peak']:7.0f} %"
