"""HyperMAML's Tables 4 and 8 and its time figure: seconds for 600 tasks by the number of steps.

    python -m experiments times --only="table4: seconds"

Without `--only`, the networks are trained too for whose accuracies no other study cares.
"""

from __future__ import annotations

import functools
import statistics
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from experiments.lab import inference_time
from experiments.lab.curve_drawing import Curve, Panel, draw
from experiments.lab.findings import Findings, Listing, accuracy
from experiments.lab.lab import Lab
from experiments.lab.store import Test
from experiments.lab.study import Job, test_job
from experiments.studies import mini_imagenet
from experiments.studies.of_hypermaml import PLUS_MINUS
from hidra_tf.evaluation.intervals import Estimate
from hidra_tf.runs.records.reading import rows_of

# Published: steps → seconds for 600 tasks, and accuracy in %.
EMNIST = {
    0: ("2.17 ± 0.28", "19.978 ± 0.348"),
    1: ("5.16 ± 0.13", "74.67 ± 0.25"),
    2: ("7.30 ± 0.11", "74.69 ± 0.24"),
    3: ("8.87 ± 0.08", "74.71 ± 0.25"),
    4: ("10.79 ± 0.19", "74.71 ± 0.24"),
    5: ("12.66 ± 0.14", "74.71 ± 0.23"),
    10: ("22.60 ± 0.28", "74.74 ± 0.25"),
    25: ("51.75 ± 0.24", "74.78 ± 0.25"),
    50: ("103.88 ± 2.24", "74.82 ± 0.25"),
    100: ("212.62 ± 2.24", "74.86 ± 0.27"),
}
CUB = {
    0: ("4.15 ± 0.03", "20.01 ± 0.02"),
    1: ("6.89 ± 0.10", "47.99 ± 0.22"),
    2: ("9.44 ± 0.15", "58.53 ± 0.55"),
    3: ("11.60 ± 0.02", "61.54 ± 0.41"),
    4: ("12.97 ± 0.09", "62.18 ± 0.38"),
    5: ("15.00 ± 0.17", "62.66 ± 0.40"),
    6: ("16.90 ± 0.12", "62.77 ± 0.36"),
    7: ("19.07 ± 0.17", "62.83 ± 0.34"),
}
MINI_IMAGENET = {
    0: ("4.24 ± 0.14", "20.10 ± 0.31"),
    1: ("8.48 ± 0.14", "43.46 ± 0.42"),
    2: ("10.50 ± 0.80", "48.71 ± 0.19"),
    3: ("13.17 ± 0.26", "48.32 ± 0.38"),
    4: ("15.17 ± 0.18", "48.82 ± 0.25"),
    5: ("17.29 ± 0.32", "48.89 ± 0.31"),
    6: ("19.01 ± 0.26", "48.80 ± 0.24"),
    7: ("20.55 ± 0.30", "48.87 ± 0.29"),
}


class Series(NamedTuple):
    """MAML and HyperMAML on one data set.

    Attributes:
        name: of its records.
        title: the data set, and the published table.
        maml: steps → the published seconds and accuracy of MAML.
        hypermaml: the published seconds and accuracy of HyperMAML.
        presets: of MAML and of HyperMAML; None where nothing is measured.
    """

    name: str
    title: str
    maml: Mapping[int, tuple[str, str]]
    hypermaml: tuple[str, str]
    presets: tuple[str, str] | None


SERIES = (
    Series(
        "table4",
        "Table 4: Omniglot → EMNIST",
        EMNIST,
        ("8.21 ± 0.41", "80.78 ± 0.59"),
        ("omniglot_emnist_maml_1shot_table4", "omniglot_emnist_hypermaml_switch_enhancement"),
    ),
    Series(
        "table8_mini_imagenet",
        "Table 8: mini-ImageNet",
        MINI_IMAGENET,
        ("11.11 ± 0.25", "53.41 ± 0.21"),
        ("mini_imagenet_maml_1shot_table8", "mini_imagenet_hypermaml_1shot"),
    ),
    Series("table8_cub", "Table 8: CUB", CUB, ("8.46 ± 0.37", "66.11 ± 0.28"), None),
)
WORDS = (
    PLUS_MINUS,
    "Each number of steps is timed by itself: an evaluation of 600 tasks (5 ways, 1 shot, 15 "
    "queries of a class) after that many steps and no others, the median of 3 evaluations in one "
    "process, after one that builds and runs the graph. Ten tasks are drawn, adapted and predicted "
    "in a compiled call. The paper's times are of one NVIDIA RTX 2080 and another program, so that "
    "only how times grow can be compared, and which steps cost as much as HyperMAML. *Load* is how "
    "many programs wanted a processor before the timing: where it is above the number of threads, "
    "others shared the machine, and the fastest evaluation says more than the median.",
    "Times do not depend on what was learned, and are those of untrained weights. Accuracies are "
    "those of the trained networks after as many steps, where these are there: that of HyperMAML "
    "on mini-ImageNet comes from the study `mini_imagenet`. CUB's rows are not run, since its "
    "pictures were not at hand.",
)


