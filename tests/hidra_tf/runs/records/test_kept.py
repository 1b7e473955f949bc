"""The files of results of a run: which evaluation is kept where, and which one answers."""

import dataclasses
import json
import logging

import pytest

from hidra_tf.evaluation.rows import Row
from hidra_tf.runs.checkpoints.weights import Weights
from hidra_tf.runs.config import Config, EvalRequest
from hidra_tf.runs.records import finished, kept, results
from hidra_tf.runs.records.reading import read
from hidra_tf.runs.records.results import Asked, Data
from tests.faults.rows.results import OTHERS, STALE, TEXTS

CONFIG = Config(
    dataset="glyphs",
    method="hidra",
    train_ways=(5,),
    shots=1,
    query_shots=15,
    meta_batch=4,
    steps=300,
    inner_steps=1,
    inner_lr=0.4,
    meta_lr=0.001,
    filters=64,
)
OWN = Data("glyphs", None, True, 4, 80, "f00d")
EARLY, BEST = Weights("best", 80, "eight"), Weights("best", 250, "beef")
DEFAULT = EvalRequest(tasks=600)


@pytest.fixture
def now(monkeypatch):
    """The weights that the run has now; the test may change them."""
    present = {"best": BEST, "last": Weights("last", 300, "1a57")}
    monkeypatch.setattr(
        kept.weights, "current", lambda path, config, asked: present.get(asked or "best")
    )
    return present


def made(split="test", ways=(2, 3, 4), steps=(1,), tasks=600, data=OWN, weights=BEST, seed=None):
    rows = [Row(c, s, 0.5, 0.1, 1.0) for c in ways for s in steps]
    return results.contents(
        CONFIG,
        Asked(split, ways, steps, tasks, data, weights, seed=seed),
        rows,
        dict.fromkeys(ways, 1.0),
    )


def write(path, final=True, **changes):
    contents = made(**changes)
    file = kept.write(path, CONFIG, contents, b"chart", final)
    assert json.loads(file.read_text()) == contents
    assert file.with_name(f"{file.name[:-5]}.png").read_bytes() == b"chart"
    return file


def names(path):
    return {file.name for file in (path / "results").glob("*.json")}


def warnings(caplog):
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


def test_only_the_end_of_a_training_writes_the_runs_own_table(tmp_path, now):
    evaluated = write(tmp_path, final=False)
    assert evaluated.name.startswith("test_ways=2-4_steps=1_tasks=600_checkpoint=best-250_")
    assert write(tmp_path).name == "test.json"
    assert len(names(tmp_path)) == 2
    assert write(tmp_path, split="val").name == "val.json"


def test_the_same_request_gives_the_same_file_and_no_other(tmp_path, now):
    for final in (True, False):
        assert write(tmp_path, final=final) == write(tmp_path, final=final)
    assert len(names(tmp_path)) == 2
    assert len(list((tmp_path / "results").iterdir())) == 4


@pytest.mark.parametrize(
    "less",
    [
        {"tasks": 1},
        {"seed": 7},
        {"ways": (2,)},
        {"steps": (3,)},
        {"weights": Weights("last", 300, "1a57")},
    ],
)
def test_another_request_takes_nothing_away(tmp_path, now, less):
    whole = write(tmp_path)
    before = whole.read_bytes()
    for final in (True, False):
        assert write(tmp_path, final, **less) != whole
    assert whole.read_bytes() == before
    assert whole.with_suffix(".png").exists()


def test_two_folders_of_pictures_have_two_files(tmp_path, now):
    others = [
        Data("folder", place, False, 9, 90, print_)
        for place, print_ in (("/a/x", "1"), ("/a/y", "2"), ("/b/x", "3"))
    ]
    files = [write(tmp_path, final=False, data=data) for data in others]
    assert len(set(files)) == 3
    assert all(file.name.startswith("test_folder=") for file in files)


