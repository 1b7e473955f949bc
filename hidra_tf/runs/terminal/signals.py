"""Signals that end a training in good order."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stop_on_signals() -> Iterator[Callable[[], bool]]:
    """Lets a Ctrl-C, a SIGTERM or the loss of the terminal (SIGHUP) end the training in good order.

    A second Ctrl-C or SIGTERM ends it at once. A second SIGHUP does not: systems send several.
    A program that was started with SIGHUP ignored, as `nohup` does, goes on ignoring it.

    Yields:
        A function that says whether the training was asked to stop.
    """
    received: list[int] = []
    terminals = [stream for stream in (1, 2) if _is_terminal(stream)]

    def note(number: int, _frame: object) -> None:
        received.append(number)
        if number == signal.SIGHUP:
            signal.signal(number, signal.SIG_IGN)
            _forget(terminals)
            return
        signal.signal(number, previous[number])
        print(
            "\nstopping after the running updates; Ctrl-C again stops at once, without saving",
            file=sys.stderr,
        )

    hears = [n for n in _SIGNALS if (n, signal.getsignal(n)) != (signal.SIGHUP, signal.SIG_IGN)]
    previous = {number: signal.signal(number, note) for number in hears}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


def _forget(terminals: list[int]) -> None:
    """Lets what is printed from now on go nowhere: printing on a lost terminal is an error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in terminals:
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
