"""config.json as other programs, editors, crashes and enemies leave it."""

from __future__ import annotations

from typing import Any

from tests.faults import checks
from tests.faults.harness import Row
from tests.faults.recipes import EVAL, TINY, damage, edit, trained, write

FILE = "run/config.json"
NESTED: Any = [[[[{"a": [{}]}]]]]
# Name of a field → values of a type or of a size that it cannot have.
VALUES: dict[str, tuple[Any, ...]] = {
    "shots": (5.0, True, "1", None, [1], {}, -1, 0, NESTED, 1e400),
    "seed": ("0", 0.5, None, [0], float("nan"), True),
    "train_ways": (5, "2", [], ["2"], [2.0], [1], [[2]], None, {}, [True, 2], [3, 2]),
    "method": ("hydra", None, 5, ["hidra"], {}),
    "inner_lr": ("0.4", None, -1, float("nan"), float("inf"), True, [0.4]),
    "image_size": ([16], [16, 16, 16], 16, "16x16", [0, 16], [16.0, 16.0], {}, [True, 16]),
    "first_order": (1, "false", None, 0.0, []),
    "backbone": ("antigravity:fly", "os:system", "this:s", 5, None, "../x:y", "conv4:"),
    "dataset": ("mnist", None, 5, ["glyphs"]),
    "data_dir": (5, ["."], {}, True),
    "switch": ([1], "1,2", [1, 2, 3], [1.0, 2.0], 5),
    "milestones": (5, "5", [5.0], None),
    "norm": (None, 5, ["affine"]),
    "filters": (2.5, "2", 10**30, None),
    "steps": (2.0, "2", None, 10**30),
    "pictures": (None, "disk"),
    "log_every": ("1", 0.5),
    "clip_norm": ("10", None, float("inf")),
}
TEXTS = {
    "empty": "", "a blank": " ", "a number": "5", "a list": "[]", "a word": '"config"',
    "null": "null", "an empty object": "{}", "no JSON": "shots: 5", "a comma too many": '{"a": 1,}',
    "two objects": "{}{}", "endless brackets": "[" * 100_000, "bytes that are no text": b"\xff\xfe",
    "zeros": bytes(100), "a text of another encoding": '{"dataset": "glyphs"}'.encode("utf-16"),
}  # fmt: skip


def tested(name: str, says: str, *steps: Any, **more: Any) -> Row:
    """An evaluation of a run whose config.json was changed."""
    return Row(f"config.json: {name}", EVAL, says, (trained(), *steps), **more)


def again(name: str, says: str, *steps: Any, **more: Any) -> Row:
    """A training that goes on in such a run."""
    flags = (*TINY, "--run_dir=run")
    return Row(f"config.json, to go on: {name}", flags, says, (trained(), *steps), **more)


def _values() -> list[Row]:
    rows = []
    for field, values in VALUES.items():
        for i, value in enumerate(values):
            shown = repr(value)[:30]
            make = again if i == 1 else tested
            rows.append(make(f"{field} is {shown}", field, edit(FILE, (field, value))))
    return rows


def _fields() -> list[Row]:
    missing = ("dataset", "method", "train_ways", "shots", "steps", "filters")
    return [
        *(tested(f"no {field}", field, edit(FILE, (field, ...))) for field in missing),
        tested("a field that nobody knows", "colour", edit(FILE, ("colour", "red"))),
        tested("a field of another spelling", "Shots", edit(FILE, ("Shots", 1))),
        tested("two fields that contradict each other", "train_ways",
               edit(FILE, ("method", "maml"), ("train_ways", [2, 3]))),
        tested("a method whose weights these are not", "checkpoint|damaged|weights",
               edit(FILE, ("method", "maml")), unchanged=False),
        tested("a width that the weights have not", "checkpoint|damaged|filters|shape|weights",
               edit(FILE, ("filters", 3)), unchanged=False),
        tested("a size of which the weights are none", "pictures are 48 × 48",
               edit(FILE, ("image_size", [48, 48])), unchanged=False),
        tested("a width of a thousand million", "filters|memory", edit(FILE, ("filters", 10**9))),
        tested("images of 9999 × 9999", "image_size|memory", edit(FILE, ("image_size",
               [9999, 9999]))),
        tested("a field of an earlier version is missing", "", edit(FILE, ("gamma", ...)),
               codes=(0,), check=checks.as_trained("hidra")),
        tested("code that would be imported", "own|trust", edit(FILE, ("backbone", "own:make")),
               write("own.py", "open('imported', 'w')\n"), environment=(("PYTHONPATH", "."),)),
        again("code that would be imported", "own|trust|backbone", edit(FILE, ("backbone",
              "own:make")), write("own.py", "open('imported', 'w')\n"),
              environment=(("PYTHONPATH", "."),)),
        Row("config.json names the code that a flag names as well", (*EVAL,
            "--backbone=own:make"), "own", (trained(), edit(FILE, ("backbone", "own:make")))),
    ]  # fmt: skip


def _texts() -> list[Row]:
    rows = [tested(name, "config.json", write(FILE, text)) for name, text in TEXTS.items()]
    rows += [again(name, "config.json", write(FILE, TEXTS[name])) for name in ("empty", "a list")]
    damages = ("half", "garbled")
    return rows + [tested(f"{how} of it", "config.json", damage(FILE, how)) for how in damages]


ROWS = [*_values(), *_fields(), *_texts()]
