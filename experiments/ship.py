"""Makes an initialization of a run: calibrated, measured, and small enough to come along.

    python -m experiments.ship --run_dir=RUN --name=omniglot --words=WORDS.json

The temperature is fitted on tasks of the validation classes, at 2 to 20 ways and 5 shots: one that
suits single pictures too makes probabilities of photographs at 5 shots wrong by 10 to 17 %.
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
from matplotlib.figure import Figure

from data_gen.class_pool import ClassPool
from data_gen.errors import UserError
from hidra_tf.classifier import calibration, starts, storage
from hidra_tf.classifier.calibration import Answers
from hidra_tf.classifier.initialization import Initialization
from hidra_tf.evaluation.rows import mean_and_ci95
from hidra_tf.runs.assembly import load_splits
from hidra_tf.shipped import CARD, Accuracy, Card, Threshold

WAYS, SHOTS = (2, 5, 10, 20), (1, 5)
BELOW = (0.5, 0.7, 0.9)
QUERY_SHOTS = 5
_ROOT = Path(__file__).parents[1]


def calibrated(start: Initialization, pool: ClassPool, tasks: int) -> Initialization:
    """The initialization with the temperature that suits tasks of a pool."""
    drawn = [
        calibration.answers(start, pool, min(ways, pool.num_classes), 5, tasks) for ways in WAYS
    ]
    return dataclasses.replace(start, temperature=calibration.fit_temperature(drawn))


def accuracy_of(group: Answers, ways: int, shots: int, tasks: int, temperature: float) -> Accuracy:
    """The accuracy of some tasks, and how well probabilities are calibrated."""
    right = (group.logits.argmax(axis=1) == group.labels).reshape(tasks, -1).mean(axis=1)
    mean, ci95 = mean_and_ci95(right)
    return Accuracy(
        ways=ways,
        shots=shots,
        tasks=tasks,
        accuracy=mean,
        ci95=ci95,
        before=calibration.calibration_error(group),
        after=calibration.calibration_error(group, temperature),
    )


def measured(
    start: Initialization, pool: ClassPool, tasks: int
) -> tuple[list[Accuracy], list[Threshold], dict[int, Answers]]:
    """Accuracies, thresholds, and the answers at 5 shots for each number of ways."""
    accuracies, at_five = [], {}
    for shots in SHOTS:
        for ways in WAYS:
            group = calibration.answers(start, pool, ways, shots, tasks, seed=1)
            accuracies.append(accuracy_of(group, ways, shots, tasks, start.temperature))
            at_five[ways] = group
    drawn = calibration.answers(start, pool, 5, 5, tasks, strangers=5, seed=2)
    found = [calibration.refusals(drawn, start.temperature, below) for below in BELOW]
    return accuracies, [Threshold(**one._asdict()) for one in found], at_five


def chart(groups: dict[int, Answers], temperature: float, path: Path) -> None:
    """Accuracy over confidence, with and without the temperature."""
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    for axes, value in zip(figure.subplots(1, 2, sharey=True), (1.0, temperature), strict=True):
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        for ways, group in groups.items():
            bins = calibration.reliability(group, value)
            error = 100 * calibration.calibration_error(group, value)
            axes.plot(
                [one.confidence for one in bins],
                [one.accuracy for one in bins],
                marker="o",
                markersize=3,
                label=f"{ways} ways, error {error:.1f} %",
            )
        axes.set(title=f"temperature {value:.3g}", xlabel="confidence", xlim=(0, 1), ylim=(0, 1))
        axes.legend(frameon=False, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("accuracy")
    figure.savefig(path, dpi=110)


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
    start = calibrated(start, splits.val, asked.tasks)
    storage.save(folder, {}, start, None, precision="float16")
    _, written, _ = storage.load(folder)
    accuracies, thresholds, groups = measured(written, splits.test, asked.tasks)
    card = Card(
        **words, temperature=start.temperature, accuracies=accuracies, thresholds=thresholds
    )
    (folder / CARD).write_text(json.dumps(dataclasses.asdict(card), indent=1) + "\n")
    chart(groups, start.temperature, _ROOT / "docs" / f"reliability_{asked.name}.png")
    exact = np.mean([row.accuracy for row in measured(start, splits.test, asked.tasks)[0]])
    print(f"mean accuracy in 32 bits {exact:.4f}, in 16 bits ", end="")
    print(f"{np.mean([row.accuracy for row in accuracies]):.4f}")
    for row in (*accuracies, *thresholds):
        print(row)


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
