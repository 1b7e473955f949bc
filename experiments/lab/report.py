"""All results in one page: `results/README.md`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from experiments.lab.budgets import BUDGETS
from experiments.lab.study import Study
from hidra_tf.runs.place.folder import write_atomically

FILE = "README.md"
HEAD = """# Results

`python -m experiments report` makes this page of what the studies found; each study says below
which command repeats it. A cell holds only what was measured. *Ours* stands beside the *paper*'s
number, with a 95 % interval over test tasks (and over trainings, where several seeds are named);
a line under each table says how many updates, tasks and minutes it took, and whether queries of
a task see one another (transductive) or not (inductive).
"""


def assemble(studies: Iterable[Study], folder: Path) -> Path:
    """Writes the page; returns its file.

    Of each study the largest budget counts that something was found with; studies that were never
    run are named as such.

    Args:
        studies: all studies, in their order.
        folder: the folder of all results.
    """
    parts, absent = [HEAD.strip()], []
    for study in studies:
        text = _section(study, folder)
        if text is None:
            absent.append(f"- `{study.name}`: {study.title}")
        else:
            parts.append(text)
    if absent:
        parts.append("\n".join(["## Not run yet", "", *absent]))
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / FILE, "\n\n".join(parts) + "\n")
    return folder / FILE


def _section(study: Study, folder: Path) -> str | None:
    """What a study found, with its pictures found from the page; None without anything."""
    for budget in reversed(BUDGETS):
        file = folder / study.name / f"{budget}.md"
        if file.exists():
            text = re.sub(r"\]\((?=[\w.-]+\.png\))", f"]({study.name}/", file.read_text().strip())
            command = f"`python -m experiments {study.name} --budget={budget}`"
            return f"## {study.title}\n\n{command}\n\n{text}"
    return None
