import pytest

from experiments.lab import store as store_module
from experiments.lab.budgets import BUDGETS
from experiments.lab.lab import Lab
from experiments.studies import norms


@pytest.fixture
def short_lab(smoke_lab):
    return Lab(BUDGETS["short"], smoke_lab.store)


def test_each_norm_is_trained_once_and_named_by_its_kind(short_lab):
    own, moved = norms.tables(short_lab)
    assert [line.label for line in own.lines] == [
        "affine (inductive)",
        "transductive (transductive)",
        "support (inductive)",
        "running (inductive)",
    ]
    assert [line.label.split(" (")[1] for line in moved.lines] == [
        "inductive)", "transductive)", "inductive)", "transductive)",
    ]  # fmt: skip
    tests = [line.cells[0].test for line in (*own.lines, *moved.lines)]
    assert len({test.config for test in tests}) == 4
    assert len(set(tests)) == 8
    # Nothing but the norm differs, and the first is the run of Table 2.
    assert {test.config.norm for test in tests} == set(norms.NORMS)
    assert {test.config.invert for test in tests} == {False}
    assert tests[0].config == short_lab.test("omniglot_hidra_5").config


def test_what_is_published_stands_in_the_row_of_the_published_norm(short_lab):
    lines = [line for table in norms.tables(short_lab) for line in table.lines]
    published = {line.label: [cell.paper for cell in line.cells] for line in lines}
    assert published.pop("affine (inductive)") == [99.82, 99.32, 98.61, None]
    assert all(value is None for row in published.values() for value in row)
    assert all([cell.column for cell in line.cells] == ["2", "5", "10", "20"] for line in lines)


def test_a_network_is_trained_and_first_tested_under_its_own_norm(short_lab, monkeypatch):
    (test,) = {cell.test for cell in norms.tables(short_lab)[1].lines[0].cells}
    asked = {}
    monkeypatch.setattr(
        store_module, "train", lambda config, path, request, cache: asked.update(train=request)
    )
    monkeypatch.setattr(
        store_module, "evaluate", lambda path, request, cache_dir: asked.update(test=request)
    )
    short_lab.store.measure(test)
    assert test.config.norm == "transductive"
    assert asked["train"].norm is None
    assert asked["test"] == test.request
    assert test.request.norm == "support"


def test_nothing_unmeasured_has_a_number(smoke_lab):
    findings = norms.STUDY.collect(smoke_lab)
    assert all(
        one.ours is None for table in findings.tables for line in table.lines for one in line
    )
    assert findings.figures["norms"][1:4] == b"PNG"
