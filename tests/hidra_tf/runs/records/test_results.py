"""What a file of results holds, and what it is called."""

import dataclasses
import itertools
import json
import math
import re

import numpy as np
import pytest

from data_gen.class_pool import ClassPool
from hidra_tf.evaluation.rows import Row
from hidra_tf.runs.checkpoints.weights import Weights
from hidra_tf.runs.config import Config
from hidra_tf.runs.records import report, results
from hidra_tf.runs.records.reading import read, rows_of, seconds_of, validation_of
from hidra_tf.runs.records.results import Asked, Data

CONFIG = Config(
    dataset="glyphs",
    method="hidra",
    train_ways=(5,),
    shots=1,
    query_shots=15,
    meta_batch=4,
    steps=1000,
    inner_steps=1,
    inner_lr=0.4,
    meta_lr=0.001,
    filters=64,
    seed=3,
)
ROWS = [
    Row(2, 1, 0.9871, 0.0012, 0.04),
    Row(10, 5, 0.62345, None, 1.1, {"head_update/bias": {"mean": 1.47, "ci95": None}}),
]
SECONDS = {10: 3.25, 2: 1.5}
DATA = Data("glyphs", None, True, 80, 1600, "f00d")
ASKED = Asked("test", (2, 10), (1, 5), 600, DATA, Weights("best", 250, "beef"))


def made(rows=ROWS, config=CONFIG, **changes):
    return results.contents(config, ASKED._replace(**changes), rows, SECONDS)


def test_results_have_the_documented_keys():
    assert list(made()) == [
        "dataset", "eval_dataset", "split", "method", "step", "shots", "query_shots", "tasks",
        "seconds", "norm", "setting", "seed", "request", "data", "checkpoint", "validation", "rows",
        "nulls",
    ]  # fmt: skip
    row = {"ways": 2, "steps": 1, "accuracy": 0.9871, "ci95": 0.0012, "metrics": {}}
    assert made()["rows"][0] == row
    assert made()["rows"][1]["metrics"] == ROWS[1].metrics


def test_results_have_the_values_of_the_run_and_of_the_request():
    found = made(split="val", validation=0.75)
    del found["rows"], found["nulls"]
    assert list(found.values()) == [
        "glyphs",
        "glyphs",
        "val",
        "hidra",
        250,
        1,
        15,
        600,
        {"10": 3.25, "2": 1.5},
        "transductive",
        "transductive",
        3,
        {"split": "val", "ways": [2, 10], "steps": [1, 5], "tasks": 600},
        {
            "name": "glyphs", "place": None, "own": True, "classes": 80, "pictures": 1600,
            "fingerprint": "f00d",
        },
        {"kind": "best", "step": 250, "digest": "beef"},
        {"accuracy": 0.75, "tasks": 100},
    ]  # fmt: skip


def test_the_data_are_those_of_the_pool():
    pool = ClassPool(np.zeros((5, 2, 2, 1), np.uint8), (2, 3), ("a", "b"))
    data = Data.of(pool, "folder", "/p", own=False)
    assert data == Data("folder", "/p", False, 2, 5, pool.fingerprint)


def test_what_json_has_no_number_for_is_null_with_a_reason(tmp_path):
    values = {"low": -math.inf, "high": math.inf, "none": math.nan, "fine": 1.5}
    metrics = {name: {"mean": value, "ci95": None} for name, value in values.items()}
    text = results.as_json(made([Row(2, 1, 0.5, None, math.inf, metrics)]))
    found = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    (row,) = found["rows"]
    assert {name: cell["mean"] for name, cell in row["metrics"].items()} == {
        "low": None, "high": None, "none": None, "fine": 1.5,
    }  # fmt: skip
    no_interval = "a single task has no interval"
    assert found["nulls"] == {
        "validation": (
            "only checkpoints in best/ and ensemble/ keep one, each that of its own weights"
        ),
        "rows[0].ci95": no_interval,
        **{f"rows[0].metrics.{name}.ci95": no_interval for name in values},
        "rows[0].metrics.low.mean": "minus infinite",
        "rows[0].metrics.high.mean": "infinite",
        "rows[0].metrics.none.mean": "not a number",
    }
    (tmp_path / "test.json").write_text(text)
    assert rows_of(read(tmp_path / "test.json"))[0].accuracy == 0.5


def test_no_number_outside_of_json_can_be_written():
    with pytest.raises(ValueError, match="JSON"):
        results.as_json({"rows": [math.inf]})


