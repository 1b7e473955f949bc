"""Makes an initialization of a run: calibrated, measured, and small enough to come along.

    python -m experiments.ship --run_dir=RUN --name=omniglot --words=WORDS.json

The temperature is fitted on tasks of the validation classes, at 2 to 20 ways and 1 to 10 shots.
The accuracies, calibration errors and thresholds are measured on tasks of the test classes, with
the weights as they are written, in 16 bits. `WORDS.json` holds what a card says in words: `title`,
`pictures`, `data`, `licence`, `command`, `seconds`, `limits`.

What it writes: the folder `hidra_tf/shipped/NAME`, which must not be there yet, and the chart
`docs/reliability_NAME.png`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from data_gen.class_pool import ClassPool
from data_gen.errors import UserError
from hidra_tf.classifier import calibration, starts, storage
from hidra_tf.classifier.calibration import Answers
from hidra_tf.classifier.initialization import Initialization
from hidra_tf.evaluation.rows import mean_and_ci95
from hidra_tf.evaluation.temperature import Temperature
from hidra_tf.runs.assembly import load_splits
from hidra_tf.shipped import CARD, Accuracy, Card, Threshold

WAYS, SHOTS = (2, 5, 10, 20), (1, 5)
# For the temperature, which has two parameters: tasks of each of the WAYS, and their shots.
FIT_TASKS, FIT_SHOTS = 100, (1, 2, 5, 10)
BELOW = (0.5, 0.7, 0.9)
# Points of the chart stand for at least so many answers; the errors beside it count all.
LEAST_ANSWERS = 30
_ROOT = Path(__file__).parents[1]


def calibrated(start: Initialization, pool: ClassPool) -> Initialization:
    """The initialization with the temperature that suits tasks of a pool."""
    drawn = [
        calibration.answers(start, pool, min(ways, pool.num_classes), shots, FIT_TASKS)
        for shots in FIT_SHOTS
        for ways in WAYS
    ]
    return dataclasses.replace(start, temperature=calibration.fit_temperature(drawn))


def accuracy_of(group: Answers, ways: int, tasks: int, temperature: Temperature) -> Accuracy:
    """The accuracy of some tasks, and how well probabilities are calibrated."""
    right = (group.logits.argmax(axis=1) == group.labels).reshape(tasks, -1).mean(axis=1)
    mean, ci95 = mean_and_ci95(right)
    return Accuracy(
        ways=ways,
        shots=group.shots,
        tasks=tasks,
        accuracy=mean,
        ci95=ci95,
        before=calibration.calibration_error(group),
        after=calibration.calibration_error(group, temperature),
    )


def answered(start: Initialization, pool: ClassPool, tasks: int) -> dict[int, list[Answers]]:
    """Number of shots → the answers for each of the WAYS."""
    return {
        shots: [calibration.answers(start, pool, ways, shots, tasks, seed=1) for ways in WAYS]
        for shots in SHOTS
    }


def accuracies_of(
    groups: dict[int, list[Answers]], tasks: int, temperature: Temperature
) -> list[Accuracy]:
    """The accuracies of all answers."""
    return [
        accuracy_of(group, ways, tasks, temperature)
        for of_shots in groups.values()
        for ways, group in zip(WAYS, of_shots, strict=True)
    ]


def thresholds_of(start: Initialization, pool: ClassPool, tasks: int) -> list[Threshold]:
    """What thresholds do at 5 ways, where as many classes were not learned."""
    found = []
    for shots in SHOTS:
        group = calibration.answers(start, pool, 5, shots, tasks, strangers=5, seed=2)
        found += [calibration.refusals(group, start.temperature, below) for below in BELOW]
    return [Threshold(**one._asdict()) for one in found]


def chart(groups: dict[int, list[Answers]], temperature: Temperature, path: Path) -> None:
    """Accuracy over confidence, without and with the temperature, a row for each of the SHOTS."""
    figure = Figure(figsize=(8, 7), layout="constrained")
    rows = figure.subplots(len(groups), 2, sharex=True, sharey=True)
    for (shots, of_shots), row in zip(groups.items(), rows, strict=True):
        for axes, value in zip(row, (calibration.UNCHANGED, temperature), strict=True):
            _draw(axes, of_shots, value)
            axes.set_title(f"{shots} shot{'s'[: shots > 1]}, temperature {value.at(shots):.3g}")
        row[0].set_ylabel("accuracy")
    for axes in rows[-1]:
        axes.set_xlabel("confidence")
    figure.savefig(path, dpi=110)


def _draw(axes: Axes, groups: list[Answers], temperature: Temperature) -> None:
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for ways, group in zip(WAYS, groups, strict=True):
        least = LEAST_ANSWERS / len(group.labels)
        bins = [one for one in calibration.reliability(group, temperature) if one.share >= least]
        error = 100 * calibration.calibration_error(group, temperature)
        axes.plot(
            [one.confidence for one in bins],
            [one.accuracy for one in bins],
            marker="o",
            markersize=3,
            label=f"{ways} ways, error {error:.1f} %",
        )
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    axes.spines[["top", "right"]].set_visible(False)


def main(arguments: Sequence[str]) -> None:
    """Calibrates, writes, measures and prints."""
    parser = argparse.ArgumentParser(
        "python -m experiments.ship",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--run_dir", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--words", required=True, type=Path)
    parser.add_argument("--norm", help="another norm than the run's, such as support")
    parser.add_argument("--cache_dir")
    parser.add_argument("--tasks", type=int, default=600)
    asked = parser.parse_args(arguments)
    try:
        ship(asked)
    except UserError as error:
        parser.error(str(error))


def ship(asked: argparse.Namespace) -> None:
    """Does what was asked for."""
    folder = _ROOT / "hidra_tf" / "shipped" / asked.name
    # Before anything is measured or written, since it may be missing.
    words = _words(asked.words)
    start = starts.of_run(asked.run_dir, norm=asked.norm)
    splits = load_splits(start.origin, asked.cache_dir)
    start = calibrated(start, splits.val)
    storage.save(folder, {}, start, None, precision="float16")
    _, written, _ = storage.load(folder)
    groups = answered(written, splits.test, asked.tasks)
    accuracies = accuracies_of(groups, asked.tasks, start.temperature)
    thresholds = thresholds_of(written, splits.test, asked.tasks)
    card = Card(
        **words, temperature=start.temperature, accuracies=accuracies, thresholds=thresholds
    )
    (folder / CARD).write_text(_json(card))
    chart(groups, start.temperature, _ROOT / "docs" / f"reliability_{asked.name}.png")
    for row in (start.temperature, *accuracies, *thresholds):
        print(row, flush=True)
    exact = answered(start, splits.test, asked.tasks)
    exact = accuracies_of(exact, asked.tasks, start.temperature)
    means = [np.mean([row.accuracy for row in rows]) for rows in (exact, accuracies)]
    print("mean accuracy in 32 bits {:.4f}, in 16 bits {:.4f}".format(*means))


def _json(card: Card) -> str:
    return json.dumps(dataclasses.asdict(card), indent=1, ensure_ascii=False) + "\n"


def _words(path: Path) -> dict[str, str]:
    """What a card says in words.

    Raises:
        UserError: if the file is missing, or lacks a word.
    """
    try:
        words = json.loads(path.read_text())
        Card(**words, temperature=1.0, accuracies=[], thresholds=[])
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"words: expected a card's words in {path}; received {error}") from error
    return words


if __name__ == "__main__":
    main(sys.argv[1:])
