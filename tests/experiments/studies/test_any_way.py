import numpy as np
import pytest

from experiments.lab import writing
from experiments.studies import any_way

WAYS = [2, 5, 10, 20, 50, 100, 200]


def told(test, ways, steps, task):
    """Tasks differ much, and the two methods on them little: by 10 or 20 points of a thousand."""
    lead = {"hidra": 10 + 10 * (task % 2), "maml": 0}[test.config.method]
    return 100 + ways + steps + 2 * (task * 7919 % 300) + lead


@pytest.fixture
def lab(made_up):
    return made_up(told)


@pytest.fixture
def found(lab):
    return any_way.STUDY.collect(lab)


def test_one_checkpoint_serves_all_ways_and_each_maml_its_own(found):
    lines = dict(found.tables[0].by_label())
    assert set(lines) == {"HIDRA 5", "HIDRA 10", "MAML after 1 step", "MAML after 3 steps"}
    for label, cells in lines.items():
        columns = [int(one.cell.column) for one in cells]
        trained = [one.cell.test.config.train_ways for one in cells]
        if label.startswith("MAML"):
            assert columns == WAYS[:4]
            assert trained == [(ways,) for ways in columns]
        else:
            assert columns == WAYS
            assert len({one.cell.test for one in cells}) == 1
            assert set(trained) == {(int(label.split()[1]),)}


def test_maml_shares_its_trainings_and_tests_with_table_2(lab):
    from experiments.studies import table2

    theirs = {cell.test for cell in table2.tables(lab)[-1].lines[0].cells}
    ours = {one.test for one in any_way.tables(lab)[0].lines[-1].cells}
    assert len(ours & theirs) == 3  # at 2, 5 and 10 ways


def test_differences_are_paired_over_the_same_tasks(found):
    accuracies, differences = found.tables
    for label, cells in differences.by_label():
        steps = 1 if label.endswith("1 step") else 3
        assert [int(one.cell.column) for one in cells] == WAYS[:4]
        for one in cells:
            ours, theirs = one.cell.test.request, one.cell.beside.request
            assert (ours.seed, ours.tasks, ours.split) == (theirs.seed, theirs.tasks, theirs.split)
            assert one.cell.test.config.seed == one.cell.beside.config.seed
            # A lead of 1 and 2 points by turns; MAML has as many thousandths more as steps.
            leads = np.tile([1.0, 2.0], ours.tasks // 2) - (steps - 1) / 10
            assert one.ours.mean == pytest.approx(leads.mean())
            error = leads.std(ddof=1) / np.sqrt(ours.tasks)
            assert one.ours.ci95 == pytest.approx(1.964 * error, rel=1e-3)
            assert one.ours.ci95 < 0.1 * accuracies.lines[0][0].ours.ci95


def test_a_difference_needs_both(made_up):
    only = made_up(told, wanted=lambda config: config.method == "hidra")
    found = any_way.STUDY.collect(only)
    assert found.tables[0].missing() == ["MAML after 1 step", "MAML after 3 steps"]
    assert all(one.ours is None for cells in found.tables[1].lines for one in cells)
    text = writing.markdown(found, only)
    assert "HIDRA 5 minus MAML after 1 step; HIDRA 5 minus MAML after 3 steps" in text
    assert found.figures["ways"].startswith(b"\x89PNG")
