"""Tables and charts of numbers that nobody measured."""

import pytest

from benchmarks import cases, charts, rows
from benchmarks.cases import Case
from benchmarks.timing import Spread

PRODUCTS = {
    Case("tf_product"): Spread(0.2, 0.16, 0.3),
    Case("tf_product", precision="bfloat16"): Spread(0.05, 0.04, 0.06),
    Case("torch_product"): Spread(0.1, 0.08, 0.2),
}


def timed(chosen):
    times = {case: Spread(0.1 * case.tasks * case.steps, 0.09, 9.0) for case in chosen}
    return rows.timed(PRODUCTS | times)


def test_rows_hold_rates_and_the_share_of_the_fastest_product():
    (row,), peaks = timed([Case()])
    expected = {"float32": 2 * 2000**3 / 0.08, "bfloat16": 2 * 2000**3 / 0.04}
    assert peaks == pytest.approx(expected)
    assert (row["median_ms"], row["fastest_ms"], row["slowest_ms"]) == pytest.approx((400, 90, 9e3))
    assert row["tasks_per_second"] == pytest.approx(10)
    assert row["share_of_peak"] == pytest.approx(row["multiply_adds"] / 0.4 / (2000**3 / 0.08))


def test_an_evaluation_has_tasks_at_each_number_of_ways():
    (row,), _ = timed([Case("evaluation", ways=10, tasks=4)])
    assert row["tasks_per_second"] == pytest.approx(9 * 4 / 0.4)
    assert row["share_of_peak"] is None


def test_tables_have_a_line_per_row():
    measured, _ = timed(cases.headline(Case(), (1,)))
    assert len(rows.table(measured).splitlines()) == 1 + len(measured)
    assert "PyTorch, vmap" in rows.table(measured)
    table = rows.table(rows.of_memory({Case(): 3 * 2**20, Case("tf_map_fn"): 5 * 2**20}))
    assert [line.split()[-1] for line in table.splitlines()] == ["MiB", "3", "5"]


def test_a_training_has_a_row_for_every_call():
    measured = rows.of_endurance(Case("training"), [(2.0, 3 * 2**20), (2.5, 4 * 2**20)])
    assert [row["updates"] for row in measured] == [500, 1000]
    assert [row["ms_per_update"] for row in measured] == pytest.approx([4, 5])
    assert rows.endurance_table(measured).splitlines()[-1].split() == ["1000", "5.00", "4"]
    assert [len(axes.lines) for axes in charts.endurance(measured).axes] == [1, 1]


def test_charts_show_every_row():
    measured, _ = timed(cases.headline(Case(), (1, 5)))
    figure = charts.bars(measured, lambda row: str(row["steps"]))
    left, right = figure.axes
    assert len(left.patches) + len(right.patches) == len(measured)
    assert left.get_xlabel() == charts.MILLISECONDS

    measured, _ = timed(cases.by_ways(Case()))
    panels = charts.curves(measured, "ways").axes
    assert sum(len(axes.containers) for axes in panels) == len(measured) / 4

    base = Case()
    measured, _ = timed(cases.growth(base))
    panels = charts.growth(measured, cases.growth_base(base)).axes
    assert [axes.get_xlabel() for axes in panels] == list(charts.AXES.values())
    assert [len(axes.containers) for axes in panels] == [4] * 4


def test_a_chart_is_written_as_png(tmp_path):
    measured = rows.of_memory({Case(): 2**20})
    charts.write(charts.bars(measured, lambda _: "", "peak_mib", "MiB"), tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
