"""Every row of the table: no traceback, no hang, one clear line, and nothing lost."""

import pytest

from tests.faults.harness import faults, snapshot
from tests.faults.table import KNOWN, ROWS

LEAST = 400
# Seconds that a row may take whose answer is known to be wrong: many of these hang.
PATIENCE = 5.0


def as_parameter(row):
    marks = [pytest.mark.xfail(strict=True)] if row.name in KNOWN else []
    return pytest.param(row, id=row.name[:80].encode("ascii", "replace").decode(), marks=marks)


@pytest.mark.parametrize("row", map(as_parameter, ROWS))
def test_a_bad_input_gets_a_clear_answer(row, place):
    for function, arguments in row.prepare:
        function(place, *arguments)
    before = snapshot(place.folder)
    if row.name in KNOWN:
        row = row._replace(limit=min(row.limit, PATIENCE))
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
    assert set(names) >= KNOWN