@pytest.mark.parametrize(
    "old", [{"weights": EARLY, "tasks": 4000}, {"data": OWN._replace(fingerprint="fade")}]
)
def test_an_own_table_of_earlier_weights_or_classes_moves_away(tmp_path, now, caplog, old):
    now["best"] = old.get("weights", BEST)
    first = write(tmp_path, **old)
    before = json.loads(first.read_text())
    now["best"] = BEST
    assert write(tmp_path) == first
    moved = first.with_name(f"{results.name_of(before)}.json")
    assert json.loads(moved.read_text()) == before
    assert (moved.with_name(moved.name[:-5] + ".png")).exists()
    assert names(tmp_path) == {"test.json", moved.name}
    assert moved.name in warnings(caplog)[0]


def test_an_own_table_of_an_earlier_version_moves_away_too(tmp_path, now):
    own = tmp_path / "results" / "test.json"
    own.parent.mkdir()
    old = {key: value for key, value in made().items() if key in ("split", "step", "tasks", "rows")}
    own.write_text(json.dumps(old))
    assert write(tmp_path) == own
    (moved,) = names(tmp_path) - {"test.json"}
    assert json.loads((own.parent / moved).read_text()) == old


def changed(changes):
    """The text of a right table but for some of its fields."""
    return json.dumps({**made(), **dict(changes)})


DAMAGED = [changed(changes) for name, changes in STALE.items() if name not in OTHERS]


@pytest.mark.parametrize("text", [*TEXTS.values(), '{"split": "test", "rows": [7]}', *DAMAGED])
def test_a_damaged_own_table_is_replaced_and_named(tmp_path, now, caplog, text):
    own = tmp_path / "results" / "test.json"
    own.parent.mkdir()
    own.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert kept.answering(tmp_path, CONFIG, DEFAULT) is None
    assert write(tmp_path) == own
    (warning,) = warnings(caplog)
    assert "test.json is damaged" in warning


@pytest.mark.parametrize("name", OTHERS)
def test_an_own_table_of_another_seed_or_shots_is_no_answer_and_is_kept(tmp_path, now, name):
    own = tmp_path / "results" / "test.json"
    own.parent.mkdir()
    own.write_text(changed(STALE[name]))
    before = own.read_text()
    assert kept.answering(tmp_path, CONFIG, DEFAULT) is None
    write(tmp_path)
    assert before in [file.read_text() for file in own.parent.glob("*.json")]


def test_the_table_of_the_request_is_the_answer(tmp_path, now):
    own = write(tmp_path)
    other = write(tmp_path, final=False, ways=(2,), tasks=7)
    assert kept.answering(tmp_path, CONFIG, DEFAULT) == own
    assert kept.answering(tmp_path, CONFIG, EvalRequest(ways=(2, 3, 4), steps=(1,))) == own
    assert kept.answering(tmp_path, CONFIG, EvalRequest(ways=(2,), tasks=7)) == other


@pytest.mark.parametrize(
    "request_",
    [
        EvalRequest(tasks=599),
        EvalRequest(ways=(2, 3)),
        EvalRequest(steps=(1, 2)),
        EvalRequest(split="val"),
        EvalRequest(checkpoint="last"),
        EvalRequest(checkpoint="80"),
    ],
)
def test_a_table_answers_no_other_request(tmp_path, now, request_):
    write(tmp_path)
    assert kept.answering(tmp_path, CONFIG, request_) is None


@pytest.mark.parametrize(
    "other",
    [
        {"weights": EARLY},
        {"weights": BEST._replace(digest="dead")},
        {"weights": BEST._replace(digest=None)},
        {"data": OWN._replace(own=False)},
        {"ways": (2,)},
    ],
)
def test_a_table_of_other_weights_or_classes_or_less_is_no_answer(tmp_path, now, other):
    write(tmp_path, **other)
    assert kept.answering(tmp_path, CONFIG, DEFAULT) is None


