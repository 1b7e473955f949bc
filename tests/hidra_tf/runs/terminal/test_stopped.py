"""What a Ctrl-C is answered with."""

import pytest

from hidra_tf.runs.terminal import stopped
from hidra_tf.runs.terminal.stopped import told_when_stopped


def test_a_ctrl_c_gets_the_message_of_the_block():
    with pytest.raises(KeyboardInterrupt, match=r"^after 2$"), told_when_stopped(lambda: "after 2"):
        raise KeyboardInterrupt


def test_the_innermost_message_stays():
    with (
        pytest.raises(KeyboardInterrupt, match=r"^inner$"),
        told_when_stopped(lambda: "outer"),
        told_when_stopped(lambda: "inner"),
    ):
        raise KeyboardInterrupt


def test_other_errors_pass():
    with pytest.raises(ValueError, match=r"^other$"), told_when_stopped(lambda: "message"):
        raise ValueError("other")


@pytest.mark.parametrize(
    ("saved", "expected"),
    [
        (-1, "no checkpoint was written; the same command starts from the beginning"),
        (20, "the same command goes on from the last checkpoint, of step 20"),
        (30, "all 30 steps are saved; the same command evaluates them"),
    ],
)
def test_a_stopped_training_says_what_is_saved(monkeypatch, tmp_path, saved, expected):
    monkeypatch.setattr(stopped, "saved_step", lambda path: saved)
    assert stopped.training_stopped(tmp_path, 30) == f"stopped; {expected}"
