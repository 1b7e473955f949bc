import dataclasses
import json

import pytest

from benchmarks import cases
from benchmarks.cases import Case

BASE = Case()
GROUPS = {
    "headline": cases.headline(BASE, (1, 5)),
    "steps": cases.by_steps(BASE),
    "ways": cases.by_ways(BASE),
    "sizes": cases.by_size(BASE),
    "growth": cases.growth(BASE),
    "memory": cases.memory(BASE, (1, 5)),
    "evaluation": cases.evaluation(BASE),
}


@pytest.mark.parametrize("group", GROUPS)
def test_no_group_holds_a_case_twice(group):
    assert len(set(GROUPS[group])) == len(GROUPS[group])


@pytest.mark.parametrize("group", GROUPS)
def test_every_case_has_a_label_and_survives_json(group):
    for case in GROUPS[group]:
        assert case.label
        assert Case(**json.loads(json.dumps(dataclasses.asdict(case)))) == case


def test_the_headline_sets_every_variant_against_every_other():
    headline = GROUPS["headline"]
    for steps in (1, 5):
        for norm in cases.NORMS:
            found = [c for c in headline if (c.steps, c.norm) == (steps, norm)]
            assert {c.variant for c in found} == set(cases.VARIANTS)
            assert {c.method for c in found} == {"hidra", "maml"}


@pytest.mark.parametrize("key", ["tasks", "ways", "steps", "side"])
def test_growth_changes_one_thing_at_a_time_and_holds_the_base(key):
    base = cases.growth_base(BASE)
    fixed = {"tasks", "ways", "steps", "side"} - {key}
    line = [
        c
        for c in GROUPS["growth"]
        if (c.variant, c.norm) == ("closed_form", "affine")
        and all(getattr(c, k) == getattr(base, k) for k in fixed)
    ]
    values = [getattr(c, key) for c in line]
    assert getattr(base, key) in values
    assert len(values) == len(set(values)) >= 4


def test_the_products_are_those_of_the_precisions_and_libraries():
    assert cases.products([BASE]) == [Case("tf_product")]
    found = cases.products([BASE, Case(precision="bfloat16"), Case("torch_loop")])
    assert [(c.variant, c.precision) for c in found] == [
        ("torch_product", "float32"),
        ("tf_product", "float32"),
        ("tf_product", "bfloat16"),
    ]
