"""Evaluations from Python; `tests/test_main.py` tests the rest as a user sees it."""

import dataclasses
import json
import shutil

import pytest
from PIL import Image

from data_gen.errors import UserError
from hidra_tf.evaluation.evaluator import Evaluator
from hidra_tf.runs import evaluate
from hidra_tf.runs.config import Config, EvalRequest
from hidra_tf.runs.measuring import evaluated_ways
from hidra_tf.runs.place.folder import CONFIG_FILE
from hidra_tf.runs.terminal.progress import Progress
from hidra_tf.runs.train import train


def make_config(**changes):
    fields = {
        "dataset": "omniglot", "method": "hidra", "train_ways": (5,), "shots": 1, "query_shots": 1,
        "meta_batch": 1, "steps": 1, "inner_steps": 1, "inner_lr": 0.1, "meta_lr": 0.1,
        "filters": 4, "data_dir": "/own",
    }  # fmt: skip
    return Config(**{**fields, **changes})


def test_no_more_ways_are_evaluated_than_there_are_neurons_for():
    ours = make_config(method="anyway", outputs=8)
    assert evaluated_ways(ours, EvalRequest(), classes=20) == (2, 3, 4, 5, 6, 7, 8)
    assert evaluated_ways(ours, EvalRequest(), classes=5) == (2, 3, 4, 5)
    assert evaluated_ways(make_config(outputs=8), EvalRequest(), classes=20) == tuple(range(2, 11))
    assert evaluated_ways(ours, EvalRequest(ways=(9,)), classes=20) == (9,)


@pytest.mark.parametrize(
    ("request_", "data_dir", "expected"),
    [
        (EvalRequest(), None, (None, "/own", None)),
        (EvalRequest(), "/moved", (None, "/moved", None)),
        (EvalRequest(dataset="emnist"), None, ("emnist", "/own", "/own")),
        (EvalRequest(dataset="emnist"), "/moved", ("emnist", "/moved", "/moved")),
        (EvalRequest(dataset="emnist", data_dir="/e"), "/moved", ("emnist", "/moved", "/e")),
    ],
)
def test_an_evaluation_may_name_other_data(request_, data_dir, expected):
    config = evaluate._as_requested(make_config(), request_, data_dir)
    assert (config.eval_dataset, config.data_dir, config.eval_data_dir) == expected


def test_a_run_for_tests_elsewhere_keeps_to_them():
    own = make_config(eval_dataset="emnist", eval_data_dir="/e")
    assert evaluate._as_requested(own, EvalRequest(), None) == own
    moved = evaluate._as_requested(own, EvalRequest(data_dir="/moved"), None)
    assert (moved.eval_dataset, moved.eval_data_dir) == ("emnist", "/moved")
    other = evaluate._as_requested(own, EvalRequest(dataset="cub"), None)
    assert (other.eval_dataset, other.eval_data_dir) == ("cub", "/own")


REQUEST = EvalRequest(tasks=2, ways=(2,))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def trained(cache, tmp_path_factory):
    path = tmp_path_factory.mktemp("trained") / "run"
    config = make_config(dataset="glyphs", method="random", data_dir=None, norm="affine")
    train(config, path, REQUEST, cache)
    return path


@pytest.fixture
def run(trained, tmp_path):
    """A run of untrained weights, tested on two tasks; a copy to be changed."""
    return shutil.copytree(trained, tmp_path / "run")


@pytest.fixture
def make_pictures(tmp_path):
    """Makes a folder of classes of two pictures."""

    def make(name, shade, classes=2):
        root = tmp_path / name
        for c in range(classes):
            (root / f"class{c}").mkdir(parents=True)
            for i in range(2):
                Image.new("L", (9, 9), shade + 9 * c + i).save(root / f"class{c}/{i}.png")
        return root

    return make


def contents(run):
    return {file.name: file.read_bytes() for file in (run / "results").iterdir()}


