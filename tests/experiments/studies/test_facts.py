import dataclasses

import pytest

from experiments.lab.budgets import BUDGETS
from experiments.lab.lab import Lab
from experiments.studies import facts, facts_said

PUBLISHED = sum(len(numbers) for numbers in facts.PAPER.values())


@pytest.fixture
def short_lab(smoke_lab):
    return Lab(BUDGETS["short"], smoke_lab.store)


@pytest.fixture
def known(smoke_lab, lay_down, monkeypatch):
    """What is compared on a network of 3 ways, which nobody has trained."""
    monkeypatch.setattr(facts.facts_checks, "MANY_WAYS", 3)

    def look(label, steps=(1,), probe=None):
        test = facts.tested(smoke_lab, label)
        lay_down(smoke_lab, test)
        # One step has smaller graphs.
        test = test._replace(request=dataclasses.replace(test.request, steps=steps))
        return (probe or facts.PROBES[label])(smoke_lab.store, test)

    return look


def rows_of(found, check):
    rows = [row for row in found["rows"] if row["check"] == check]
    assert rows
    return rows


def test_what_the_facts_call_equal_is_equal_on_a_network(known):
    found = known("master")
    for check in ("closed", "zero", "random", "rescaled", "sigmoid"):
        (row,) = rows_of(found, check)
        # Tasks, ways and queries of a class.
        assert (row["ways"], row["steps"], row["of"]) == (3, 1, 3 * 3 * 2)
        assert row["answers"] == 0
        assert row["probabilities"] < 1e-4
    # A longer step has the same answers and other probabilities.
    (longer,) = rows_of(found, "longer")
    assert longer["answers"] == 0
    assert longer["probabilities"] > 1e-2
    assert found["moved"]["own"] < 1e-6
    assert found["moved"]["zeros"] == 0


def test_no_master_matters_after_two_steps_either(known):
    def look(store, test):
        return facts.facts_checks.other_masters(facts.facts_checks.Network(store, test))

    rows, _ = known("master", (1, 2), look)
    assert [(row["check"], row["steps"]) for row in rows] == [
        ("zero", 1), ("zero", 2), ("random", 1), ("random", 2),
    ]  # fmt: skip
    assert all(row["answers"] == 0 and row["probabilities"] < 1e-4 for row in rows)


def test_where_no_fact_holds_a_network_shows_it(known):
    maml = known("per class")
    assert {row["ways"] for row in maml["rows"]} == {3}
    assert all(row["probabilities"] > 1e-2 for row in maml["rows"])
    assert maml["moved"].keys() == {"own"}
    assert maml["moved"]["own"] > 1e-4
    sigmoid = known("master, sigmoid")
    assert all(row["probabilities"] > 1e-2 for row in sigmoid["rows"])
    assert sigmoid["moved"]["own"] > 1e-4
    assert sigmoid["moved"]["zeros"] == 0


def test_every_check_is_of_a_network_that_is_looked_at_and_shown():
    rows = [
        {"check": check.key, "ways": 5, "steps": 1, "answers": 7, "of": 90, "probabilities": 0.5}
        for check in facts_said.CHECKS
    ]
    assert {check.network for check in facts_said.CHECKS} == facts.PROBES.keys()
    known = {
        label: {
            "rows": [
                row
                for row, check in zip(rows, facts_said.CHECKS, strict=True)
                if check.network == label
            ],
            "moved": {"own": 0.25, "zeros": 0.125},
        }
        for label in facts.PROBES
    }
    (compared,), (moved,) = facts_said.comparisons(known), facts_said.movements(known)
    assert compared.count("7 of 90") == len(facts_said.CHECKS) == 9
    assert moved.count("2.5e-01") == 3
    assert moved.count("1.2e-01") == 2
    assert not list(facts_said.comparisons({}))
    assert not list(facts_said.movements({}))


def test_the_tables_have_all_forms_and_what_is_published(short_lab):
    first, third = facts.tables(short_lab)
    assert [line.label for line in first.lines] == list(facts.FORMS)
    cells = [cell for table in (first, third) for line in table.lines for cell in line.cells]
    # Six forms for all numbers of ways, two for one, after two numbers of steps.
    assert len(cells) == 2 * (6 * 4 + 2)
    assert sum(cell.paper is not None for cell in cells) == PUBLISHED == 4
    for line in first.lines:
        columns = [cell.column for cell in line.cells]
        assert columns == (["5"] if "per class" in line.label else ["2", "5", "10", "20"])
    # Eight trainings, of which HIDRA's and MAML's are Table 2's, and three looks into networks.
    assert len(facts.STUDY.jobs(short_lab)) == 8 + 3
    for preset, label in (("omniglot_hidra_5", "master"), ("omniglot_maml_5", "per class")):
        assert facts.tested(short_lab, label).config == short_lab.test(preset).config


def test_per_class_is_trained_as_mean_at_five_ways(short_lab):
    for label in ("master", "master, sigmoid"):
        config = facts.tested(short_lab, label).config
        other = facts.tested(short_lab, f"{label}, per_class").config
        assert other.inner_reduction == "per_class"
        assert other.inner_lr * 5 == pytest.approx(config.inner_lr)


def test_nothing_unmeasured_has_a_number(smoke_lab):
    findings = facts.STUDY.collect(smoke_lab)
    assert all(
        one.ours is None for table in findings.tables for line in table.lines for one in line
    )
    assert findings.numbers == {"checks": {}}
    text = "\n".join(findings.words)
    assert all(f"`{label}`" in text for label in facts.FORMS)
    assert "other answers" not in text
