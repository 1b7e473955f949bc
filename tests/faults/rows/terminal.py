"""How an interpreter starts, where its output goes, and which language it speaks.

Each row takes an interpreter's start, so there is a handful.
"""

from __future__ import annotations

from tests.faults.harness import Row
from tests.faults.recipes import EVAL, TINY, pictures, trained, write

_NAMES = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "latin-1": {"PYTHONIOENCODING": "iso-8859-1"},
    "the C locale": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "a locale that is not installed": {"LC_ALL": "de_DE.ISO-8859-1", "PYTHONUTF8": "0",
                                       "PYTHONCOERCECLOCALE": "0"},
}  # fmt: skip


def alone(name: str, flags: tuple[str, ...], says: str, codes: tuple[int, ...], **more: object
          ) -> Row:  # fmt: skip
    """A row in an interpreter of its own."""
    return Row(name, flags, says, codes=codes, own_process=True, **more)


def _help() -> list[Row]:
    rows = [
        alone(f"--help in {name}", ("--help",), "", (0,), prints="--shots",
              environment=tuple(variables.items()))
        for name, variables in _NAMES.items()
    ]  # fmt: skip
    return [
        *rows,
        alone("--help without docstrings", ("--help",), "", (0,), prints="--shots",
              environment=(("PYTHONOPTIMIZE", "2"),)),
        alone("an error without docstrings", ("--shots=0",), "shots", (2,),
              environment=(("PYTHONOPTIMIZE", "2"),)),
        alone("an error in ascii with a sign that it has not", ("--method=φ",), "method", (2,),
              environment=(("PYTHONIOENCODING", "ascii"),)),
        alone("an error in the C locale about bytes", ("--data_dir=caf\udce9", "--dataset=folder"),
              "caf", (2,), environment=tuple(_NAMES["the C locale"].items())),
        alone("an error without a home", ("--shots=0",), "shots", (2,),
              environment=(("HOME", "/nonexistent"), ("TMPDIR", "/nonexistent"))),
    ]  # fmt: skip


def shell(name: str, line: str, prints: str, says: str = "") -> Row:
    """A row about a shell's line, which ends well and shows what it is about on stdout."""
    return Row(name, (), says, codes=(0,), shell=line, own_process=True, prints=prints)


def _output() -> list[Row]:
    """Of main.py within a line of a shell: "$?" is its exit code."""
    return [
        shell("--help into a reader that leaves", "{main} --help | true; echo ended", "ended"),
        shell("--help without an output", "{main} --help >&-; echo ended $?", r"ended \d",
              "^$|output|closed"),
        shell("an error without a place for it", "{main} --shots=0 2>&-; echo ended $?", "ended 2"),
        shell("an error without an output", "{main} --shots=0 2>&1 >&-; echo ended $?",
              r"error: .*shots.*\nended 2"),
    ]  # fmt: skip


def _trainings() -> list[Row]:
    """With the signs of results, which are ± and φ, →, × and the names of folders."""
    return [
        alone("a training in ascii", (*TINY, "--run_dir=run"), "", (0,), prints="step 2/2",
              environment=tuple(_NAMES["ascii"].items())),
        alone("an evaluation in the C locale, of a folder named by bytes",
              (*EVAL, "--eval_dataset=folder", "--eval_data_dir=caf\udce9"), "", (0,),
              prepare=(trained(), pictures("caf\udce9")),
              environment=tuple(_NAMES["the C locale"].items())),
        alone("a run's folder named by bytes, in cp1252",
              ("--eval_only", "--run_dir=caf\udce9", "--eval_tasks=10", "--eval_ways=2"), "", (0,),
              prepare=(trained("hidra", "caf\udce9"),),
              environment=tuple(_NAMES["cp1252"].items())),
        alone("a damaged picture in ascii, named by a sign",
              (*EVAL, "--eval_dataset=folder", "--eval_data_dir=pictures"), "class3", (2,),
              prepare=(trained(), pictures(), write("pictures/class3/φ.png", b"text")),
              environment=tuple(_NAMES["ascii"].items())),
    ]  # fmt: skip


ROWS = [*_help(), *_output(), *_trainings()]
