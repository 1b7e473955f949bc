"""The harness notices what it is there to notice."""

import os

import pytest

from tests.faults.harness import Outcome, Row, faults, snapshot

ROW = Row("a row", ("--shots=0",), "shots")
RIGHT = Outcome(2, "", "error: shots: expected at least 1, received 0\n")
FILES = {"run": "folder", "run/config.json": (2, "a")}


def test_a_right_answer_has_no_faults():
    assert faults(ROW, RIGHT, FILES, FILES) == []
    warned = Outcome(0, "step 2/2", "warning: shots are few\n")
    assert faults(ROW._replace(codes=(0,), prints="2/2"), warned, FILES, {}) == []


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (RIGHT._replace(late=True), "still running"),
        (RIGHT._replace(code=1), "exit code 1"),
        (RIGHT._replace(code=-11), "exit code -11"),
        (RIGHT._replace(code=0), "lines with an error"),
        (RIGHT._replace(err=2 * RIGHT.err), "2 lines with an error"),
        (RIGHT._replace(err=""), "0 lines with an error"),
        (RIGHT._replace(err="error: ways: expected …\n"), "does not match"),
        (RIGHT._replace(err="warning: shots\nerror: ways\n"), "does not match"),
        (RIGHT._replace(err=RIGHT.err + "W0000 of a library\n"), "neither error nor warning"),
        (RIGHT._replace(err=7 * "warning: shots\n" + RIGHT.err), "8 lines"),
        (RIGHT._replace(err="Traceback (most recent call last):\n" + RIGHT.err), "a traceback"),
        (RIGHT._replace(out="Traceback (most recent call last):\n"), "a traceback"),
    ],
)
def test_every_fault_of_an_answer_is_named(outcome, expected):
    assert expected in "; ".join(faults(ROW, outcome, FILES, FILES))


def test_what_changed_on_disk_is_named():
    for after in ({}, FILES | {"run/new": (0, "")}, FILES | {"run/config.json": (2, "b")}):
        assert "changed on disk: run" in "; ".join(faults(ROW, RIGHT, FILES, after))
        assert not faults(ROW._replace(unchanged=False), RIGHT, FILES, after)
    done, row = Outcome(0, "", ""), Row("kept", (), codes=(0,), keeps=("run/config.json",))
    assert not faults(row, done, FILES, FILES | {"run/new": (0, "")})
    assert "run/config.json" in faults(row, done, FILES, {"run": "folder"})[0]


def test_silence_is_asked_for_where_nothing_is_wrong():
    done = Outcome(0, "", "warning: something\n")
    assert "unexpected" in faults(Row("silent", (), codes=(0,)), done, {}, {})[0]


def test_a_training_of_two_steps_may_say_that_it_has_learned_nothing():
    usual = (
        "warning: the validation accuracy of run never rose above that of the untrained weights, "
        "which are evaluated\n"
    )
    silent = Row("silent", (), codes=(0,))
    assert faults(silent, Outcome(0, "", usual), {}, {}) == []
    assert (
        "unexpected: 'warning: more"
        in faults(silent, Outcome(0, "", usual + "warning: more\n"), {}, {})[0]
    )


def test_a_snapshot_sees_contents_links_and_pipes(tmp_path):
    (tmp_path / "file").write_text("a")
    (tmp_path / "link").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "caf\udce9").mkdir()
    before = snapshot(tmp_path)
    assert len(before) == 4
    (tmp_path / "file").write_text("b")
    changed = snapshot(tmp_path)
    assert {name for name in before if before[name] != changed[name]} == {"file"}


def test_the_server_runs_main_in_its_place_with_its_environment(server, tmp_path):
    help_text = server.run(Row("help", ("--help",), codes=(0,)), tmp_path)
    assert (help_text.code, help_text.err) == (0, "")
    assert "--shots" in help_text.out
    code = "import os, sys; print(os.getcwd(), os.environ['WORD']); sys.exit(7)"
    row = Row("code", (), code=code, environment=(("WORD", "hello"),))
    assert server.run(row, tmp_path) == Outcome(7, f"{tmp_path} hello\n", "")


def test_the_server_kills_what_hangs_and_bounds_memory(server, tmp_path):
    assert server.run(Row("hang", (), code="while True: pass", limit=1), tmp_path).late
    greedy = server.run(Row("greedy", (), code="b = bytearray(2**36)"), tmp_path)
    assert (greedy.code, greedy.late) == (1, False)
    assert "MemoryError" in greedy.err
    assert server.run(ROW, tmp_path).code == 2
