import dataclasses
from typing import Any, NamedTuple

import pytest

from data_gen import typed_json
from data_gen.errors import UserError


class Size(NamedTuple):
    height: int
    width: int


@dataclasses.dataclass
class Row:
    ways: int
    accuracy: float


@dataclasses.dataclass
class Table:
    name: str
    rows: list[Row]
    size: Size | None = None
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    more: Any = None
    pair: tuple[int, str] = (0, "")
    steps: tuple[int, ...] = ()
    either: int | str = 0
    seen: bool = False


def test_a_nested_dataclass_is_read_whole():
    text = """{"name": "t", "rows": [{"ways": 5, "accuracy": 1}], "size": [3, 4],
    "seconds": {"5": 0.5}, "more": [{}], "pair": [1, "a"], "steps": [1, 2], "either": "x",
    "seen": true}"""
    table = typed_json.parse(Table, text)
    assert table == Table(
        "t", [Row(5, 1.0)], Size(3, 4), {"5": 0.5}, [{}], (1, "a"), (1, 2), "x", True
    )
    assert isinstance(table.size, Size)
    assert type(table.rows[0].accuracy) is float


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("[]", "^expected fields by name, received \\[\\]"),
        ('{"rows": []}', "^missing field name"),
        ('{"name": "t", "rows": [], "x": 1, "y": 2}', "^unknown field x, y"),
        ('{"name": 5, "rows": []}', "^name: expected text, received 5"),
        ('{"name": "t", "rows": {}}', "^rows: expected a list, received {}"),
        ('{"name": "t", "rows": [{"ways": true, "accuracy": 1}]}', r"^rows\[0\]\.ways: .*true"),
        ('{"name": "t", "rows": [{"ways": 5.0, "accuracy": 1}]}', r"^rows\[0\]\.ways: .*5\.0"),
        ('{"name": "t", "rows": [{"ways": NaN, "accuracy": 1}]}', r"^rows\[0\]\.ways: .*NaN"),
        ('{"name": "t", "rows": [{"ways": 5}]}', r"^rows\[0\]: missing field accuracy"),
        ('{"name": "t", "rows": [7]}', r"^rows\[0\]: expected fields by name"),
        ('{"name": "t", "rows": [], "size": [1]}', "^size: expected a list of 2"),
        ('{"name": "t", "rows": [], "size": "3x4"}', "^size: expected a list of 2"),
        ('{"name": "t", "rows": [], "seconds": {"5": "x"}}', "^seconds.5: expected a number"),
        ('{"name": "t", "rows": [], "seconds": [1]}', "^seconds: expected fields by name"),
        ('{"name": "t", "rows": [], "pair": ["a", 1]}', r"^pair\[0\]: expected a whole number"),
        ('{"name": "t", "rows": [], "either": []}', "^either: expected text"),
        ('{"name": "t", "rows": [], "seen": 0}', "^seen: expected true or false, received 0"),
        ('{"name": "t", "name": "u", "rows": []}', "^expected JSON.*field name stands there twice"),
        ("[" * 100_000, "^expected JSON"),
        ("", "^expected JSON"),
    ],
)
def test_what_does_not_fit_is_named_by_its_place(fields, message):
    with pytest.raises(UserError, match=message) as caught:
        typed_json.parse(Table, fields)
    assert "\n" not in str(caught.value)


def test_a_number_may_be_infinite_where_a_number_is_wanted_and_too_large_for_none():
    assert typed_json.parse(float, "Infinity") == float("inf")
    with pytest.raises(UserError, match=r"^expected a number that fits 64 bits, received 1000"):
        typed_json.parse(float, "1" + 400 * "0")


def test_a_file_is_named(tmp_path):
    file = tmp_path / "table.json"
    for contents in (b"{}", b"\xff\xfe\xfa"):
        file.write_bytes(contents)
        with pytest.raises(UserError, match=f"^{file}: "):
            typed_json.read(Table, file)
    with pytest.raises(FileNotFoundError):
        typed_json.read(Table, tmp_path / "missing.json")
