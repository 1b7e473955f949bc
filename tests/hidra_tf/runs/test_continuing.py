"""Runs that are started again: alone, with the same pictures, over, or not at all."""

import dataclasses
import json
import shutil
import threading

import numpy as np
import pytest
from PIL import Image

from data_gen import ImageSize
from data_gen.errors import UserError
from hidra_tf.runs import train as train_module
from hidra_tf.runs.config import Config, EvalRequest
from hidra_tf.runs.evaluate import evaluate
from hidra_tf.runs.place import folder
from hidra_tf.runs.place.lock import hold
from hidra_tf.runs.train import train

REQUEST = EvalRequest(tasks=2, ways=(2,))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("cache"))


def draw(root, classes, seed=0):
    rng = np.random.default_rng(seed)
    for c in classes:
        (root / f"class{c:02d}").mkdir(parents=True)
        for i in range(2):
            pixels = rng.integers(0, 256, (8, 8)).astype(np.uint8)
            Image.fromarray(pixels).save(root / f"class{c:02d}/{i}.png")
    return root


@pytest.fixture(scope="module")
def made(tmp_path_factory, cache):
    """A folder with 30 classes of two pictures, and a finished run on them."""
    root = tmp_path_factory.mktemp("made")
    train(make_config(draw(root / "pictures", range(30))), root / "run", REQUEST, cache)
    return root


def make_config(pictures):
    """A run without meta-updates, which is made and continued in little time."""
    return Config(
        dataset="folder", data_dir=str(pictures), image_size=ImageSize(16, 16), method="random",
        train_ways=(2,), shots=1, query_shots=1, meta_batch=1, steps=1, inner_steps=1,
        inner_lr=0.1, meta_lr=0.1, filters=2,
    )  # fmt: skip


@pytest.fixture
def pictures(tmp_path, made):
    """A copy of the pictures, to be changed."""
    return shutil.copytree(made / "pictures", tmp_path / "pictures")


@pytest.fixture
def config(pictures):
    return make_config(pictures)


@pytest.fixture
def run(tmp_path, config, made):
    """The run with the copy, without its last evaluation, so that it is not finished."""
    shutil.copytree(made / "run", tmp_path / "run", ignore=shutil.ignore_patterns("results"))
    folder.create(tmp_path / "run", config)
    return tmp_path / "run"


def contents(path):
    return {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}


def test_a_folder_that_lost_classes_is_refused_and_the_run_untouched(run, config, pictures, cache):
    for c in range(10):
        shutil.rmtree(pictures / f"class{c:02d}")
    before = contents(run)
    with pytest.raises(UserError, match=r"pictures with which .* was begun") as caught:
        train(config, run, REQUEST, cache)
    for part in ("train: ", "val: ", "test: ", "classes are missing", "such as class"):
        assert part in str(caught.value)
    assert contents(run) == before
    with pytest.raises(UserError, match=r"expected the test split of .* as it was in training"):
        evaluate(run, REQUEST, cache_dir=cache)
    assert contents(run) == before


def test_a_changed_folder_can_be_named_as_other_data(run, pictures, cache, tmp_path):
    draw(tmp_path / "others", range(50, 62), seed=1)
    with pytest.raises(UserError, match="`eval_dataset`"):
        evaluate(run, REQUEST, data_dir=str(tmp_path / "others"), cache_dir=cache)
    named = dataclasses.replace(REQUEST, dataset="folder", data_dir=str(tmp_path / "others"))
    evaluate(run, named, cache_dir=cache)
    assert len(list((run / "results").glob("*.json"))) == 1


def test_a_folder_may_move_and_the_run_then_knows_where_it_is(
    run, config, pictures, cache, tmp_path
):
    moved = str(pictures.rename(tmp_path / "moved"))
    evaluate(run, REQUEST, data_dir=moved, cache_dir=cache)
    (results,) = (run / "results").glob("*.json")
    assert json.loads(results.read_text())["data"]["own"]
    shutil.rmtree(run / "results")
    train(dataclasses.replace(config, data_dir=moved), run, REQUEST, cache)
    assert json.loads((run / "config.json").read_text())["data_dir"] == moved
    evaluate(run, REQUEST, cache_dir=cache)


