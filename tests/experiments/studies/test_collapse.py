import dataclasses

import pytest

from experiments.lab.budgets import BUDGETS
from experiments.lab.findings import Found, given
from experiments.lab.lab import Lab
from experiments.lab.store import Store
from experiments.studies import collapse
from hidra_tf.evaluation.intervals import Estimate
from hidra_tf.runs.trainer import NonFiniteLossError


@pytest.fixture
def lab(smoke_lab):
    return Lab(BUDGETS["short"], smoke_lab.store)


def cells_of(lab):
    (table,) = collapse.tables(lab)
    return {line.label: line.cells for line in table.lines}


def test_both_rates_stand_beside_all_that_is_published(lab):
    lines = cells_of(lab)
    assert list(lines) == ["α = 0.01", "α = 0.4"]
    for (label, cells), rate in zip(lines.items(), (0.01, 0.4), strict=True):
        assert [cell.column for cell in cells] == [str(ways) for ways in range(2, 16)], label
        assert tuple(cell.paper for cell in cells) == collapse.PAPER
        assert {cell.test.config.inner_lr for cell in cells} == {rate}
        assert {cell.test.config.inner_steps for cell in cells} == {5}
    # From 8 ways on, the published numbers are those of chance, within a third of a point.
    chance = [100 / ways for ways in range(2, 16)]
    near = [abs(p - c) < 0.5 for p, c in zip(collapse.PAPER, chance, strict=True)]
    assert near == [False] * 6 + [True] * 8


def test_a_small_budget_trains_few_ways_and_the_full_one_all(lab):
    assert len(collapse.STUDY.jobs(lab)) == 2 * 6
    assert len(collapse.STUDY.jobs(Lab(BUDGETS["paper"], lab.store))) == 2 * 14


def test_the_smaller_rate_shares_its_runs_with_table_1(lab):
    for cell in cells_of(lab)["α = 0.01"]:
        assert cell.test == lab.test("mini_imagenet_maml_5", [f"--train_ways={cell.column}"])


def test_a_training_that_diverges_is_done_and_named(lab, monkeypatch):
    def diverge(store, test):
        raise NonFiniteLossError("the loss of step 7 is not finite (mini_imagenet, maml); a path")

    monkeypatch.setattr(Store, "measure", diverge)
    job = next(one for one in collapse.STUDY.jobs(lab) if one.label == "α = 0.4 at 8 ways")
    assert not job.is_done()
    job.do()
    assert job.is_done()
    words = collapse.STUDY.collect(lab).words
    assert words[-1] == (
        "The training with α = 0.4 at 8 ways, seed 0, diverged: the loss of step 7 is not finite."
    )
    # No other training is taken for it.
    assert sum(one.is_done() for one in collapse.STUDY.jobs(lab)) == 1


def test_another_error_of_a_training_is_not_taken_for_a_result(lab, monkeypatch):
    def fail(store, test):
        raise OSError("no space")

    monkeypatch.setattr(Store, "measure", fail)
    job = collapse.STUDY.jobs(lab)[0]
    with pytest.raises(OSError, match="no space"):
        job.do()
    assert not job.is_done()


def test_it_says_which_networks_are_no_better_than_chance(lab):
    (table,) = collapse.tables(lab)
    numbers = {"2": 80.0, "5": 21.0, "8": 12.5}
    measured = tuple(
        given(cell.column, cell.test, Estimate(numbers[cell.column], 1.5), {"seed": 0}, cell.paper)
        if cell.column in numbers
        else given(cell.column, cell.test, None, None, cell.paper)
        for cell in table.lines[0].cells
    )
    found = Found(table, (measured, tuple(one._replace(ours=None) for one in measured)))
    assert collapse.at_chance(found) == [
        "With α = 0.01, the accuracy is within its interval of chance at 5, 8 ways."
    ]
    image = collapse.drawn((found,), lab)["collapse"]
    assert image[1:4] == b"PNG"


def test_nothing_unmeasured_has_a_number(lab):
    findings = collapse.STUDY.collect(lab)
    assert all(
        one.ours is None for table in findings.tables for line in table.lines for one in line
    )
    assert dataclasses.asdict(findings)["words"] == collapse.STUDY.words
