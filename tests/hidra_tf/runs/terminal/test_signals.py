"""Signals end a training in good order; a process with a terminal of its own loses it."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hidra_tf.runs.terminal.signals import stop_on_signals

ROOT = Path(__file__).parents[4]


@pytest.fixture
def handlers():
    """Puts the handlers of all three signals back, whatever a test does to them."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    # The suite itself may run where signals are ignored: in the background, or under nohup.
    usual = dict.fromkeys(numbers, signal.SIG_DFL)
    for number, handler in usual.items():
        signal.signal(number, handler)
    yield usual
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_the_first_signal_asks_the_training_to_stop(handlers, name):
    with stop_on_signals() as stop_requested:
        assert not stop_requested()
        signal.raise_signal(signal.Signals[name])
        assert stop_requested()
    assert {number: signal.getsignal(number) for number in handlers} == handlers


def test_a_second_ctrl_c_ends_it_at_once(handlers):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt), stop_on_signals():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)


def test_a_second_loss_of_the_terminal_does_not(handlers):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    with stop_on_signals() as stop_requested:
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)
        assert stop_requested()


def test_nohup_is_respected(handlers):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with stop_on_signals() as stop_requested:
        signal.raise_signal(signal.SIGHUP)
        assert not stop_requested()
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


# A training that prints all the time, on its controlling terminal, and saves when it is to stop.
TRAINING = """
import fcntl, signal, sys, termios, time
from pathlib import Path
from hidra_tf.runs.terminal.signals import stop_on_signals
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup would have it ignored
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
with stop_on_signals() as stop_requested:
    while not stop_requested():
        print("step", flush=True)
        time.sleep(0.01)
    print("no terminal shows this", flush=True)
    print("nor this", file=sys.stderr, flush=True)
    Path(sys.argv[1]).write_text("saved")
"""


def test_a_lost_terminal_ends_a_training_that_prints_on_it_in_good_order(tmp_path):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", TRAINING, str(tmp_path / "state")],
        cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    assert b"step" in os.read(ours, 100)
    os.close(ours)
    assert process.wait(timeout=60) == 0
    assert (tmp_path / "state").read_text() == "saved"
