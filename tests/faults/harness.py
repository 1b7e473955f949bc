"""A row of the table, what runs it, and what is asked of every answer."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SERVER = Path(__file__).with_name("server.py")
LIMIT = 60.0  # seconds; a row takes 1 to 4 on an idle machine
MOST_LINES = 6  # that a user is told at once
# True of the runs that rows copy, which are trained for two steps: no row is about it.
_HARDLY_TRAINED = re.compile(
    r"^warning: the validation accuracy of .* never rose above that of the untrained weights, .*\n",
    re.MULTILINE,
)


class Step(NamedTuple):
    """One step of a row's preparation: comparable, so that rows can be told from copies.

    Attributes:
        function: called with a `Place`, then with `arguments`.
        arguments: of the function.
    """

    function: Callable[..., None]
    arguments: tuple[Any, ...] = ()


class Row(NamedTuple):
    """A bad input, or one that looks bad and is none.

    Attributes:
        name: of the row; it says what is wrong.
        flags: of main.py, which runs in a folder of the row's own. Names of files are relative.
        says: a regular expression that the line with the error (code 2), or else all of stderr
            (code 0), has to match whatever its case. Empty with code 0: stderr stays empty.
        prepare: steps that fill the folder before.
        codes: the exit codes that are right.
        code: lines of Python to run in place of main.py; an error of the library's own is right.
        environment: added to that of the run.
        limit: seconds after which the run counts as hanging.
        own_process: whether an interpreter of its own is started, which takes seconds: where it
            matters how one starts.
        shell: a line for a shell to run in place of main.py, in which {main} stands for it.
        unchanged: whether all files in the folder stay as they are.
        keeps: of a row that may write, the files that stay as they are all the same.
        prints: a regular expression that stdout has to match.
        check: looks at the folder and at stdout afterwards.
        slow: whether only `make more` runs it. A test in the same process then gives the part that
            answers the same input, and some rows of its kind are run always.
    """

    name: str
    flags: tuple[str, ...]
    says: str = ""
    prepare: tuple[Step, ...] = ()
    codes: tuple[int, ...] = (2,)
    code: str | None = None
    environment: tuple[tuple[str, str], ...] = ()
    limit: float = LIMIT
    own_process: bool = False
    shell: str | None = None
    unchanged: bool = True
    keeps: tuple[str, ...] = ()
    prints: str = ""
    check: Callable[[Place, Outcome], None] | None = None
    slow: bool = False

    @property
    def recipe(self) -> tuple:
        """What makes two rows the same."""
        return self.flags, self.prepare, self.code, self.environment, self.shell


class Outcome(NamedTuple):
    """What a run left behind."""

    code: int
    out: str
    err: str
    late: bool = False


class Place(NamedTuple):
    """Where a row runs.

    Attributes:
        folder: its own, empty at first, in which main.py is started.
        trained: name of a run → its folder, trained once for all rows.
        server: which runs the row.
        beside: starts main.py with some flags and returns when its training has begun; it goes on
            until the row's test ends.
    """

    folder: Path
    trained: Callable[[str], Path]
    server: Server
    beside: Callable[[tuple[str, ...]], None]


class Server:
    """A `server.py` and what every run of it has in common.

    Args:
        scratch: a folder for what the runs print.
        environment: of the runs.
    """

    def __init__(self, scratch: Path, environment: dict[str, str]) -> None:
        self._scratch, self._environment = scratch, environment
        self._process = subprocess.Popen(
            [sys.executable, str(SERVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        assert json.loads(self._process.stdout.readline())["idle"], "TensorFlow must not be forked"

    def run(self, row: Row, folder: Path) -> Outcome:
        """Runs a row in its folder."""
        if row.own_process:
            return self._run_alone(row, folder)
        out, err = self._scratch / "out", self._scratch / "err"
        request = {
            "arguments": row.flags,
            "code": row.code,
            "folder": str(folder),
            "environment": self._environment | dict(row.environment),
            "limit": row.limit,
            "out": str(out),
            "err": str(err),
        }
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        texts = [path.read_bytes().decode(errors="backslashreplace") for path in (out, err)]
        return Outcome(answer["code"], *texts, answer["late"])

    def _run_alone(self, row: Row, folder: Path) -> Outcome:
        main = [sys.executable, str(ROOT / "main.py")]
        line = row.shell and ["bash", "-c", row.shell.format(main=shlex.join(main))]
        try:
            done = subprocess.run(
                line or [*main, *map(os.fsencode, row.flags)],
                cwd=folder,
                env=self._environment | dict(row.environment),
                capture_output=True,
                timeout=row.limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Outcome(-9, "", "", late=True)
        texts = [part.decode(errors="backslashreplace") for part in (done.stdout, done.stderr)]
        return Outcome(done.returncode, *texts)

    def start_alone(self, flags: tuple[str, ...], folder: Path) -> subprocess.Popen:
        """Starts an interpreter of its own, and returns when its first line of progress is there.

        The caller ends it.
        """
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "main.py"), *flags],
            cwd=folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert any(line.startswith("step ") for line in process.stdout)
        return process

    def close(self) -> None:
        """Ends the server."""
        self._process.stdin.close()
        self._process.wait()


def snapshot(folder: Path) -> dict[str, Any]:
    """Every file below a folder: its kind, size and contents; no link is followed."""
    found = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        what: Any = stat.S_IFMT(mode)
        if stat.S_ISREG(mode):
            what = (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
        elif stat.S_ISLNK(mode):
            what = os.readlink(path)
        found[os.fsencode(path.relative_to(folder)).decode(errors="backslashreplace")] = what
    return found


def faults(row: Row, outcome: Outcome, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What is wrong with an answer; empty where nothing is."""
    found = []
    if outcome.late:
        return [f"still running after {row.limit:g} s"]
    if "Traceback" in outcome.err + outcome.out:
        found.append("a traceback")
    if outcome.code not in row.codes:
        found.append(f"exit code {outcome.code}, expected {' or '.join(map(str, row.codes))}")
    found += _faults_of_lines(row, outcome)
    if row.prints and not re.search(row.prints, outcome.out, re.IGNORECASE):
        found.append(f"stdout does not match {row.prints!r}")
    kept = before.keys() | after.keys() if row.unchanged and outcome.code else row.keeps
    changed = sorted(name for name in kept if before.get(name) != after.get(name))
    if changed:
        found.append(f"changed on disk: {', '.join(changed)}")
    return found


def _faults_of_lines(row: Row, outcome: Outcome) -> list[str]:
    """What is wrong with stderr."""
    found = []
    lines = outcome.err.splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    if len(errors) != (outcome.code != 0):
        found.append(f"{len(errors)} lines with an error")
    strange = [line for line in lines if not line.startswith(("error: ", "warning: "))]
    if strange:
        found.append(f"on stderr, neither error nor warning: {strange[0]!r}")
    if len(lines) > MOST_LINES:
        found.append(f"{len(lines)} lines on stderr")
    text = "".join(errors) if outcome.code else _HARDLY_TRAINED.sub("", outcome.err)
    if not row.says and text:
        found.append(f"unexpected: {text!r}")
    if not re.search(row.says, text, re.IGNORECASE):
        found.append(f"stderr does not match {row.says!r}: {text!r}")
    return found
