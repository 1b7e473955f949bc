"""What is true when a command is stopped by Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hidra_tf.runs.checkpoints.files import saved_step


@contextmanager
def told_when_stopped(message: Callable[[], str]) -> Iterator[None]:
    """Gives a Ctrl-C within the block a message, unless it brings one of its own.

    Args:
        message: called when it happens.
    """
    try:
        yield
    except KeyboardInterrupt as stop:
        if str(stop):
            raise
        raise KeyboardInterrupt(message()) from None


def evaluation_stopped() -> str:
    """What is left of an evaluation that was stopped: nothing."""
    return "stopped; nothing was written; the same command evaluates anew"


def comparison_stopped() -> str:
    """What is left of a comparison that was stopped: the evaluations that it had made."""
    return "stopped; evaluations that were made are kept; the same command makes the others"


def writing_stopped() -> str:
    """What is left of an evaluation that was stopped after its table was printed."""
    return "stopped while the results were written; the same command evaluates anew"


def training_stopped(path: Path, steps: int) -> str:
    """What is left of the training of the run at `path`, which is to make `steps` meta-updates."""
    step = saved_step(path)
    if step < 0:
        return "stopped; no checkpoint was written; the same command starts from the beginning"
    if step < steps:
        return f"stopped; the same command goes on from the last checkpoint, of step {step}"
    return f"stopped; all {steps} steps are saved; the same command evaluates them"
