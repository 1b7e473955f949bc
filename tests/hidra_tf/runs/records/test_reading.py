"""Files of results of any kind: read, or refused with a reason."""

import copy
import json
import math

import pytest

from hidra_tf.runs.records.reading import read, rows_of, says_tasks, seconds_of

ROW = {"ways": 2, "steps": 1, "accuracy": 0.5, "ci95": 0.1, "metrics": {}}
WHOLE = {
    "dataset": "glyphs", "eval_dataset": "glyphs", "split": "test",
    "method": "hidra", "step": 10, "shots": 1,
    "query_shots": 2, "tasks": 4, "seconds": {"2": 1.5}, "norm": "none", "seed": 0,
    "request": {"split": "test", "ways": [2], "steps": [1], "tasks": 4},
    "data": {
        "name": "glyphs", "place": None, "own": True, "classes": 9, "pictures": 18,
        "fingerprint": "f00d",
    },
    "checkpoint": {"kind": "best", "step": 10, "digest": "beef"},
    "rows": [ROW],
    "nulls": {},
}  # fmt: skip
OTHER_TYPES = [None, True, 1.5, "x", [], {}, [[1]], {"a": {}}]


def written(tmp_path, value):
    file = tmp_path / "test.json"
    file.write_text(value if isinstance(value, str) else json.dumps(value))
    return file


def test_whole_results_are_read(tmp_path):
    assert read(written(tmp_path, WHOLE)) == WHOLE


def test_results_of_earlier_versions_are_read(tmp_path):
    """Without seconds and metrics, without the request, and with numbers outside of JSON."""
    old = {"split": "test", "step": 10, "tasks": 4, "rows": [{**ROW, "ci95": None}]}
    del old["rows"][0]["metrics"]
    found = read(written(tmp_path, old))
    assert seconds_of(found) == {}
    assert rows_of(found)[0][:4] == (2, 1, 0.5, None)
    infinite = {"mean": math.inf, "ci95": math.nan}
    old["rows"][0]["metrics"] = {"head_update/bias": infinite}
    file = written(tmp_path, old)
    assert "Infinity" in file.read_text()
    assert rows_of(read(file))[0].metrics["head_update/bias"]["mean"] == math.inf


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "3", '"x"', "[" * 100_000, "{}", "\0"])
def test_what_is_no_json_object_of_results_is_refused(tmp_path, text):
    with pytest.raises(ValueError, match=r"."):
        read(written(tmp_path, text))


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "test.json").write_bytes(bytes(range(128, 256)))
    with pytest.raises(ValueError, match=r"."):
        read(tmp_path / "test.json")


def places(value, path=()):
    """The paths of all parts that decide something."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield (*path, key)
            yield from places(part, (*path, key))
    elif isinstance(value, list):
        for i, part in enumerate(value):
            yield (*path, i)
            yield from places(part, (*path, i))


READ = [p for p in places(WHOLE) if p[0] not in ("dataset", "nulls") and p != ("seconds",)]


@pytest.mark.parametrize("place", READ, ids=str)
def test_a_part_of_another_type_is_refused_or_does_no_harm(tmp_path, place):
    """Never anything but a `ValueError`; and what is taken can be used."""
    for other in OTHER_TYPES:
        damaged = copy.deepcopy(WHOLE)
        part = damaged
        for key in place[:-1]:
            part = part[key]
        part[place[-1]] = other
        try:
            found = read(written(tmp_path, damaged))
        except ValueError:
            continue
        assert all(type(row.ways) is int for row in rows_of(found))
        assert all(seconds >= 0 for seconds in seconds_of(found).values())


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("rows", 0, "accuracy"), "0.5"),
        (("rows", 0, "ways"), True),
        (("rows",), []),
        (("tasks",), 4.0),
        (("tasks",), True),
        (("request", "ways"), [2.0]),
        (("request", "ways"), []),
        (("data", "own"), 1),
        (("checkpoint", "step"), "10"),
        (("seconds", "2"), "1.5"),
        (("seconds", "2"), -1),
    ],
)
def test_wrong_types_are_refused(tmp_path, place, value):
    damaged = copy.deepcopy(WHOLE)
    part = damaged
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    with pytest.raises(ValueError, match="expected"):
        read(written(tmp_path, damaged))


@pytest.mark.parametrize(
    ("name", "other"), [("split", "val"), ("tasks", 1), ("step", 9), ("eval_dataset", "folder")]
)
def test_what_stands_twice_has_to_be_twice_the_same(tmp_path, name, other):
    with pytest.raises(ValueError, match=f"^expected {name} .*, received {other}$"):
        read(written(tmp_path, {**WHOLE, name: other}))


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"queries": 3, "correct": [0, 1, 2]}, "expected 4 tasks, received 3"),
        ({"queries": 3, "correct": [0, 1, 2, 4]}, "expected 0 to 3 correct"),
        ({"queries": 3, "correct": [0, 1, 2, -1]}, "expected 0 to 3 correct"),
        ({"queries": 0, "correct": [0, 0, 0, 0]}, "expected 0 to 0 correct"),
        ({"correct": [0, 1, 2, 3]}, "expected queries and correct"),
        ({"queries": 3}, "expected queries and correct"),
    ],
)
def test_correct_queries_that_cannot_be_are_refused(tmp_path, counts, message):
    with pytest.raises(ValueError, match=message):
        read(written(tmp_path, {**WHOLE, "rows": [{**ROW, **counts}]}))


def test_correct_queries_are_read_or_known_to_be_missing(tmp_path):
    counts = {"queries": 3, "correct": [0, 1, 2, 3]}
    found = read(written(tmp_path, {**WHOLE, "rows": [{**ROW, **counts}]}))
    assert says_tasks(found)
    assert rows_of(found)[0].correct == (0, 1, 2, 3)
    assert not says_tasks(WHOLE)
    assert rows_of(WHOLE)[0].correct is None
