import dataclasses
import json

import numpy as np
import pytest

from experiments.lab import running
from experiments.lab.store import Store
from experiments.studies import figure3
from experiments.studies.figure3_heads import MEAN, OWN, REGULAR, SAME, Heads, spread
from hidra_tf.runs.records.reading import rows_of

STEPS = (1, 3)


@pytest.fixture(scope="module")
def heads():
    """Ten tied heads that agree on the same 500 tasks of 50 queries, and a regular one."""
    rng = np.random.default_rng(1)

    def tasks():
        return rng.binomial(50, np.clip(rng.normal(0.9, 0.04, (500, 1)), 0, 1), (500, 2))

    same, shown = tasks(), rng.random((2, 50, 10))
    known = {
        REGULAR: {
            "queries": 50,
            "same": np.minimum(same + 1, 50).tolist(),
            "probabilities": shown.tolist(),
        }
    }
    for number in range(1, 11):
        known[str(number)] = {
            "queries": 50,
            "same": same.tolist(),
            "own": tasks().tolist(),
            "probabilities": (shown + 1e-7 * (number == 3)).tolist(),
        }
    return Heads(known, STEPS)


def test_the_study_from_a_run_to_its_files(smoke_lab, lay_down, tmp_path, capsys, monkeypatch):
    # One step of two neurons has small graphs; under batch statistics, random features differ.
    flags = ["--train_ways=2", "--norm=transductive"]
    test = smoke_lab.test("omniglot_maml_5", flags, steps=(1,))
    test = test._replace(request=dataclasses.replace(test.request, tasks=20))
    monkeypatch.setattr(figure3, "tested", lambda lab: test)
    lay_down(smoke_lab, test)
    assert running.run(figure3.STUDY, smoke_lab, tmp_path / "results")
    made = json.loads((tmp_path / "results" / "figure3" / "smoke.json").read_text())
    assert not made["missing"]
    # The same tasks and tasks of their own: regular, mean, two neurons.
    assert len(made["cells"]) == 2 * 4
    cells = {(one["line"], one["neuron"]): one for one in made["cells"]}
    assert {one["paper"] for one in made["cells"]} == {None, 94.58, 94.49}
    same = [cells["the same tasks, 1 step", str(number)]["ours"] for number in (1, 2)]
    own = [cells["tasks of their own, 1 step", str(number)]["ours"] for number in (1, 2)]
    assert len(set(same)) == 1
    # The features tell classes apart, so that equal numbers on the same tasks say something.
    assert len(set(own)) > 1
    assert made["spread"]["same_counts"] == made["spread"]["same_range"] == 0
    assert 0 < made["spread"]["probabilities"] < 1e-4
    # The regular head is the evaluation's, on the same tasks.
    (row,) = rows_of(smoke_lab.store.known(test))
    regular = cells["the same tasks, 1 step", REGULAR]
    assert regular["ours"] == pytest.approx(100 * row.accuracy, abs=1e-4)
    assert regular["ci95"] == pytest.approx(100 * row.ci95, abs=1e-4)
    assert (tmp_path / "results" / "figure3" / "smoke_figure3.png").read_bytes()[1:4] == b"PNG"
    assert "4 of 4 are there" in capsys.readouterr().out


def test_what_was_not_measured_has_no_number(smoke_lab):
    assert not Store.known(smoke_lab.store, figure3.tested(smoke_lab))
    findings = figure3.STUDY.collect(smoke_lab)
    cells = [one for line in findings.tables[0].lines for one in line]
    assert len(cells) == 15
    assert all(one.ours is None for one in cells)
    assert not findings.figures
    assert not findings.numbers


def test_the_spread_of_own_tasks_follows_from_single_tasks(heads):
    numbers = spread(heads, 4000)
    own = np.array([heads.known[str(n)]["own"] for n in range(1, 11)])[..., 1] / 0.5
    assert numbers["own_deviation"] == pytest.approx(np.std(own.mean(axis=1), ddof=1))
    assert numbers["own_range"] == pytest.approx(own.mean(axis=1).max() - own.mean(axis=1).min())
    within = np.sqrt(np.mean([np.var(scores, ddof=1) for scores in own]))
    assert numbers["task_deviation"] == pytest.approx(within)
    assert numbers["expected"] == pytest.approx(within / np.sqrt(500))
    assert numbers["expected_of_paper"] == pytest.approx(within / np.sqrt(4000))
    assert numbers["expected_difference"] == pytest.approx(
        np.sqrt(within**2 / 4000 + within**2 / 40000)
    )
    assert numbers["ratio_low"] < numbers["ratio"] < numbers["ratio_high"]


def test_chance_is_that_of_a_chi_square(heads):
    """The quantiles of χ² with nine degrees of freedom are 2.700 and 19.023 (any table)."""
    numbers = spread(heads, 4000)
    assert numbers["ratio_low"] == pytest.approx(np.sqrt(2.700 / 9), abs=5e-3)
    assert numbers["ratio_high"] == pytest.approx(np.sqrt(19.023 / 9), abs=5e-3)


def test_heads_on_the_same_tasks_are_compared_in_pairs(heads):
    numbers = spread(heads, 4000)
    assert numbers["same_range"] == numbers["same_counts"] == 0
    assert numbers["all_counts"] == 500 * 2 * 50
    assert numbers["probabilities"] == pytest.approx(1e-7, rel=1e-3)
    assert numbers["regular"] > 0
    other = {**heads.known["2"], "same": heads.known[REGULAR]["same"]}
    moved = spread(Heads({**heads.known, "2": other}, STEPS), 4000)
    assert moved["same_counts"] > 500
    assert moved["same_range"] > 1


def test_columns_mean_the_heads_that_they_name(heads):
    of_three = 2 * np.array(heads.known["3"]["own"])[:, 1]
    found = heads.estimate("3", OWN, 3)
    assert found.mean == pytest.approx(of_three.mean())
    assert found.ci95 == pytest.approx(1.96 * of_three.std(ddof=1) / np.sqrt(500))
    assert heads.estimate(MEAN, SAME, 3) == pytest.approx(heads.estimate("3", SAME, 3))
    assert heads.estimate(MEAN, OWN, 3).ci95 < found.ci95
    assert Heads({}, STEPS).estimate(MEAN, OWN, 3) is None