def test_an_evaluation_is_kept_beside_the_runs_own_table(run, cache, capsys):
    before = contents(run)
    for request in (REQUEST, dataclasses.replace(REQUEST, tasks=1)):
        evaluate.evaluate(run, request, cache_dir=cache)
    after = contents(run)
    assert before.items() <= after.items()
    assert before.keys() == {"test.json", "test.png"}
    assert len(after) == 6
    printed = [line for line in capsys.readouterr().out.splitlines() if "results  " in line]
    for line in printed[-2:]:
        assert json.loads(after[line.rsplit("/", 1)[1]])["request"]["ways"] == [2]
    again = dataclasses.replace(REQUEST, tasks=1)
    evaluate.evaluate(run, again, cache_dir=cache)
    assert contents(run).keys() == after.keys()


def test_the_time_that_is_printed_is_that_of_the_file(run, cache, capsys, monkeypatch):
    """0.0010004 s are 0.001 s in the file, from which a finished run is shown again."""
    rows = Evaluator.rows

    def quick(self, *arguments):
        yield from rows(self, *arguments)
        self.seconds[2] = 0.0010004

    monkeypatch.setattr(Evaluator, "rows", quick)
    evaluate.evaluate(run, REQUEST, cache_dir=cache)
    assert "2000.0 tasks/s" in capsys.readouterr().out


@pytest.fixture(scope="module")
def running(cache, tmp_path_factory):
    """A run that was trained with running statistics."""
    path = tmp_path_factory.mktemp("running") / "run"
    config = make_config(dataset="glyphs", method="protonet", data_dir=None, norm="running")
    train(dataclasses.replace(config, steps=2, val_tasks=1), path, REQUEST, cache)
    return path


def test_a_run_may_be_tested_under_another_norm(running, cache, capsys):
    request = dataclasses.replace(REQUEST, tasks=20)
    for norm in (None, "transductive", "joint", "running"):
        evaluate.evaluate(running, dataclasses.replace(request, norm=norm), cache_dir=cache)
    printed = capsys.readouterr().out
    assert [printed.count(f"{s} accuracy") for s in ("inductive", "transductive")] == [2, 2]
    made = [json.loads(f.read_text()) for f in (running / "results").glob("test_*.json")]
    found = {m["norm"]: (m["setting"], m["request"].get("norm")) for m in made}
    # The run's own norm is none that was asked for, and so both evaluations have one file.
    assert len(made) == 3
    assert found == {
        "running": ("inductive", None),
        "transductive": ("transductive", "transductive"),
        "joint": ("transductive", "joint"),
    }
    losses = {m["norm"]: m["rows"][0]["accuracy"] for m in made}
    assert len(set(losses.values())) > 1


@pytest.mark.parametrize(
    ("norm", "message"),
    [
        (
            "affine",
            "expected running, transductive, support, joint for .*=running.*received affine",
        ),
        ("none", "received none"),
    ],
)
def test_a_norm_under_which_the_weights_mean_something_else_is_refused(
    running, cache, norm, message
):
    request = dataclasses.replace(REQUEST, norm=norm)
    with pytest.raises(UserError, match=f"^eval_norm: .*{message}"):
        evaluate.evaluate(running, request, cache_dir=cache)


def test_statistics_that_were_not_kept_cannot_be_asked_for(run, cache):
    request = dataclasses.replace(REQUEST, norm="running")
    with pytest.raises(UserError, match=r"^eval_norm: expected affine for .*received running"):
        evaluate.evaluate(run, request, cache_dir=cache)


def test_results_on_two_folders_are_kept_apart_and_name_theirs(run, cache, make_pictures):
    for name, shade in (("one", 0), ("two", 100)):
        request = dataclasses.replace(
            REQUEST, split="all", dataset="folder", data_dir=str(make_pictures(name, shade))
        )
        evaluate.evaluate(run, request, cache_dir=cache)
    first, second = sorted((run / "results").glob("all_*.json"))
    assert first.name.startswith("all_folder=one_")
    assert second.name.startswith("all_folder=two_")
    data = [json.loads(file.read_text())["data"] for file in (first, second)]
    assert data[0]["fingerprint"] != data[1]["fingerprint"]
    assert [d["own"] for d in data] == [False, False]


