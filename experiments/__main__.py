"""Reproduces the tables and figures of both papers, and what neither could show.

    python -m experiments --list
    python -m experiments table2 --budget=short --data_dir=DIR
    python -m experiments report

A study trains and tests what is not there yet, and writes numbers, tables and figures into
`--results_dir`. The same command goes on where it was stopped; several may run at once.
`report` puts what all studies found into `--results_dir`/README.md.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from hidra_tf.quiet import quietly_import

quietly_import("tensorflow")

from data_gen.errors import UserError, printable  # noqa: E402 — TensorFlow is to come first
from experiments.lab.budgets import BUDGETS  # noqa: E402
from experiments.lab.lab import Lab  # noqa: E402
from experiments.lab.report import assemble  # noqa: E402
from experiments.lab.running import run  # noqa: E402
from experiments.lab.store import Store  # noqa: E402
from experiments.studies import STUDIES  # noqa: E402
from flags.parsing import spelled  # noqa: E402


def main(arguments: Sequence[str]) -> int:
    """Does what was asked for; returns the program's exit code."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    logging.getLogger("absl").setLevel(logging.ERROR)
    if asked.list:
        print("\n".join(f"{name:16} {study.title}" for name, study in STUDIES.items()))
        return 0
    if not asked.studies:
        parser.error("expected a study, report or --list; received nothing")
    lab = Lab(
        BUDGETS[asked.budget], Store(asked.runs_dir, asked.cache_dir), asked.data_dir, asked.seeds
    )
    try:
        done = [_do(name, lab, asked) for name in asked.studies]
    except UserError as error:
        print(f"error: {spelled(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(f"\n{str(stop) or 'stopped'}; the same command goes on", file=sys.stderr)
        return 130
    return 0 if all(done) else 1


def _do(name: str, lab: Lab, asked: argparse.Namespace) -> bool:
    if name == "report":
        print(f"report   {printable(assemble(STUDIES.values(), asked.results_dir))}")
        return True
    return run(STUDIES[name], lab, asked.results_dir, asked.only)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m experiments",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "studies", nargs="*", metavar="STUDY", type=_study, help="studies in their order, or report"
    )
    parser.add_argument("--list", action="store_true", help="names all studies")
    budgets = "; ".join(f"{budget.name}: {budget.about}" for budget in BUDGETS.values())
    parser.add_argument("--budget", choices=BUDGETS, default="short", help=budgets)
    parser.add_argument("--data_dir", help="the folder with the data sets; else DATA_DIR")
    parser.add_argument("--runs_dir", type=Path, default=Path("runs/experiments"))
    parser.add_argument("--results_dir", type=Path, default=Path("results"))
    parser.add_argument("--cache_dir", help="the folder for decoded data sets")
    parser.add_argument("--seeds", type=_numbers, default=(0,), help="such as 0,1,2")
    labels = "labels of lines of its tables, such as 'HIDRA 5,MAML'"
    parser.add_argument("--only", type=lambda text: text.split(","), default=(), help=labels)
    return parser


def _study(name: str) -> str:
    if name not in (*STUDIES, "report"):
        names = ", ".join((*STUDIES, "report"))
        raise argparse.ArgumentTypeError(f"expected some of {names}; received {name}")
    return name


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
