"""Comparisons of tiny runs, and trainings over several seeds, from Python."""

import csv
import dataclasses
import json
import logging

import numpy as np
import pytest
from PIL import Image

from data_gen.errors import UserError
from hidra_tf.evaluation.trainings import difference, mean_over_trainings
from hidra_tf.runs import compare as compare_module
from hidra_tf.runs.compare import CHART, CSV, compare
from hidra_tf.runs.config import Config, EvalRequest
from hidra_tf.runs.place.groups import find_groups
from hidra_tf.runs.seeds import train_seeds
from hidra_tf.runs.train import train

REQUEST = EvalRequest(tasks=20, ways=(2, 3))


def make_config(**changes):
    fields = {
        "dataset": "glyphs", "method": "random", "train_ways": (2,), "shots": 1, "query_shots": 3,
        "meta_batch": 1, "steps": 1, "inner_steps": 1, "inner_lr": 0.1, "meta_lr": 0.1,
        "filters": 2, "norm": "affine", "val_tasks": 1, "log_every": 1,
    }  # fmt: skip
    return Config(**{**fields, **changes})


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def runs(cache, tmp_path_factory):
    """Two seeds on shared tasks, a head for 2 ways, and another normalisation; few are trained."""
    parent = tmp_path_factory.mktemp("runs")
    seeds = [(make_config(seed=seed), parent / "two" / f"seed{seed}") for seed in (0, 1)]
    shared = dataclasses.replace(REQUEST, seed=5)
    train_seeds(seeds, parent / "two", shared, cache)
    train(make_config(method="maml", seed=4), parent / "fixed",
          dataclasses.replace(REQUEST, ways=(2,)), cache)  # fmt: skip
    train(make_config(norm="support"), parent / "other", REQUEST, cache)
    return parent


def lines(folder):
    with (folder / CSV).open() as file:
        return {(line["entry"], int(line["ways"])): line for line in csv.DictReader(file)}


def accuracies(run, name="test.json", ways=2):
    made = json.loads((run / "results" / name).read_text())
    (row,) = (row for row in made["rows"] if row["ways"] == ways)
    return np.array(row["correct"]) / row["queries"]


def say(groups, folder, cache, request=REQUEST):
    compare(groups, request, folder, {p: None for g in groups for p in g.paths}, cache)


def test_the_mean_over_seeds_is_that_of_the_runs_own_tables(runs):
    assert {p.name for p in (runs / "two").iterdir()} == {"seed0", "seed1", CSV, CHART}
    scores = np.array([accuracies(runs / f"two/seed{seed}") for seed in (0, 1)])
    line = lines(runs / "two")["A", 2]
    expected = mean_over_trainings(scores, shared=True)
    assert (float(line["accuracy"]), float(line["ci95"])) == expected
    assert (line["seeds"], line["task_seeds"], line["difference"]) == ("0 1", "5 5", "")


def test_seeds_of_a_finished_training_are_passed_over(runs, cache, capsys):
    seeds = [(make_config(seed=seed), runs / "two" / f"seed{seed}") for seed in (0, 1)]
    before = {p: p.stat().st_mtime_ns for p in runs.glob("two/seed*/**/*") if p.is_file()}
    train_seeds(seeds, runs / "two", dataclasses.replace(REQUEST, seed=5), cache)
    after = {p: p.stat().st_mtime_ns for p in runs.glob("two/seed*/**/*") if p.is_file()}
    assert before == after
    out = capsys.readouterr().out
    assert out.count("is finished") == 2
    assert "seeds 0,1" in out
    assert "single training" not in out


def test_runs_are_compared_on_the_same_tasks(runs, cache, tmp_path, capsys):
    groups = find_groups([str(runs / name) for name in ("two", "fixed", "other")])
    say(groups, tmp_path / "new", cache, dataclasses.replace(REQUEST, seed=5))
    out = capsys.readouterr().out
    table = lines(tmp_path / "new")
    assert table.keys() == {(letter, ways) for letter in "ABC" for ways in (2, 3)}
    ours = np.array([accuracies(runs / f"two/seed{seed}") for seed in (0, 1)])
    for letter, name in (("B", "fixed"), ("C", "other")):
        (new,) = (runs / name / "results").glob("test_*seed=5*.json")
        scores = accuracies(runs / name, new.name)[np.newaxis]
        line = table[letter, 2]
        expected = difference(ours, scores, same_seeds=False)
        assert (float(line["difference"]), float(line["difference_ci95"])) == expected
        assert float(line["accuracy"]) == scores.mean()
    missing = table["B", 3]
    assert (missing["accuracy"], missing["missing"]) == ("", "maml has a head for 2 ways")
    assert "B has no accuracy at 3 ways: maml has a head for 2 ways" in out
    assert "B, C: of a single training" in out
    assert "random, inductive (norm affine), 1 shots, trained at 2 ways, seeds 0,1" in out
    assert Image.open(tmp_path / "new" / CHART).size[0] == 960

    def never(*_):
        raise AssertionError("an evaluation that is kept was made again")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare_module, "evaluate", never)
        say(groups, tmp_path / "again", cache, dataclasses.replace(REQUEST, seed=5))
    assert (tmp_path / "again" / CSV).read_text() == (tmp_path / "new" / CSV).read_text()