def test_results_give_back_what_they_were_made_from():
    found = json.loads(results.as_json(made()))
    assert seconds_of(found) == {2: 1.5, 10: 3.25}
    without_loss = [row._replace(loss=0) for row in rows_of(found)]
    assert without_loss == [row._replace(loss=0) for row in ROWS]


def test_a_name_can_be_read():
    name = results.name_of(made(ways=(2, 3, 4), steps=(1, 3), tasks=12))
    assert re.fullmatch(r"test_ways=2-4_steps=1,3_tasks=12_checkpoint=best-250_[0-9a-f]{10}", name)
    name = results.name_of(made(weights=Weights("80", 80, "beef")))
    assert "_checkpoint=80_" in name


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        (None, "emnist"),
        ("/my/FLOWERS", "emnist=FLOWERS"),
        ("/a b/ü\n\udcff../é", "emnist="),
        (f"/x/{300 * 'long '}", "emnist=" + 8 * "long-"),
    ],
)
def test_other_classes_are_named_and_any_folder_name_is_safe(place, shown):
    name = results.name_of(made(data=DATA._replace(name="emnist", place=place, own=False)))
    assert name.startswith(f"test_{shown.rstrip('-')}_ways=2,10_")
    assert re.fullmatch(r"[A-Za-z0-9=,._-]+", name)
    assert len(name) < 200


def test_a_long_list_is_shortened_and_still_told_apart():
    lists = [tuple(range(2, 400, step)) for step in (2, 199)]
    lists.append((*lists[0][:-2], lists[0][-1]))
    names = [results.name_of(made(ways=ways)) for ways in lists]
    assert "_ways=2..398_" in names[0]
    assert len(set(names)) == 3
    assert max(map(len, names)) < 200


def test_every_part_of_the_request_makes_another_name_and_the_result_does_not():
    changes = [
        {"split": "val"},
        {"ways": (2,)},
        {"steps": (1,)},
        {"tasks": 1},
        {"data": DATA._replace(fingerprint="fade")},
        {"data": DATA._replace(own=False)},
        {"weights": Weights("best", 250, "dead")},
        {"weights": Weights("best", 80, "beef")},
        {"weights": Weights("last", 250, "beef")},
        {"config": dataclasses.replace(CONFIG, seed=4)},
        {"seed": 4},
        {"config": dataclasses.replace(CONFIG, shots=2)},
        {"config": dataclasses.replace(CONFIG, query_shots=2)},
    ]
    names = [results.name_of(made(**change)) for change in ({}, *changes)]
    for one, other in itertools.combinations(names, 2):
        assert one != other
    assert results.name_of(made(ROWS[:1])) == names[0]


def test_old_results_are_named_by_all_that_they_hold():
    old = {"split": "test", "step": 80, "rows": [{"accuracy": math.inf}]}
    assert re.fullmatch(r"test_step=80_[0-9a-f]{10}", results.name_of(old))
    assert results.name_of(old) != results.name_of({**old, "tasks": 1})


def test_the_validation_accuracy_stands_beside_the_test_accuracy_and_in_no_name(tmp_path):
    without, with_it = made(), made(validation=0.75)
    assert without["validation"] is None
    assert results.name_of(without) == results.name_of(with_it)
    for name, contents, expected in (("a", without, None), ("b", with_it, (0.75, 100))):
        (tmp_path / name).write_text(results.as_json(contents))
        assert validation_of(read(tmp_path / name)) == expected
    assert report.validation((0.75, 100)) == (
        "val      75.00 % with these weights on 100 validation tasks\n"
    )
    assert report.validation(None) == ""


def test_tasks_of_another_seed_are_said_in_the_request_and_in_the_name():
    own, other = made(), made(seed=7)
    assert "seed" not in own["request"]
    assert (results.task_seed(own), results.task_seed(other)) == (CONFIG.seed, 7)
    assert "_tasks=600_seed=7_checkpoint=" in results.name_of(other)


def test_the_correct_queries_of_each_task_stand_exactly_and_on_one_line(tmp_path):
    row = Row(2, 1, 0.5, 0.1, 1.0, {}, 30, tuple(range(7, 13)))
    text = results.as_json(made([row], tasks=6))
    assert '"correct": [7, 8, 9, 10, 11, 12]\n' in text
    (tmp_path / "test.json").write_text(text)
    (found,) = rows_of(read(tmp_path / "test.json"))
    assert (found.queries, found.correct) == (30, row.correct)


def test_text_of_any_kind_is_written_as_it_is():
    place = "/a [\n 1,\n 2\n] b"
    assert json.loads(results.as_json({"place": place, "list": [1, 2]}))["place"] == place
