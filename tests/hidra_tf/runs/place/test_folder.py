import dataclasses
import os

import pytest

from data_gen.errors import UserError
from hidra_tf.runs.config import Config
from hidra_tf.runs.place import folder


@pytest.fixture
def config():
    return Config(
        dataset="glyphs",
        method="hidra",
        train_ways=(2, 3),
        shots=1,
        query_shots=1,
        meta_batch=1,
        steps=1,
        inner_steps=1,
        inner_lr=0.1,
        meta_lr=0.1,
        filters=4,
    )


def test_a_created_run_is_found_again(tmp_path, config):
    folder.create(tmp_path / "a" / "b", config)
    assert folder.find(tmp_path / "a" / "b") == config
    assert folder.open_run(tmp_path / "a" / "b") == config


def test_nothing_and_an_empty_folder_are_no_run_yet(tmp_path):
    assert folder.find(tmp_path) is None
    assert folder.find(tmp_path / "missing") is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"dataset": "glyphs"}', '{"unknown": 1, "train_ways": [5]}', "null"]
)
def test_a_damaged_configuration_is_no_run(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match="is not a run"):
        folder.find(tmp_path)


def test_a_setting_that_cannot_be_meant_names_the_file(tmp_path, config):
    (tmp_path / "config.json").write_text(config.to_json().replace("hidra", "hydra"))
    with pytest.raises(UserError, match=r"config\.json: method: expected one of .*'hydra'"):
        folder.find(tmp_path)


def test_a_name_that_no_file_system_takes_is_no_run(tmp_path):
    with pytest.raises(UserError, match=r"^expected a run.* folder at .*File name too long"):
        folder.find(tmp_path / (300 * "x"))


def test_a_missing_run_names_those_beside_it(tmp_path, config):
    folder.create(tmp_path / "first", config)
    folder.create(tmp_path / "second", config)
    with pytest.raises(UserError, match="first, second"):
        folder.open_run(tmp_path / "third")


def test_the_same_settings_continue_a_run_wherever_its_pictures_are(tmp_path, config):
    moved = dataclasses.replace(config, data_dir="/elsewhere", checkpoint_every=7)
    folder.check_same(tmp_path, config, moved)
    assert config.differences(moved) == {}


def test_other_settings_are_named_one_by_one(tmp_path, config):
    other = dataclasses.replace(config, train_ways=(5,), seed=3)
    with pytest.raises(UserError) as caught:
        folder.check_same(tmp_path, config, other)
    assert "train_ways is 2,3, received 5" in str(caught.value)
    assert "seed is 0, received 3" in str(caught.value)
    assert "shots" not in str(caught.value)


def test_a_failed_write_leaves_the_old_text(tmp_path, monkeypatch):
    file = tmp_path / "file.json"
    folder.write_atomically(file, "old")

    def fail(*_arguments):
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        folder.write_atomically(file, "new")
    assert file.read_text() == "old"


def test_what_a_killed_start_leaves_is_no_run_yet(tmp_path):
    (tmp_path / ".lock").touch()
    (tmp_path / ".config.json.123").write_text("{")
    assert folder.find(tmp_path) is None


@pytest.mark.parametrize(
    "name", ["checkpoints", "best", "ensemble", "train", "val", "test", "results"]
)
@pytest.mark.parametrize(
    "found", ["a file", "a link to nothing", "what is neither a file nor a folder"]
)
def test_what_is_no_folder_is_named_before_anything_is_trained(tmp_path, config, name, found):
    folder.create(tmp_path, config)
    if found == "a file":
        (tmp_path / name).write_text("mine")
    elif found.startswith("what"):
        os.mkfifo(tmp_path / name)
    else:
        (tmp_path / name).symlink_to(tmp_path / "gone")
    with pytest.raises(UserError, match=f"expected a folder at .*/{name}, found {found}$"):
        folder.find(tmp_path)
    with pytest.raises(UserError, match=f"expected a folder at .*/{name}, found {found}$"):
        folder.open_run(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "data.json"])
def test_what_is_no_file_is_named(tmp_path, config, name):
    folder.create(tmp_path, config)
    (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / name).mkdir()
    with pytest.raises(UserError, match=f"expected a file at .*/{name}, found a folder$"):
        folder.find(tmp_path)
    (tmp_path / name).rmdir()
    os.mkfifo(tmp_path / name)  # to read it would never end
    with pytest.raises(
        UserError, match=f"expected a file at .*/{name}, found what is neither a file nor a folder$"
    ):
        folder.find(tmp_path)


def test_folders_may_be_links(tmp_path, config):
    folder.create(tmp_path / "run", config)
    (tmp_path / "large").mkdir()
    (tmp_path / "run" / "checkpoints").symlink_to(tmp_path / "large")
    assert folder.find(tmp_path / "run") == config


def test_a_run_that_is_a_link_to_nothing_is_named(tmp_path):
    (tmp_path / "run").symlink_to(tmp_path / "gone")
    with pytest.raises(UserError, match="run, found a link to nothing"):
        folder.find(tmp_path / "run")


def test_only_events_are_removed_for_a_new_start(tmp_path, config):
    folder.create(tmp_path, config)
    for place in (tmp_path, tmp_path / "train", tmp_path / "val"):
        place.mkdir(exist_ok=True)
        (place / "events.out.tfevents.1.host").touch()
        (place / "notes.txt").touch()
    folder.remove_events(tmp_path)
    kept = sorted(str(f.relative_to(tmp_path)) for f in tmp_path.rglob("*") if f.is_file())
    assert kept == ["config.json", "notes.txt", "train/notes.txt", "val/notes.txt"]
