import math

import numpy as np
import pytest

from experiments.lab import writing
from experiments.lab.curves import Point
from experiments.studies import figure8
from hidra_tf.runs.records.event_log import EventLog

WAYS = [2, 5, 8, 10]


def told(test, ways, steps, task):
    """Validation classes are harder, the more ways the more."""
    return 900 + (task * 31 % 50) - (10 * ways if test.request.split == "val" else 0)


def test_the_gap_is_what_training_classes_have_more(made_up):
    lab = made_up(told)
    (table,) = figure8.STUDY.collect(lab).tables
    lines = dict(table.by_label())
    assert list(lines) == ["training classes", "validation classes", "training minus validation"]
    for train, val, gap in zip(*lines.values(), strict=True):
        ways = int(gap.cell.column)
        assert (train.cell.test.request.split, val.cell.test.request.split) == ("train", "val")
        assert train.cell.test.config == val.cell.test.config
        assert gap.ours.mean == pytest.approx(ways)
        scores = np.array([told(train.cell.test, ways, 1, task) for task in range(600)]) / 10
        error = scores.std(ddof=1) / math.sqrt(600)
        assert gap.ours.ci95 == pytest.approx(1.96 * math.sqrt(2) * error, rel=1e-3)
    assert [int(one.cell.column) for one in lines["training classes"]] == WAYS
    assert "600 train tasks" in writing.markdown(figure8.STUDY.collect(lab), lab)


@pytest.mark.parametrize(("budget", "every"), [("short", 250), ("paper", 1000)])
def test_validation_classes_are_not_trained_on(made_up, budget, every):
    tests = {cell.test for t in figure8.tables(made_up(budget=budget)) for cell in t.lines[0].cells}
    assert sorted(test.config.train_ways for test in tests) == [(ways,) for ways in WAYS]
    for config, request in tests:
        assert not config.train_on_validation
        assert config.log_every == every
        assert request.ways == config.train_ways
        assert request.checkpoint == "last"


def test_curves_are_those_of_the_runs_that_are_there(made_up):
    lab = made_up(wanted=lambda config: False)
    (listing,) = figure8.STUDY.collect(lab).listings
    assert listing.records == ()
    for cell in figure8.tables(lab)[0].lines[0].cells:
        ways = int(cell.column)
        if ways in (2, 8):
            continue
        log = EventLog(lab.store.run(cell.test.config))
        for step in (0, 250, 500):
            log.scalars("train", step, accuracy=0.5 + step / 1000)
            log.scalars("val", step, accuracy=0.5 + step / 1000 - ways / 100)
    found = figure8.STUDY.collect(lab)
    (listing,) = found.listings
    assert len(listing.records) == 2 * 2 * 3
    last = [one for one in listing.records if one["step"] == 500]
    told = {(one["ways"], one["split"]): one["accuracy"] for one in last}
    expected = {(5, "train"): 100, (5, "val"): 95, (10, "train"): 100, (10, "val"): 90}
    assert told == {place: pytest.approx(value) for place, value in expected.items()}
    assert found.figures["figure8"].startswith(b"\x89PNG")
    # A run under way has curves, but no number after its last update.
    assert all(one.ours is None for cells in found.tables[0].lines for one in cells)


def test_the_gap_is_taken_where_both_curves_were_measured():
    train = [Point(step, 0.0, 0.9) for step in (0, 10, 20)]
    val = [Point(step, 0.0, 0.7 + step / 100) for step in (0, 10)]
    gaps = figure8.between(train, val)
    assert [gap.step for gap in gaps] == [0, 10]
    assert [gap.value for gap in gaps] == pytest.approx([0.2, 0.1])
