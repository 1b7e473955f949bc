"""Every row of the table: no traceback, no hang, one clear line, and nothing lost."""

import pytest

from tests.faults.harness import faults, snapshot
from tests.faults.table import ROWS

LEAST = 700


def as_parameter(row):
    name = row.name[:80].encode("ascii", "replace").decode()
    return pytest.param(row, id=name, marks=[pytest.mark.slow] if row.slow else [])


@pytest.mark.parametrize("row", [as_parameter(row) for row in ROWS])
def test_a_bad_input_gets_a_clear_answer(row, place):
    for function, arguments in row.prepare:
        function(place, *arguments)
    before = snapshot(place.folder)
    outcome = place.server.run(row, place.folder)
    found = faults(row, outcome, before, snapshot(place.folder))
    assert not found, "; ".join(found) + f"\n{outcome.out[-2000:]}\n{outcome.err[-3000:]}"
    if row.check is not None:
        row.check(place, outcome)


def test_the_table_is_large_and_no_row_is_a_copy_of_another():
    assert len(ROWS) >= LEAST
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    recipes = [repr(row.recipe) for row in ROWS]
    assert len(set(recipes)) == len(recipes)


def test_few_rows_are_left_to_make_more():
    assert sum(row.slow for row in ROWS) <= 40
