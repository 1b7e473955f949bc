"""The program as a process: what happens before and around the reading of flags."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*arguments, **environment):
    """Runs `python` with these arguments; output comes as bytes."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "iso-8859-1", "utf-8"])
def test_help_is_shown_in_every_encoding(encoding):
    done = run("main.py", "--help", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode(encoding)
    assert ("α, the learning rate" if encoding == "utf-8" else "alpha, the learning rate") in text


def test_a_mistake_with_any_bytes_is_one_line_in_every_encoding():
    given = b"--run_dir=/caf\xe9/\xff"
    done = run("main.py", "--eval_only", given, PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: expected a run at /caf\\udce9/\\udcff, found none")
    assert done.stderr.count(b"\n") == 1


def test_help_needs_no_docstrings():
    done = run("-OO", "main.py", "--help")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"HIDRA-TF: few-shot")


def test_without_docstrings_all_else_is_refused_in_one_line():
    done = run("main.py", "--dataset=glyphs", PYTHONOPTIMIZE="2")
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: expected Python with docstrings")
    assert done.stderr.count(b"\n") == 1


# Sends Ctrl-C to the program when it imports a module for the first time.
INTERRUPT = """
import os, runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
class Hook:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Hook())
sys.argv = ["main.py", "--dataset=glyphs", "--run_dir={run_dir}"]
runpy.run_path("main.py", run_name="__main__")
"""


@pytest.mark.parametrize(
    "name", ["hidra_tf.runs", "absl", "flags.dispatch", "hidra_tf.runs.train", "tensorflow"]
)
def test_ctrl_c_while_anything_is_imported_is_one_line(name, tmp_path):
    done = run("-c", INTERRUPT.format(name=name, run_dir=tmp_path / "run"))
    assert done.returncode == 130
    assert done.stderr.strip().count(b"\n") == 0
    assert done.stderr.strip().startswith(b"stopped")
    assert not (tmp_path / "run").exists()
