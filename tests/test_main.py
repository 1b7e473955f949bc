"""The commands of the README, run as a user runs them.

An interpreter of its own takes seconds to start, so most of them run in processes that a server
forks (tests/faults/server.py).
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.faults.harness import Row

ROOT = Path(__file__).parents[1]
TINY = [
    "--dataset=glyphs",
    "--filters=4",
    "--meta_batch=2",
    "--shots=1",
    "--query_shots=3",
    "--val_tasks=10",
    "--eval_tasks=10",
    "--eval_ways=2,3",
]


@pytest.fixture(scope="module", autouse=True)
def environment(tmp_path_factory):
    """No data but what a test names, and one cache for all of them."""
    # A shell's background jobs ignore Ctrl-C, and so would the programs that they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    cache = tmp_path_factory.mktemp("cache")
    kept = {k: v for k, v in os.environ.items() if k not in ("DATA_DIR", "EVAL_DATA_DIR")}
    # The server's runs have one thread too, and results are compared bit for bit.
    own = {"CUDA_VISIBLE_DEVICES": "", "TF_NUM_INTRAOP_THREADS": "1"}
    return {**kept, **own, "HIDRA_CACHE_DIR": str(cache)}


@pytest.fixture(scope="module")
def start(environment):
    """Starts main.py in an interpreter of its own, as a shell does; returns the process."""

    def run(*arguments, cwd=ROOT):
        return subprocess.Popen(
            [sys.executable, str(ROOT / "main.py"), *map(str, arguments)],
            cwd=cwd,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return run


@pytest.fixture(scope="module")
def command(server, environment):
    """Runs main.py in a process whose imports are done; returns how it ended."""

    def run(*arguments, cwd=ROOT):
        own = (("HIDRA_CACHE_DIR", environment["HIDRA_CACHE_DIR"]),)
        row = Row("", tuple(map(str, arguments)), environment=own, limit=300.0)
        outcome = server.run(row, cwd)
        assert not outcome.late
        return subprocess.CompletedProcess(row.flags, outcome.code, outcome.out, outcome.err)

    return run


@pytest.fixture(scope="module")
def trained(command, tmp_path_factory):
    """A folder with a finished run in runs/<name>, and what its training printed."""
    cwd = tmp_path_factory.mktemp("trained")
    done = command(*TINY, "--steps=6", "--log_every=3", cwd=cwd)
    assert done.returncode == 0, done.stderr
    (run,) = (cwd / "runs").iterdir()
    return cwd, run, done


@pytest.fixture
def trained_copy(trained, tmp_path):
    """The same in a folder of its own, to be changed."""
    cwd, run, _ = trained
    shutil.copytree(cwd, tmp_path, dirs_exist_ok=True)
    return tmp_path, tmp_path / "runs" / run.name


def tags(folder):
    """Tag → steps of all scalars in a folder's event files."""
    found = {}
    for file in folder.glob("events.*"):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                found.setdefault(value.tag, []).append(event.step)
    return found


def test_training_leaves_a_whole_run(trained):
    _, run, done = trained
    config = json.loads((run / "config.json").read_text())
    assert config["method"] == "hidra"
    assert config["train_ways"] == [5]
    assert (run / "checkpoints" / "ckpt-6.index").exists()
    assert list((run / "best").glob("ckpt-*.index"))
    results = json.loads((run / "results" / "test.json").read_text())
    assert set(results) == {
        "dataset", "eval_dataset", "split", "method", "step", "shots", "query_shots", "tasks",
        "seconds", "norm", "setting", "seed", "request", "data", "checkpoint", "validation", "rows",
        "nulls",
    }  # fmt: skip
    assert results["seconds"].keys() == {"2", "3"}
    assert [(row["ways"], row["steps"]) for row in results["rows"]] == [(2, 1), (3, 1)]
    columns = {"ways", "steps", "accuracy", "ci95", "metrics", "queries", "correct"}
    assert all(set(row) == columns for row in results["rows"])
    assert all(row["metrics"]["head_update/weight"]["mean"] > 0 for row in results["rows"])
    assert "step 6/6" in done.stdout
    assert f"time     {sum(results['seconds'].values()):.2f} s for " in done.stdout
    assert "tensorboard --logdir runs" in done.stdout
    # The table holds what the file holds.
    assert f"{100 * results['rows'][0]['accuracy']:.2f} ±" in done.stdout
    assert done.stderr == ""