def test_other_pixels_are_refused_in_training_and_a_warning_in_an_evaluation(
    run, config, pictures, cache, caplog
):
    shutil.rmtree(pictures)
    draw(pictures, range(30), seed=1)
    with pytest.raises(UserError, match="the pixels are not"):
        train(config, run, REQUEST, cache)
    evaluate(run, REQUEST, cache_dir=cache)
    assert "the pixels are not" in caplog.text
    (results,) = (run / "results").glob("*.json")
    assert not json.loads(results.read_text())["data"]["own"]


def test_a_run_of_an_earlier_version_is_told_its_pictures_once(
    run, config, pictures, cache, caplog, capsys
):
    (run / "data.json").unlink()
    evaluate(run, REQUEST, cache_dir=cache)
    assert "does not say which pictures" in caplog.text
    assert not (run / "data.json").exists()
    for notes in (1, 0):
        shutil.rmtree(run / "results", ignore_errors=True)
        capsys.readouterr()
        train(config, run, REQUEST, cache)
        assert capsys.readouterr().out.count("from now on data.json says") == notes
    shutil.rmtree(run / "results")
    shutil.rmtree(pictures / "class03")
    with pytest.raises(UserError, match="missing, such as class03"):
        train(config, run, REQUEST, cache)


def test_a_run_that_never_saved_is_started_over_with_other_settings_and_pictures(
    run, config, pictures, cache, capsys
):
    shutil.rmtree(run / "checkpoints")
    shutil.rmtree(pictures / "class03")
    (run / "train").mkdir()
    (run / "train" / "events.out.tfevents.1.host").write_text("of the first start")
    other = dataclasses.replace(config, seed=3)
    train(other, run, REQUEST, cache)
    assert "ended before its first checkpoint, and is started over" in capsys.readouterr().out
    assert folder.open_run(run) == other
    assert "class03" not in (run / "data.json").read_text()
    assert not list((run / "train").glob("events.*"))
    assert (run / "results" / "test.json").exists()


@pytest.mark.parametrize("kept", ["best", "ensemble", "results"])
def test_a_run_that_lost_its_checkpoints_but_holds_more_is_not_started_over(
    run, config, cache, kept
):
    if kept != "results":
        shutil.copytree(run / "checkpoints", run / kept)
        for file in (run / kept).glob("ckpt-0.*"):
            file.rename(file.with_name(file.name.replace("ckpt-0", "ckpt-5")))
    else:
        (run / "results").mkdir()
        (run / "results" / "test.json").write_text("{}")
    shutil.rmtree(run / "checkpoints")
    before = contents(run)
    with pytest.raises(UserError, match="to go on from, found none"):
        train(config, run, REQUEST, cache)
    with pytest.raises(UserError, match="other settings"):
        train(dataclasses.replace(config, seed=3), run, REQUEST, cache)
    assert contents(run) == before


def test_a_run_in_use_is_evaluated_but_not_trained(run, config, cache):
    with hold(run):
        evaluate(run, REQUEST, cache_dir=cache)
        before = contents(run)
        with pytest.raises(UserError, match="in use"):
            train(config, run, EvalRequest(tasks=3, ways=(2,)), cache)
        assert contents(run) == before


def test_a_finished_run_says_so_without_writing_anything(run, config, cache, capsys, monkeypatch):
    train(config, run, REQUEST, cache)

    def refuse(_path):
        raise OSError("Read-only file system")

    monkeypatch.setattr(train_module, "hold", refuse)
    train(config, run, REQUEST, cache)
    assert "is finished" in capsys.readouterr().out


def test_of_two_starts_of_a_new_run_one_makes_it_and_one_is_refused(
    config, cache, tmp_path, monkeypatch
):
    loading, go = threading.Event(), threading.Event()
    load = train_module.load_splits

    def slowly(*arguments):
        loading.set()
        assert go.wait(60)
        return load(*arguments)

    monkeypatch.setattr(train_module, "load_splits", slowly)
    path = tmp_path / "new"
    first = threading.Thread(target=train, args=(config, path, REQUEST, cache))
    first.start()
    assert loading.wait(60)
    # Though the first has not written anything yet.
    with pytest.raises(UserError, match="in use"):
        train(dataclasses.replace(config, seed=3), path, REQUEST, cache)
    go.set()
    first.join()
    assert folder.open_run(path) == config
    assert (path / "results" / "test.json").exists()


def test_an_error_before_the_first_write_leaves_no_trace(config, cache, tmp_path):
    with pytest.raises(UserError, match="ways"):
        train(dataclasses.replace(config, train_ways=(99,)), tmp_path / "a" / "b", REQUEST, cache)
    assert not (tmp_path / "a").exists()