class Times:
    """The study; see `experiments.lab.study.Study`."""

    name = "times"
    title = "HyperMAML, Tables 4 and 8: seconds for 600 tasks against the number of steps"

    def jobs(self, lab: Lab) -> list[Job]:
        """All timings, and then the trainings and tests of this study's own accuracies."""
        timings, accuracies = [], []
        for series in SERIES:
            for label, test, all_steps in _measured(series, lab):
                timings += [_timing(series, label, test, steps, lab) for steps in all_steps]
                if not test.config.pretrained:
                    accuracies.append(test_job(f"{series.name} {label}: accuracy", test, lab))
        return [*timings, *accuracies]

    def collect(self, lab: Lab) -> Findings:
        """What was found so far."""
        listings = tuple(_listing(series, lab) for series in SERIES)
        absent = tuple(
            f"{listing.name}, {row['model']}, {row['steps']} steps"
            for series, listing in zip(SERIES, listings, strict=True)
            for row in listing.records
            if row["seconds"] is None and row["steps"] in steps_of(series, lab)
        )
        return Findings(listings=listings, figures=_figures(listings), words=WORDS, absent=absent)


def steps_of(series: Series, lab: Lab) -> tuple[int, ...]:
    """MAML's numbers of steps within the budget; none where nothing is measured."""
    if series.presets is None:
        return ()
    return tuple(steps for steps in series.maml if not lab.budget.tiny or steps <= 2)


def _measured(series: Series, lab: Lab) -> Iterator[tuple[str, Test, tuple[int, ...]]]:
    """The label, the training with its test, and the numbers of steps of each method."""
    if series.presets is None:
        return
    maml, hypermaml = series.presets
    yield "MAML", lab.test(maml), steps_of(series, lab)
    flags = mini_imagenet.pretrained(lab) if hypermaml.startswith("mini_imagenet") else ()
    yield "HyperMAML", lab.test(hypermaml, flags), (1,)


def _timing(series: Series, label: str, test: Test, steps: int, lab: Lab) -> Job:
    return Job(
        f"{series.name} {label} {steps} steps: seconds",
        is_done=lambda: inference_time.known(test, steps, lab) is not None,
        do=functools.partial(inference_time.measure, test, steps, lab),
        lines=(f"{series.name}: seconds",),
    )


def _listing(series: Series, lab: Lab) -> Listing:
    tests = {label: test for label, test, _ in _measured(series, lab)}
    published = [("MAML", steps, *numbers) for steps, numbers in series.maml.items()]
    published.append(("HyperMAML", 1, *series.hypermaml))
    records = tuple(
        {
            "model": label,
            "steps": steps,
            **_time(tests.get(label), steps, lab),
            "paper's seconds": seconds,
            **_accuracy(tests.get(label), steps, lab),
            "paper's accuracy": hits,
        }
        for label, steps, seconds, hits in published
    )
    machines = sorted({row.pop("machine") for row in records} - {None})
    where = f"; seconds on {', '.join(machines)}" if machines else ""
    return Listing(series.name, f"{series.title}, 5-way 1-shot, 600 tasks{where}", records)


def _time(test: Test | None, steps: int, lab: Lab) -> dict[str, Any]:
    """Seconds for 600 tasks: the median of all repeats, and the least."""
    time = test and inference_time.known(test, steps, lab)
    if not time:
        return dict.fromkeys(("seconds", "fastest", "load", "machine"))
    seconds = [inference_time.TASKS / time.tasks * one for one in time.seconds]
    found = {"seconds": statistics.median(seconds), "fastest": min(seconds)}
    return {**found, "load": time.load, "machine": time.machine}


def _accuracy(test: Test | None, steps: int, lab: Lab) -> dict[str, float | None]:
    """The accuracy after as many steps, of the trained networks that are there."""
    made = test and lab.store.known(test)
    has_it = made is not None and steps in {row.steps for row in rows_of(made)}
    found: Estimate = accuracy(steps=steps)([made]) if has_it else Estimate(None, None)
    return {"accuracy, %": found.mean, "±": found.ci95}


def _figures(listings: tuple[Listing, ...]) -> dict[str, bytes]:
    """The time figure: a panel for each data set that was timed."""
    timed = [one for one in listings if any(row["seconds"] is not None for row in one.records)]
    return {"seconds": draw([_panel(listing) for listing in timed])} if timed else {}


def _panel(listing: Listing) -> Panel:
    curves = []
    for key, style, whose in (("seconds", "-", ""), ("paper's seconds", ":", " (paper)")):
        rows = [row for row in listing.records if row[key] is not None]
        maml = [row for row in rows if row["model"] == "MAML"]
        x, y = [row["steps"] for row in maml], [_mean(row[key]) for row in maml]
        curves.append(Curve(f"MAML{whose}", x, y, "C0", style))
        # HyperMAML's one update, as a level across all numbers of steps.
        for row in rows:
            if row["model"] == "HyperMAML" and x:
                level = 2 * [_mean(row[key])]
                curves.append(Curve(f"HyperMAML{whose}", [x[0], x[-1]], level, "C1", style))
    title = listing.title.split(",")[0]
    return Panel(title, curves, "inner steps", "seconds for 600 tasks")


def _mean(number: float | str) -> float:
    """A number, or that before the ± of a published one."""
    return float(number.split()[0]) if isinstance(number, str) else number


STUDY = Times()
