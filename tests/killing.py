"""What tests of sudden ends share: a kill is an error that nothing of the program catches."""

from pathlib import Path


class Killed(BaseException):
    """Nothing of the program runs after it."""


def kill_at(monkeypatch, call):
    """Ends the program at the n-th change of a file's name or existence."""
    calls = []
    for name in ("replace", "unlink", "mkdir"):
        original = getattr(Path, name)

        def changed(self, *args, original=original, **kwargs):
            calls.append(self)
            if len(calls) > call:
                raise Killed
            return original(self, *args, **kwargs)

        monkeypatch.setattr(Path, name, changed)
