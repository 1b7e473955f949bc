"""HyperMAML's toy experiment, its Figures 1 and 3: four Gaussians in the plane, a linear layer.

The paper names neither α nor β nor how long it trains; a linear layer is all there is. Here tasks
have 5 support points and 15 queries for each class, a meta-update has two horizontal and two
vertical tasks, and β of Adam is 0.001. What the figure shows depends on the moment at which it is
drawn, so that accuracies are measured after several numbers of meta-updates, and for several α.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.lab.findings import Findings, Listing
from experiments.lab.lab import Lab
from experiments.lab.study import Job
from experiments.studies import toy_figure
from experiments.studies.toy_tasks import FOUR, Training, learned
from hidra_tf.evaluation.intervals import Estimate
from hidra_tf.evaluation.trainings import mean_over_trainings
from hidra_tf.runs.config import format_ways

RATES = (0.01, 0.1, 1.0)
HYPER = Training("hypermaml", 1, None)
TRAININGS = (*(Training("maml", steps, rate) for steps in (1, 5) for rate in RATES), HYPER)
# The rows of Figure 3. Its α is unknown: of ours, this one gives its picture at `FIGURE_AT`.
ROWS = (Training("maml", 1, 0.1), Training("maml", 5, 0.1), HYPER)
MARKS, FIGURE_AT = (30, 100, 300, 1000, 3000, 10000), 300
TASKS = 600
WORDS = (
    "The paper gives no numbers for this experiment, only the figure: one gradient step of MAML "
    "does not solve the four tasks, five do so reasonably, and HyperMAML's one update does. That "
    f"picture is `figure3`, after {FIGURE_AT} meta-updates. `figure3_at_the_end` is the same "
    "after all meta-updates, and there one step solves the four tasks as well. Training "
    "leads MAML's universal weights to zero, where no order of the labels is preferred, and from "
    "zero a single gradient step of any size points to the right class means: it is the closed "
    "form of HIDRA's first step, a prototype classifier. What holds MAML up is how long β takes "
    "to bring random initial weights there: the smaller α, the closer to zero they must be. A "
    "step of α = 1 is enough from the start.",
    "Rows of the figures, from above: MAML with one step, MAML with five, HyperMAML (α = 0.1). "
    "Blue and dashed are the universal weights, red and solid the adapted ones; an arrow is the "
    "difference of the two neurons, cut where it would leave the picture, and a line is where both "
    "say the same. The paper's α, β, shots and number of meta-updates are not known; here 5 "
    "support points and 15 queries for each class, 2 horizontal and 2 vertical tasks in a "
    "meta-update, Adam with β = 0.001, and no test point is a training point. Both methods are "
    "inductive here: a point is seen alone.",
)


class Toy:
    """The study; see `experiments.lab.study.Study`."""

    name = "toy"
    title = "HyperMAML, Figures 1 and 3: four Gaussians in the plane, and a linear layer"

    def jobs(self, lab: Lab) -> list[Job]:
        """One job for each training and seed."""
        return [
            Job(
                training.label,
                is_done=functools.partial(_is_trained, training, seed, lab),
                do=functools.partial(_train, training, seed, lab),
            )
            for training in TRAININGS
            for seed in lab.seeds
        ]

    def collect(self, lab: Lab) -> Findings:
        """What was found so far."""
        found = {training: _known(training, lab) for training in TRAININGS}
        return Findings(
            listings=(_random(found, lab), _four(found, lab)),
            figures=_figures(found, lab),
            words=WORDS,
            numbers={"accuracies": [one for t, made in found.items() for one in _records(t, made)]},
            absent=tuple(training.label for training, made in found.items() if not made),
        )


def marks(lab: Lab) -> tuple[int, ...]:
    """The numbers of meta-updates after which a budget looks."""
    return (2, 4) if lab.budget.tiny else MARKS


def _moments(lab: Lab) -> tuple[int, int]:
    """The numbers of meta-updates after which the figure is drawn: early, and at the end."""
    early = FIGURE_AT if FIGURE_AT in marks(lab) else marks(lab)[0]
    return early, marks(lab)[-1]


def _name(training: Training, seed: int, lab: Lab) -> str:
    settings = f"{training.method}_{training.steps}_{training.rate}_{lab.budget.tasks or TASKS}"
    return f"toy_{settings}_{'-'.join(map(str, marks(lab)))}_seed={seed}"


def _is_trained(training: Training, seed: int, lab: Lab) -> bool:
    return lab.store.kept(_name(training, seed, lab)) is not None


def _train(training: Training, seed: int, lab: Lab) -> None:
    made = learned(training, marks(lab), seed, lab.budget.tasks or TASKS)
    lab.store.keep(_name(training, seed, lab), made)


def _known(training: Training, lab: Lab) -> dict[int, Mapping[str, Any]]:
    """What is there of a training: seed → meta-updates → what was seen."""
    kept = {seed: lab.store.kept(_name(training, seed, lab)) for seed in lab.seeds}
    return {seed: made for seed, made in kept.items() if made is not None}


def _figures(found: Mapping[Training, Mapping], lab: Lab) -> dict[str, bytes]:
    """Figure 3 early and at the end, once all its rows are there, for the first seed."""
    made = {training: found[training].get(lab.seeds[0]) for training in ROWS}
    if None in made.values():
        return {}
    return {
        name: toy_figure.figure([(t.label, seen[str(mark)]) for t, seen in made.items()])
        for name, mark in zip(("figure3", "figure3_at_the_end"), _moments(lab), strict=True)
    }


def _random(found: Mapping[Training, Mapping], lab: Lab) -> Listing:
    """Accuracies over random tasks, by the number of meta-updates."""
    tasks, seeds = lab.budget.tasks or TASKS, format_ways(lab.seeds)
    records = []
    for training, made in found.items():
        if made:
            ends = {f"{mark:,}": _over_seeds(made, mark) for mark in marks(lab)}
            cells = {mark: f"{end.mean:.2f} ± {end.ci95:.2f}" for mark, end in ends.items()}
            records.append({"after meta-updates": training.label, **cells})
    title = f"{tasks} random tasks: accuracy, %, with 95 % intervals; seeds {seeds}"
    return Listing("random_tasks", title, tuple(records))


def _over_seeds(made: Mapping[int, Mapping], mark: int) -> Estimate:
    counts = np.array([seen[str(mark)]["correct"] for seen in made.values()])
    return mean_over_trainings(100 * counts / 30, shared=True)


def _four(found: Mapping[Training, Mapping], lab: Lab) -> Listing:
    """Accuracies on the figure's four tasks at both its moments, for the first seed."""
    moments, seed = _moments(lab), lab.seeds[0]
    records = tuple(
        {
            "method": training.label,
            "meta-updates": f"{mark:,}",
            **{
                task: 100 * hits
                for task, hits in zip(FOUR, made[seed][str(mark)]["accuracy"], strict=True)
            },
        }
        for mark in moments
        for training, made in found.items()
        if seed in made
    )
    title = f"The four tasks of the figure: accuracy, % of 200 points; seed {seed}"
    return Listing("four_tasks", title, records, digits=1)


def _records(training: Training, made: Mapping[int, Mapping]) -> list[dict[str, Any]]:
    """Flat records of what was measured, without the weights."""
    return [
        {
            "method": training.label,
            "seed": seed,
            "updates": int(mark),
            "random_tasks": float(np.mean(seen["correct"]) / 30),
            "four_tasks": dict(zip(FOUR, seen["accuracy"], strict=True)),
        }
        for seed, by_mark in made.items()
        for mark, seen in by_mark.items()
    ]


STUDY = Toy()
