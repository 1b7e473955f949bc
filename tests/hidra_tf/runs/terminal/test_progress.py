import io

import pytest

from hidra_tf.runs.terminal import progress
from hidra_tf.runs.terminal.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_line_shows_position_values_rate_and_time_left(clock):
    out = io.StringIO()
    shown = Progress(100, 20, "update", "step", out)
    clock[0] = 10.0
    shown.advance(20, loss="0.5")
    shown.show(val="90 %")
    # 20 updates in 10 s, not 40: those of an earlier session took none of this one's time.
    assert out.getvalue() == "step 40/100  loss 0.5  val 90 %  2.00 updates/s  00:30 left\n"


def test_lines_come_no_more_often_than_wanted(clock):
    out = io.StringIO()
    shown = Progress(100, 0, "update", "step", out)
    for _ in range(90):
        clock[0] += 1.0
        shown.advance(1)
    assert out.getvalue().count("\n") == 90 // progress.SECONDS_BETWEEN_LINES


def test_before_the_first_unit_there_is_no_rate(clock):
    out = io.StringIO()
    Progress(10, 0, "update", "step", out).show(val="1 %")
    assert out.getvalue() == "step 0/10  val 1 %\n"


def test_a_terminal_gets_a_bar_and_lines_that_stay():
    out = Terminal()
    shown = Progress(10, 0, "update", "step", out)
    shown.advance(5, loss="0.5")
    shown.show(val="90 %")
    shown.close()
    assert "loss=0.5" in out.getvalue()
    assert "50%" in out.getvalue()
    assert "step 5/10  loss 0.5  val 90 %" in out.getvalue()


def test_a_part_has_lines_of_its_own(clock):
    out = io.StringIO()
    whole = Progress(10, 0, "update", "step", out)
    with whole.part(400, "task", "measuring") as part:
        clock[0] = 20.0
        part.advance(100)
        clock[0] = 30.0
        part.advance(200)
    whole.show(val="90 %")
    assert out.getvalue() == ("measuring 300/400  10.00 tasks/s  00:10 left\nstep 0/10  val 90 %\n")


def test_a_part_that_is_soon_done_says_nothing_without_a_terminal(clock):
    out = io.StringIO()
    with Progress(10, 0, "update", "step", out).part(4, "task", "measuring") as part:
        clock[0] = 20.0
        part.advance(4)
    assert out.getvalue() == ""


def test_a_part_is_a_second_bar_on_a_terminal_and_is_taken_away():
    out = Terminal()
    whole = Progress(10, 0, "update", "step", out)
    with whole.part(4, "task", "measuring") as part:
        part.advance(2)
        assert part._bar.pos != whole._bar.pos
    assert "\n\rmeasuring:" in out.getvalue()
    assert part._bar.disable
    whole.close()