def test_another_folder_is_not_the_runs_own(run, cache, make_pictures):
    """A run of an earlier version on one folder, given another place: `data_dir` alone."""
    (run / "data.json").unlink()
    first, second = (make_pictures(name, shade, 12) for name, shade in (("a", 0), ("b", 100)))
    config = make_config(dataset="folder", data_dir=str(first), method="random", norm="affine")
    (run / CONFIG_FILE).write_text(
        dataclasses.replace(config, channels=1, image_size=(28, 28)).to_json()
    )
    for place, own in ((None, True), (str(second), False)):
        known = set(contents(run))
        evaluate.evaluate(run, REQUEST, place, cache)
        (new,) = {name for name in contents(run) if name.endswith("json")} - known
        data = json.loads((run / "results" / new).read_text())["data"]
        assert (data["own"], data["place"]) == (own, place or str(first))
        assert ("folder=b" in new) is not own


def test_the_table_is_printed_though_it_cannot_be_written(run, cache, capsys, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    before = contents(run)
    monkeypatch.setattr("hidra_tf.runs.place.folder.Path.write_bytes", full)
    with pytest.raises(UserError, match="No space left on device"):
        evaluate.evaluate(run, REQUEST, cache_dir=cache)
    assert "ways           1 step\n   2   50.00" in capsys.readouterr().out
    assert contents(run) == before


def test_a_folder_that_cannot_be_made_is_one_line_after_the_table(run, cache, capsys, monkeypatch):
    def read_only(*_arguments, **_keywords):
        raise OSError(30, "Read-only file system", "results")

    capsys.readouterr()
    monkeypatch.setattr("hidra_tf.runs.records.kept.Path.mkdir", read_only)
    with pytest.raises(UserError, match="results"):
        evaluate.evaluate(run, REQUEST, cache_dir=cache)
    assert "1 step" in capsys.readouterr().out


def test_a_file_in_the_place_of_results_is_named_before_anything_is_evaluated(run, cache, capsys):
    for file in (run / "results").iterdir():
        file.unlink()
    (run / "results").rmdir()
    (run / "results").write_text("a file")
    capsys.readouterr()
    with pytest.raises(UserError, match=r"expected a folder at .*/results, found a file"):
        evaluate.evaluate(run, REQUEST, cache_dir=cache)
    assert capsys.readouterr().out == ""
    assert (run / "results").read_text() == "a file"


def test_a_stopped_evaluation_wrote_nothing_and_says_so(run, cache, monkeypatch):
    def stop(*_arguments):
        raise KeyboardInterrupt

    before = contents(run)
    monkeypatch.setattr("hidra_tf.evaluation.evaluator.Evaluator.rows", stop)
    with pytest.raises(KeyboardInterrupt, match=r"nothing was written.*evaluates anew"):
        evaluate.evaluate(run, REQUEST, cache_dir=cache)
    assert contents(run) == before


def test_a_step_that_is_not_kept_is_refused_before_anything_is_loaded(run, cache, monkeypatch):
    monkeypatch.setattr(evaluate, "load_splits", lambda *_: pytest.fail("loaded"))
    request = dataclasses.replace(REQUEST, checkpoint="7")
    with pytest.raises(UserError, match=r"a step out of 0 .*received 7"):
        evaluate.evaluate(run, request, cache_dir=cache)


def test_all_classes_hold_those_that_were_trained_on(run, cache):
    with pytest.raises(UserError, match="trained on 280 of the classes of glyphs"):
        evaluate.evaluate(run, dataclasses.replace(REQUEST, split="all"), cache_dir=cache)


def test_the_progress_ends_where_it_says(run, cache, monkeypatch):
    """Whatever it counts, all of it is told, so that the time left is right."""
    made = []
    close = Progress.close
    monkeypatch.setattr(Progress, "close", lambda self: (made.append(self), close(self)))
    evaluate.evaluate(run, dataclasses.replace(REQUEST, ways=(2, 5)), cache_dir=cache)
    (shown,) = made
    assert shown._done == shown._total > 0
