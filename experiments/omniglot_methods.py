"""Every method on Omniglot with one budget: inductive and transductive, with paired differences.

    python -m experiments.omniglot_methods --data_dir=DIR --ways=5
    python -m experiments.omniglot_methods --data_dir=DIR --ways=20
    python -m experiments.omniglot_methods --data_dir=DIR --any_way

The first two train each method of `omniglot_settings.TRAININGS` on tasks of 5 or of 20 ways with 5
shots, once for each seed, and test it on the same tasks of unseen characters: with the running
statistics of its training and with those of the support set (both inductive), and with the
statistics of the queries (transductive). All are tested with their weights after the last update,
because the budget is fixed; a choice by validation accuracy with running statistics would keep
nearly untrained weights of the methods whose inner steps move the features, where those statistics
fail. 1000 updates of 4 tasks of 5 ways see as many pictures as 250 updates of 4 tasks of 20 ways,
and as 6250 updates of 64 pictures of the methods that learn all classes at once. The third tests
`omniglot_settings.ANY_WAY` from one checkpoint at 2 to 200 ways, trained at 5 ways, and one trained
at 2 to 10.

Each command prints its tables, and writes them with charts into `--runs_dir`. What is finished is
kept: the same command goes on where it was stopped, and several may run at once with different
`--seeds` or `--methods`; `--no_table` then leaves the tables to a last one.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.omniglot_settings import ANY_WAY, TRAININGS, training
from hidra_tf.methods import METHODS
from hidra_tf.runs.compare import show
from hidra_tf.runs.config import Config, EvalRequest, format_ways
from hidra_tf.runs.evaluate import evaluate
from hidra_tf.runs.place.groups import group_of
from hidra_tf.runs.records import kept
from hidra_tf.runs.train import train

ANY_WAYS = (2, 5, 10, 20, 50, 100, 200)
_TRAINED = {"5": (5,), "2-10": tuple(range(2, 11))}
# The tasks of all tests, whatever the seed of a training.
TASK_SEED = 1000
NORMS = ("running", "support", "transductive")


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What all trainings and tests have in common.

    Attributes:
        data_dir: the folder with Omniglot.
        runs_dir: the folder of the runs.
        filters: channels of Conv-4.
        updates: meta-updates of 4 tasks of 5 ways; other ways have fewer, for as many pictures.
        tasks: test tasks at each number of ways.
        val_tasks: validation tasks of each measurement in training.
        cache_dir: the folder for decoded data sets, or None.
    """

    data_dir: str
    runs_dir: Path
    filters: int
    updates: int
    tasks: int
    val_tasks: int
    cache_dir: str | None = None

    def config(self, method: str, ways: tuple[int, ...], seed: int, own: dict[str, Any]) -> Config:
        """The training of a method."""
        own = {"filters": self.filters, **own}
        config = training(method, ways, own, self.updates, data_dir=self.data_dir, seed=seed)
        every = max(1, config.steps // 2)
        return dataclasses.replace(config, log_every=every, val_tasks=self.val_tasks)

    def path(self, method: str, ways: tuple[int, ...], own: dict[str, Any], seed: int) -> Path:
        """The folder of a run; methods that learn all classes at once are trained once for all."""
        trained = "all" if METHODS[method].batches else f"{format_ways(ways)}way"
        telling = [f"_{key}={own[key]}" for key in ("outputs", "temperature") if key in own]
        label = "".join(telling)
        return self.runs_dir / f"{method}{label}_{trained}" / f"seed={seed}"

    def request(self, ways: tuple[int, ...], norm: str = "running") -> EvalRequest:
        """The test of a run after its last update, with as many inner steps as in training."""
        asked = None if norm == "running" else norm
        return EvalRequest(
            ways=ways, tasks=self.tasks, seed=TASK_SEED, norm=asked, checkpoint="last"
        )

    def run(
        self,
        method: str,
        ways: tuple[int, ...],
        seed: int,
        own: dict[str, Any],
        test_ways: tuple[int, ...],
        norms: Sequence[str] = NORMS,
    ) -> None:
        """Trains a method, and tests it under each norm; what is done already is kept."""
        config, path = self.config(method, ways, seed, own), self.path(method, ways, own, seed)
        train(config, path, self.request(test_ways), self.cache_dir)
        for norm in norms:
            request = self.request(test_ways, norm)
            if kept.answering(path, config, request, by_task=True) is None:
                evaluate(path, request, cache_dir=self.cache_dir)

    def table(
        self,
        trainings: Sequence[tuple[str, tuple[int, ...], dict[str, Any]]],
        seeds: Sequence[int],
        test_ways: tuple[int, ...],
        norm: str,
        name: str,
    ) -> None:
        """Prints and writes a comparison of some trainings; the others with the first."""
        groups = [
            group_of(
                self.path(method, ways, own, 0).parent.name,
                [self.path(method, ways, own, seed) for seed in seeds],
            )
            for method, ways, own in trainings
        ]

        def measure(path: Path, asked: EvalRequest) -> Path:
            return evaluate(path, asked, cache_dir=self.cache_dir)

        show(groups, self.request(test_ways, norm), self.runs_dir / f"{name}_{norm}", measure)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data_dir", required=True)
    parser.add_argument("--runs_dir", type=Path, default=Path("runs/omniglot_methods"))
    parser.add_argument("--cache_dir")
    parser.add_argument("--ways", type=int, default=5)
    parser.add_argument("--any_way", action="store_true")
    parser.add_argument("--trained", choices=("5", "2-10"), help="one of the two of --any_way")
    parser.add_argument("--seeds", type=_numbers, default=(0, 1, 2))
    parser.add_argument("--methods", type=lambda text: text.split(","), default=None)
    parser.add_argument("--filters", type=int, default=32)
    parser.add_argument("--updates", type=int, default=1000)
    parser.add_argument("--tasks", type=int, default=300)
    parser.add_argument("--val_tasks", type=int, default=100)
    parser.add_argument("--no_table", action="store_true")
    return parser


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def main(arguments: Sequence[str]) -> None:
    """Trains, tests and prints."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    known = ANY_WAY if asked.any_way else TRAININGS
    unknown = sorted(set(asked.methods or ()) - set(known))
    if unknown:
        parser.error(f"--methods: expected some of {', '.join(known)}; received {unknown[0]}")
    chosen = {name: own for name, own in known.items() if name in (asked.methods or known)}
    shared = [field.name for field in dataclasses.fields(Experiment)]
    experiment = Experiment(**{name: getattr(asked, name) for name in shared})
    compare_any_way = asked.any_way
    trained = tuple(_TRAINED.values()) if compare_any_way else ((asked.ways,),)
    if asked.trained:
        trained = (_TRAINED[asked.trained],)
    norms = NORMS[:2] if compare_any_way else NORMS
    test_ways = ANY_WAYS if compare_any_way else (asked.ways,)
    trainings = [(name, ways, own) for ways in trained for name, own in chosen.items()]
    for seed in asked.seeds:
        for name, ways, own in trainings:
            experiment.run(name, ways, seed, own, test_ways, norms)
    if not asked.no_table:
        ways = format_ways(trained[0]) if len(trained) == 1 else "both"
        kind = f"any_way_{ways}" if compare_any_way else f"{asked.ways}way"
        for norm in norms:
            experiment.table(trainings, asked.seeds, test_ways, norm, kind)


if __name__ == "__main__":
    main(sys.argv[1:])
