"""Runs main.py many times for the price of one start: TensorFlow is imported once, then forked.

A process of its own. It reads a line of JSON for every run on its standard input (`harness.Server`
says what is in it) and answers with a line of JSON. What a child runs is main.py itself, as
`__main__`, with flags that nobody has parsed before. No operation has been executed in the parent,
so TensorFlow has no threads that a fork could lose; the first line of the answers says whether that
is so.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pkgutil
import re
import resource
import runpy
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# What a child may take beyond what its parent has: one that reads a device without end, or asks for
# far too much, must not take the machine along.
ROOM = 6 * 2**30  # bytes
_PAUSE = 0.01  # seconds between two looks at a child


def main() -> None:
    """Serves until the input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # Nothing else may come between the answers.
    print(json.dumps({"idle": _prepare()}), file=answers)
    for line in sys.stdin:
        print(json.dumps(_run(json.loads(line))), file=answers)


def _prepare() -> bool:
    """Imports all that main.py will import; returns whether TensorFlow is fit to be forked."""
    sys.path.insert(0, str(ROOT))
    source = (ROOT / "main.py").read_text()
    runpy.run_path(str(ROOT / "main.py"))
    from hidra_tf.quiet import quietly_import

    late = re.findall(r'quietly_import\("([\w.]+)"\)', source)
    assert late, "main.py imports nothing late any more: this server would save no time"
    for name in late + _later():
        quietly_import(name)
    from tensorflow.python.eager import context

    return context.context_safe() is None


def _later() -> list[str]:
    """Modules that are imported when they are needed, which most runs do."""
    packages = [importlib.import_module(name) for name in ("data_gen", "hidra_tf.methods")]
    own = [m.name for p in packages for m in pkgutil.iter_modules(p.__path__, f"{p.__name__}.")]
    from PIL import Image

    Image.init()
    return [*own, "PIL.ImageDraw", "PIL.ImageFont", "tensorboard.summary"]


def _run(request: dict[str, Any]) -> dict[str, Any]:
    """Forks, and waits for the child as long as `request["limit"]` allows."""
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        _become(request)
    done, status = 0, 0
    while not done and time.monotonic() - start < request["limit"]:
        done, status = os.waitpid(child, os.WNOHANG)
        time.sleep(0 if done else _PAUSE)
    if not done:
        os.killpg(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    return {
        "code": os.waitstatus_to_exitcode(status),
        "late": not done,
        "seconds": time.monotonic() - start,
    }


def _become(request: dict[str, Any]) -> None:
    """Turns a child into the process that was asked for; does not return."""
    code = 1
    try:
        _enter(request)
        code = _exit_code(request)
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _enter(request: dict[str, Any]) -> None:
    os.setsid()
    for number, name, mode in ((0, os.devnull, "r"), (1, "out", "w"), (2, "err", "w")):
        with open(request.get(name, name), mode) as file:
            os.dup2(file.fileno(), number)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, used + ROOM))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    added = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    sys.path[1:1] = map(os.path.abspath, added)
    sys.argv = ["main.py", *request["arguments"]]


def _exit_code(request: dict[str, Any]) -> int:
    """Runs main.py, or the given lines of Python, as the interpreter would."""
    try:
        if request["code"] is None:
            runpy.run_path(str(ROOT / "main.py"), run_name="__main__")
        else:
            exec(compile(request["code"], "<row>", "exec"), {"__name__": "__main__"})
    except SystemExit as stop:
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    main()
