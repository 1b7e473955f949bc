"""Progress: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from tqdm import tqdm

# Without a terminal, at most one line in so many seconds, beside those that are always printed.
SECONDS_BETWEEN_LINES = 30.0


class Progress:
    """Shows how far a loop is, how fast it goes and how long it will take.

    Args:
        total: the number of units.
        done: the number of units that were done before.
        unit: the name of a unit.
        label: the name of the loop.
        stream: the stream to write to, which shows a bar if it is a terminal.
    """

    def __init__(
        self, total: int, done: int, unit: str, label: str, stream: TextIO | None = None
    ) -> None:
        self._stream = stream or sys.stdout
        self._total, self._done, self._first = total, done, done
        self._unit, self._label = unit, label
        self._values: dict[str, str] = {}
        self._start = self._last_line = time.monotonic()
        self._bar = None
        if self._stream.isatty():
            self._bar = tqdm(
                total=total,
                initial=done,
                unit=unit,
                desc=label,
                file=self._stream,
                dynamic_ncols=True,
                leave=False,
            )

    def advance(self, units: int, **values: str) -> None:
        """Counts `units` more as done; `values` are shown until they are replaced."""
        self._done += units
        self._values |= values
        if self._bar is not None:
            self._bar.set_postfix(self._values, refresh=False)
            self._bar.update(units)
        elif time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self.line()

    def show(self, **values: str) -> None:
        """Shows `values` and prints a line that stays, on a terminal too."""
        self._values |= values
        self.line()

    def line(self) -> None:
        """Prints the state as a line of its own."""
        self._last_line = time.monotonic()
        shown = "  ".join(f"{name} {value}" for name, value in self._values.items())
        rate, left = self.rate(), self._left()
        text = f"{self._label} {self._done}/{self._total}"
        if shown:
            text += f"  {shown}"
        if rate:
            text += f"  {rate:.2f} {self._unit}s/s  {left} left"
        self._write(text)

    def rate(self) -> float:
        """Units per second since the start; 0 before the first."""
        elapsed = time.monotonic() - self._start
        return (self._done - self._first) / elapsed if self._done > self._first else 0.0

    @contextmanager
    def part(self, total: int, unit: str, label: str) -> Iterator[Progress]:
        """The progress of something that the loop waits for: a bar below, or lines of its own."""
        inner = Progress(total, 0, unit, label, self._stream)
        try:
            yield inner
        finally:
            inner.close()

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.close()

    def _left(self) -> str:
        return tqdm.format_interval((self._total - self._done) / self.rate()) if self.rate() else ""

    def _write(self, text: str) -> None:
        if self._bar is not None:
            self._bar.write(text, file=self._stream)
        else:
            print(text, file=self._stream, flush=True)