def test_a_run_is_finished_when_its_steps_are_done_and_its_table_is_theirs(
    tmp_path, now, monkeypatch, capsys
):
    """Tested at step 80, trained to 300 and stopped before the last test: that is to be made."""
    now["best"] = EARLY
    write(tmp_path, weights=EARLY)
    saved = {"step": 80}
    monkeypatch.setattr(finished, "saved_step", lambda path: saved["step"])
    assert not finished.says_finished(tmp_path, CONFIG, DEFAULT)
    saved["step"], now["best"] = 300, BEST
    assert not finished.says_finished(tmp_path, CONFIG, DEFAULT)
    assert capsys.readouterr().out == ""
    write(tmp_path)
    assert finished.says_finished(tmp_path, CONFIG, DEFAULT)
    said = capsys.readouterr().out
    assert "is finished: 300 of 300 steps; tested at step 250" in said
    assert "50.00 ± 10.00 %" in said
    # The best checkpoint has changed since.
    now["best"] = BEST._replace(digest="dead")
    assert not finished.says_finished(tmp_path, CONFIG, DEFAULT)


def test_a_write_that_fails_leaves_the_old_table_and_no_part(tmp_path, now, monkeypatch):
    own = write(tmp_path)
    before = own.read_bytes()

    def fail(*_arguments):
        raise OSError("No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OSError, match="No space"):
        kept.write(tmp_path, CONFIG, made(), b"other", True)
    assert own.read_bytes() == before
    assert own.with_suffix(".png").read_bytes() == b"chart"
    assert sorted(f.name for f in own.parent.iterdir()) == ["test.json", "test.png"]


SHOTS = EvalRequest(shots=(1, 2), query_shots=3)


def test_other_shots_are_another_evaluation_and_take_no_table_away(tmp_path, now):
    own = write(tmp_path)
    contents = results.contents(
        CONFIG,
        Asked("test", (2, 3, 4, 5), (1,), 600, OWN, BEST, shots=(1, 2), query_shots=3),
        [Row(2, 1, 0.5, 0.1, 1.0)],
        {2: 1.0},
    )
    file = kept.write(tmp_path, CONFIG, contents, b"chart", True)
    assert "_shots=1,2_query_shots=3_" in file.name
    assert read(file)["shots"] == [1, 2]
    assert names(tmp_path) == {own.name, file.name}
    request = dataclasses.replace(SHOTS, ways=(2, 3, 4, 5))
    assert kept.answering(tmp_path, CONFIG, request) == file
    assert kept.answering(tmp_path, CONFIG, DEFAULT) == own
    assert kept.answering(tmp_path, CONFIG, EvalRequest(shots=(1,), query_shots=15)) == own


def test_a_confusion_is_made_where_it_is_missing_and_moves_with_its_table(tmp_path, now):
    wanted = EvalRequest(confusion=True)
    now["best"] = EARLY
    own = write(tmp_path, weights=EARLY)
    assert kept.answering(tmp_path, CONFIG, wanted) is None
    kept.write(tmp_path, CONFIG, made(weights=EARLY), b"c", True, {".classes.csv": "x"})
    assert kept.answering(tmp_path, CONFIG, wanted) == own
    now["best"] = BEST
    write(tmp_path)
    (moved,) = (tmp_path / "results").glob("test_*.classes.csv")
    assert moved.read_text() == "x"
    assert not own.with_suffix(".classes.csv").exists()


def test_a_table_of_other_tasks_answers_for_their_seed_alone(tmp_path, now):
    own = write(tmp_path, ways=tuple(range(2, 5)))
    other = write(tmp_path, False, seed=7)
    for seed, file in ((None, own), (CONFIG.seed, own), (7, other), (8, None)):
        request = EvalRequest(tasks=600, ways=(2, 3, 4), seed=seed)
        assert kept.answering(tmp_path, CONFIG, request) == file


def test_a_table_without_the_tasks_is_no_answer_where_they_are_needed(tmp_path, now):
    """As those of earlier versions; one with them, in another file, is."""
    own, request = write(tmp_path), EvalRequest(tasks=600, ways=(2, 3, 4))
    assert kept.answering(tmp_path, CONFIG, request) == own
    assert kept.answering(tmp_path, CONFIG, request, by_task=True) is None
    with_them = made()
    for row in with_them["rows"]:
        row.update(queries=30, correct=[15] * 600)
    file = kept.write(tmp_path, CONFIG, with_them, b"chart", final=False)
    assert kept.answering(tmp_path, CONFIG, request, by_task=True) == file != own