def test_train_and_validation_share_their_charts(trained):
    _, run, _ = trained
    for split in ("train", "val"):
        curves = tags(run / split)
        assert curves["accuracy"] == curves["loss"] == [0, 3, 6]
    assert tags(run / "train")["meta_updates_per_second"] == [3, 6]
    best = json.loads((run / "results" / "test.json").read_text())["step"]
    assert tags(run / "test") == {
        "accuracy_by_ways": [best], "accuracy_by_ways/table": [best],
    }  # fmt: skip
    assert "configuration" in tags(run)
    assert any("hparams" in tag for tag in tags(run))


def test_a_finished_run_says_so_and_shows_its_results(trained, command):
    cwd, _, first = trained
    done = command(*TINY, "--steps=6", "--log_every=3", cwd=cwd)
    assert done.returncode == 0
    assert "is finished: 6 of 6 steps" in done.stdout
    shown, again = (
        [line for line in text.splitlines() if "±" in line or line.startswith("time")]
        for text in (first.stdout, done.stdout)
    )
    assert shown == again
    assert len(shown) == 3


def test_changed_flags_are_refused_and_each_is_named(trained, command):
    cwd, run, _ = trained
    before = sorted(run.rglob("*"))
    done = command(
        *TINY, f"--run_dir={run}", "--steps=6", "--log_every=3", "--norm=affine", "--inner_lr=0.3",
        cwd=cwd,
    )  # fmt: skip
    assert done.returncode == 2
    assert "norm is transductive, received affine" in done.stderr
    assert "inner_lr is 0.4, received 0.3" in done.stderr
    assert done.stderr.count("\n") == 1
    assert sorted(run.rglob("*")) == before