def test_without_a_seed_the_tasks_are_those_of_the_first_run(runs, cache, tmp_path):
    groups = find_groups([str(runs / "other"), str(runs / "fixed")])
    say(groups, tmp_path, cache, dataclasses.replace(REQUEST, ways=(2,)))
    assert {line["task_seeds"] for line in lines(tmp_path).values()} == {"0"}


def test_results_without_the_tasks_are_measured_again(runs, cache, tmp_path, caplog):
    """As those that an earlier version wrote."""
    own = runs / "other" / "results" / "test.json"
    text = own.read_text()
    made = json.loads(text)
    for row in made["rows"]:
        del row["queries"], row["correct"]
    own.write_text(json.dumps(made))
    caplog.set_level(logging.WARNING)
    try:
        groups = find_groups([str(runs / "other"), str(runs / "fixed")])
        say(groups, tmp_path, cache, REQUEST)
    finally:
        own.write_text(text)
    expected = json.loads(text)["rows"][0]["accuracy"]
    assert float(lines(tmp_path)["A", 2]["accuracy"]) == pytest.approx(expected, abs=1e-7)
    assert not caplog.records


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ways": (3,)}, r"^eval_ways: expected 2 among them.*fixed.*received 3"),
        ({"steps": (1, 2)}, "^eval_steps: expected one number with `compare`, received 1,2"),
    ],
)
def test_what_cannot_be_compared_is_refused(runs, cache, tmp_path, change, message):
    groups = find_groups([str(runs / "other"), str(runs / "fixed")])
    with pytest.raises(UserError, match=message):
        say(groups, tmp_path / "new", cache, dataclasses.replace(REQUEST, **change))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shots": 2}, "^compare: expected runs with the same shots; .* has 1, .* has 2"),
        ({"query_shots": 2}, "^compare: expected runs with the same query_shots"),
    ],
)
def test_runs_of_other_tasks_are_refused_before_anything_is_evaluated(
    runs, cache, tmp_path, changes, message
):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/config.json").write_text(make_config(**changes).to_json())
    groups = find_groups([str(runs / "fixed"), str(tmp_path / "other")])
    with pytest.raises(UserError, match=message):
        say(groups, tmp_path / "new", cache)
    # What the evaluation asks for is the same for all.
    (name,) = changes
    asked = {"shots": (1,)} if name == "shots" else {"query_shots": 3}
    compare_module._check(groups, dataclasses.replace(REQUEST, **asked), tmp_path / "new")


def test_a_run_with_few_neurons_shows_where_it_has_enough(runs):
    path = runs / "other"
    own = make_config(method="anyway", outputs=3)
    group = find_groups([str(runs / "two")])[0]._replace(configs=(own,), paths=(path,))
    assert compare_module._own(REQUEST, group, (2, 3, 4)).ways == (2, 3)
    everything = dataclasses.replace(REQUEST, ways=None)
    assert max(compare_module._ways([group], everything)) == 3
    with pytest.raises(UserError, match=r"^eval_ways: expected 2-3 among them.*received 4"):
        compare_module._own(REQUEST, group, (4,))


def test_runs_of_other_pictures_are_refused(runs, cache, tmp_path):
    data = json.loads((runs / "fixed/data.json").read_text())
    data["splits"]["test"]["pixels_digest"] = "0" * 64
    (tmp_path / "other").mkdir()
    (tmp_path / "other/config.json").write_text(make_config().to_json())
    (tmp_path / "other/data.json").write_text(json.dumps(data))
    groups = find_groups([str(runs / "fixed"), str(tmp_path / "other")])
    with pytest.raises(UserError, match=r"^compare: expected runs with the same test pictures.*the "
                                        r"pixels are not\)$"):  # fmt: skip
        say(groups, tmp_path / "new", cache)