def test_eval_only_needs_nothing_but_the_run(trained, command, tmp_path):
    _, run, _ = trained
    done = command(
        "--eval_only", f"--run_dir={run}", "--eval_ways=2-4", "--eval_steps=1,3",
        "--eval_tasks=12", "--eval_split=val", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = json.loads(kept(done, run).read_text())
    assert not (run / "results" / "val.json").exists()
    assert results["tasks"] == 12
    assert results["split"] == "val"
    assert [(r["ways"], r["steps"]) for r in results["rows"]] == [
        (ways, steps) for ways in (2, 3, 4) for steps in (1, 3)
    ]
    assert f"accuracy_by_ways/{kept(done, run).stem}" in tags(run / "evaluations")


def kept(done, run):
    """The file of results that an evaluation names."""
    (name,) = re.findall(r"^results  .*/(.*)$", done.stdout, re.MULTILINE)
    return run / "results" / name


def measured(path):
    """Results, but for how long they took."""
    return {key: value for key, value in json.loads(path.read_text()).items() if key != "seconds"}


def test_eval_only_finds_the_run_by_its_training_flags(trained_copy, command):
    cwd, run = trained_copy
    before = measured(run / "results" / "test.json")
    done = command(*TINY, "--steps=6", "--log_every=3", "--eval_only", cwd=cwd)
    assert done.returncode == 0, done.stderr
    assert measured(kept(done, run)) == before


@pytest.fixture(scope="module")
def own_pictures(tmp_path_factory):
    """A folder with 12 classes of 5 noisy pictures and one class of 2."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for c in range(13):
        (root / f"class{c:02d}").mkdir()
        for i in range(2 if c == 12 else 5):
            pixels = rng.integers(0, 20, (30 + i, 40, 3)) + 18 * c
            Image.fromarray(pixels.astype(np.uint8)).save(root / f"class{c:02d}/{i}.jpg")
    return root


def test_a_run_can_be_tested_on_other_data_and_keeps_its_own_results(
    trained_copy, command, own_pictures
):
    cwd, run = trained_copy
    before = (run / "results" / "test.json").read_text()
    done = command(
        "--eval_only", f"--run_dir={run}", "--eval_ways=2", "--eval_tasks=5",
        "--eval_dataset=folder", f"--eval_data_dir={own_pictures}", cwd=cwd,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "glyphs → folder" in done.stdout
    file = kept(done, run)
    assert file.name.startswith("test_folder=pictures0_ways=2_steps=1_tasks=5_")
    results = json.loads(file.read_text())
    assert (results["dataset"], results["eval_dataset"]) == ("glyphs", "folder")
    assert results["data"]["place"] == str(own_pictures)
    assert (run / "results" / "test.json").read_text() == before
    assert f"accuracy_by_ways/{file.stem}" in tags(run / "evaluations")
    assert "eval_dataset" in (run / "config.json").read_text()
    assert json.loads((run / "config.json").read_text())["eval_dataset"] is None


def test_training_on_own_pictures_for_tests_on_other_data(command, own_pictures, tmp_path):
    # Two flags fewer, for a name that is not cut.
    flags = [
        *(flag for flag in TINY if "val_tasks" not in flag and "meta_batch" not in flag),
        "--dataset=folder",
        f"--data_dir={own_pictures}", "--image_size=20x16", "--eval_dataset=glyphs",
        "--train_ways=2", "--steps=2", "--inner_steps=1", "--norm=affine",
    ]  # fmt: skip
    done = command(*flags, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "warning: leaving out classes with fewer than 4 pictures: class12 (2)\n"
    (run,) = (tmp_path / "runs").iterdir()
    assert run.name.startswith("folder-hidra-2way-1shot-")
    assert "eval_dataset=glyphs" in run.name
    config = json.loads((run / "config.json").read_text())
    assert (config["image_size"], config["eval_dataset"]) == ([20, 16], "glyphs")
    results = json.loads((run / "results" / "test.json").read_text())
    assert (results["dataset"], results["eval_dataset"]) == ("folder", "glyphs")
    assert "is finished" in command(*flags, cwd=tmp_path).stdout


def checkpoint_values(run, step):
    reader = tf.train.load_checkpoint(str(run / "checkpoints" / f"ckpt-{step}"))
    return {
        name: reader.get_tensor(name)
        for name in reader.get_variable_to_shape_map()
        if name.endswith("VARIABLE_VALUE") and "save_counter" not in name
    }


def test_ctrl_c_saves_and_the_same_command_ends_like_an_undisturbed_run(start, command, tmp_path):
    steps = 60
    flags = [*TINY, f"--steps={steps}", "--log_every=20", "--checkpoint_every=20"]
    process = start(*flags, f"--run_dir={tmp_path}/parts")
    # The first of these lines is printed before the first update.
    assert any(line.startswith("step ") for line in process.stdout)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "the same command continues" in error
    assert not (tmp_path / "parts" / "results").exists()
    second = command(*flags, f"--run_dir={tmp_path}/parts")
    assert second.returncode == 0, second.stderr
    assert "continuing" in second.stdout
    assert command(*flags, f"--run_dir={tmp_path}/whole").returncode == 0
    parts, whole = (checkpoint_values(tmp_path / name, steps) for name in ("parts", "whole"))
    assert parts.keys() == whole.keys()
    for name in whole:
        np.testing.assert_array_equal(parts[name], whole[name], err_msg=name)
    one, other = (tmp_path / name / "results" / "test.json" for name in ("parts", "whole"))
    assert measured(one) == measured(other)


@pytest.mark.slow  # the table of bad inputs has "maml tested at other ways"
def test_maml_for_other_ways_is_an_error_that_names_hidra(command, tmp_path):
    run = tmp_path / "maml"
    trained = command(*TINY, "--method=maml", "--train_ways=3", "--eval_ways=3", "--steps=2",
                      f"--run_dir={run}")  # fmt: skip
    assert trained.returncode == 0, trained.stderr
    default = command("--eval_only", f"--run_dir={run}", "--eval_tasks=5")
    assert default.returncode == 0, default.stderr
    rows = json.loads(kept(default, run).read_text())["rows"]
    assert [row["ways"] for row in rows] == [3]
    other = command("--eval_only", f"--run_dir={run}", "--eval_ways=2-5")
    assert other.returncode == 2
    assert "made for 3 ways" in other.stderr
    assert "hidra" in other.stderr
    assert other.stderr.count("\n") == 1


def test_aids_rotations_and_a_pretrained_backbone_in_one_command(trained, command, tmp_path):
    _, run, _ = trained
    done = command(
        *TINY, "--method=anil", "--head=master", "--steps=4", "--inner_steps=2", "--rotations",
        "--multi_step_loss=2", "--learn_inner_lr", "--second_order_after=1",
        "--meta_lr_schedule=multistep", "--milestones=1,3", "--weight_decay=0.01",
        f"--pretrained={run}", "--seed=1", f"--run_dir={tmp_path}/run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["pretrained"] == str(run)
    (best,) = (run / "best").glob("ckpt-*.index")
    given, start = (
        tf.train.load_checkpoint(str(prefix)).get_tensor("variables/0/.ATTRIBUTES/VARIABLE_VALUE")
        for prefix in (best.with_suffix(""), tmp_path / "run" / "checkpoints" / "ckpt-0")
    )
    np.testing.assert_array_equal(given, start)
    rows = json.loads((tmp_path / "run" / "results" / "test.json").read_text())["rows"]
    assert [(row["ways"], row["steps"]) for row in rows] == [(2, 2), (3, 2)]


def test_random_initialization_is_evaluated_at_any_number_of_ways(command, tmp_path):
    of_trainings = ("--meta_batch", "--val_tasks")
    flags = [flag for flag in TINY if not flag.startswith(of_trainings)]
    flags += ["--method=random", f"--run_dir={tmp_path}/random"]
    done = command(*flags)
    assert done.returncode == 0, done.stderr
    assert "is finished: 0 of 0 steps" in command(*flags).stdout
    results = json.loads((tmp_path / "random" / "results" / "test.json").read_text())
    assert results["step"] == 0
    assert [row["ways"] for row in results["rows"]] == [2, 3]


def test_other_evaluations_leave_the_runs_own_table_alone(command, trained_copy):
    cwd, run = trained_copy
    own = run / "results" / "test.json"
    before, shown = own.read_text(), tags(run / "test")
    done = command("--eval_only", f"--run_dir={run}", "--eval_ways=2-4", "--eval_tasks=5")
    assert done.returncode == 0, done.stderr
    flags = [*TINY, "--steps=6", "--log_every=3", "--eval_tasks=9"]
    anew = command(*flags, cwd=cwd)
    assert json.loads(kept(anew, run).read_text())["tasks"] == 9
    again = command(*flags, cwd=cwd)
    assert "is finished" in again.stdout
    assert kept(again, run) == kept(anew, run) != kept(done, run)
    assert own.read_text() == before
    assert tags(run / "test") == shown


def test_a_final_table_of_more_tasks_takes_the_place_of_one_of_less_and_loses_none(
    trained_copy, command
):
    cwd, run = trained_copy
    own = run / "results" / "test.json"
    before = own.read_text()
    done = command(*TINY, "--steps=6", "--log_every=3", "--eval_tasks=11", cwd=cwd)
    assert done.returncode == 0, done.stderr
    assert "test.json was less" in done.stderr
    assert json.loads(own.read_text())["tasks"] == 11
    (aside,) = own.parent.glob("test_*tasks=10*.json")
    assert aside.read_text() == before


def test_a_damaged_table_is_no_result(command, trained_copy):
    cwd, run = trained_copy
    own = run / "results" / "test.json"
    before = measured(own)
    own.write_text("{")
    done = command(*TINY, "--steps=6", "--log_every=3", cwd=cwd)
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert "test.json is damaged" in done.stderr
    assert measured(own) == before


def test_ctrl_c_while_importing_or_evaluating_is_one_line(start, trained_copy):
    _, run = trained_copy
    before = sorted(run.rglob("*"))
    for seconds in (2.5, 12.0):
        process = start("--eval_only", f"--run_dir={run}", "--eval_tasks=1000000")
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
        assert process.returncode == 130
        assert error.strip() in (
            "stopped; nothing was written",
            "stopped; nothing was written; the same command evaluates anew",
        )
    assert sorted(run.rglob("*")) == before


def test_a_damaged_checkpoint_is_passed_over(command, trained_copy):
    cwd, run = trained_copy
    for file in [*(run / "best").glob("*.index"), run / "checkpoints" / "ckpt-6.index"]:
        file.write_bytes(b"damaged")
    done = command("--eval_only", f"--run_dir={run}", "--eval_ways=2", "--eval_tasks=5", cwd=cwd)
    assert done.returncode == 0, done.stderr
    assert "warning: " in done.stderr
    assert "ckpt-6 is damaged" in done.stderr
    results = json.loads(kept(done, run).read_text())
    assert results["step"] == results["checkpoint"]["step"] < 6


@pytest.mark.parametrize(
    ("flags", "ways"),
    [
        pytest.param(
            ["--method=hypermaml", "--train_ways=3", "--switch=2,4", "--eval_ways=3"],
            [3],
            marks=pytest.mark.slow,
        ),
        (["--method=hyperhidra", "--train_ways=2-4"], [2, 3]),
    ],
)
def test_hypernetworks_train_and_show_how_far_they_move_the_head(command, tmp_path, flags, ways):
    small = ["--hyper_width=8", "--steps=6", "--log_every=3", f"--run_dir={tmp_path / 'run'}"]
    done = command(*TINY, *flags, *small)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "run" / "results" / "test.json").read_text())
    assert [(row["ways"], row["steps"]) for row in results["rows"]] == [(c, 1) for c in ways]
    curves = tags(tmp_path / "run" / "train")
    assert curves["head_update/weight"] == curves["head_update/bias"] == [3, 6]
    again = command("--eval_only", f"--run_dir={tmp_path / 'run'}", "--eval_steps=0,1,2",
                    "--eval_tasks=10")  # fmt: skip
    assert again.returncode == 0, again.stderr
