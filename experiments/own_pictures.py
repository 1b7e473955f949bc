r"""What a shipped initialization is worth on pictures of other kinds, and how long it takes.

    python -m experiments.own_pictures --initialization=omniglot --dataset=emnist --data_dir=DIR
    python -m experiments.own_pictures --initialization=mini_imagenet --dataset=mini_imagenet \\
        --data_dir=DIR --ways=2,5,10,20
    python -m experiments.own_pictures --initialization=omniglot --dataset=emnist --data_dir=DIR \\
        --ways=5 --unequal=2,50

Each draw takes some classes at random, a few pictures of each to learn from and 15 others to ask
about, all through `FewShotClassifier`, as a person would. A row gives the mean accuracy over draws
with its 95 % interval, the expected calibration error, and the median seconds of learning and of
answering. With `--unequal` half of
the classes have the first number of pictures and the others the second; the accuracy of either half
is told where all classes weigh the same, and where all pictures do. Drawings are framed as the
initialization says, or as `--[no-]frame` says.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

import data_gen
from data_gen.class_pool import ClassPool
from hidra_tf import FewShotClassifier
from hidra_tf.classifier.calibration import Answers, calibration_error
from hidra_tf.evaluation.rows import mean_and_ci95

QUERIES = 15
# The size of published drawings, where data sets are otherwise made smaller.
_LARGE = {"omniglot": (105, 105)}


class Draw(NamedTuple):
    """A task: pictures to learn from and to ask about, with their labels."""

    support: np.ndarray
    support_labels: np.ndarray
    queries: np.ndarray
    query_labels: np.ndarray


def draw(pool: ClassPool, counts: Sequence[int], rng: np.random.Generator) -> Draw:
    """A task with `counts[c]` pictures of class c, drawn from a pool without replacement."""
    first = np.cumsum((0, *pool.counts))
    support, queries = [], []
    chosen = rng.permutation(pool.num_classes)[: len(counts)]
    for label, count in zip(chosen, counts, strict=True):
        rows = first[label] + rng.permutation(pool.counts[label])[: count + QUERIES]
        support.append(pool.images[rows[:count]])
        queries.append(pool.images[rows[count:]])
    return Draw(
        np.concatenate(support),
        np.repeat(np.arange(len(counts)), counts),
        np.concatenate(queries),
        np.repeat(np.arange(len(counts)), QUERIES),
    )


class Measured(NamedTuple):
    """What came of some draws.

    Attributes:
        right: which queries were answered right, [draws, C, 15].
        seconds: of `fit` and of the predictions, [draws, 2].
        error: the expected calibration error, in [0, 1].
    """

    right: np.ndarray
    seconds: np.ndarray
    error: float


def measure(classifier: FewShotClassifier, tasks: Sequence[Draw]) -> Measured:
    """Learns and answers every draw."""
    found, seconds = [], []
    for task in tasks:
        times = [time.perf_counter()]
        classifier.fit(task.support, task.support_labels)
        times.append(time.perf_counter())
        found.append(classifier.predict_proba(task.queries))
        times.append(time.perf_counter())
        seconds.append(np.diff(times))
    probabilities = np.concatenate(found)
    labels = np.concatenate([task.query_labels for task in tasks])
    # The softmax of logarithms of probabilities gives these again, whatever tempered them.
    group = Answers(np.log(np.maximum(probabilities, 1e-300)), labels, shots=1)
    right = (probabilities.argmax(axis=1) == labels).reshape(len(tasks), -1, QUERIES)
    return Measured(right, np.array(seconds), calibration_error(group))


def shown(values: np.ndarray) -> str:
    """A mean of accuracies [draws] with its interval, in %."""
    mean, ci95 = mean_and_ci95(100 * values)
    return f"{mean:6.2f} ± {ci95:.2f} %"


def main(arguments: Sequence[str]) -> None:
    """Draws, learns, and prints a row for each number of ways."""
    parser = argparse.ArgumentParser(
        "python -m experiments.own_pictures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--initialization", default="omniglot")
    parser.add_argument("--dataset", default="emnist")
    parser.add_argument("--data_dir")
    parser.add_argument("--cache_dir")
    parser.add_argument("--split", default="test", choices=("val", "test", "all"))
    parser.add_argument("--ways", type=_numbers, default=[10])
    parser.add_argument("--shots", type=int, default=5)
    parser.add_argument("--unequal", type=_numbers)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--frame", action=argparse.BooleanOptionalAction)
    asked = parser.parse_args(arguments)
    try:
        classifier = FewShotClassifier.from_pretrained(asked.initialization, frame=asked.frame)
        pool = pool_of(classifier, asked)
    except data_gen.UserError as error:
        parser.error(str(error))
    most = max(asked.unequal or [asked.shots]) + QUERIES
    if max(asked.ways) > pool.num_classes or most > min(pool.counts):
        parser.error(
            f"expected at most {pool.num_classes} ways and {min(pool.counts)} pictures of a class; "
            f"received {max(asked.ways)} ways and {most} pictures"
        )
    for ways in asked.ways:
        rng = np.random.default_rng(ways)
        low, high = asked.unequal or (asked.shots, asked.shots)
        counts = [low] * (ways // 2) + [high] * (ways - ways // 2)
        tasks = [draw(pool, counts, rng) for _ in range(asked.draws)]
        for balanced in (True, False) if asked.unequal else (True,):
            found = measure(classifier.set_params(balanced=balanced), tasks)
            print(line(ways, counts, balanced, found), flush=True)


def pool_of(classifier: FewShotClassifier, asked: argparse.Namespace) -> ClassPool:
    """The pictures, drawings as dark strokes: as they were published, or resized before.

    What is to be framed is framed by the classifier, as it is for a person's files.
    """
    format_ = classifier.starting_point().pictures
    request = data_gen.DataRequest(
        data_dir=asked.data_dir,
        cache_dir=asked.cache_dir,
        invert=False,
        image_size=_LARGE.get(asked.dataset) if format_.frame else format_.size,
        channels=format_.channels,
    )
    splits = data_gen.load(asked.dataset, request, split=asked.split)
    return splits if asked.split == "all" else getattr(splits, asked.split)


def line(ways: int, counts: Sequence[int], balanced: bool, found: Measured) -> str:
    """A row of what was measured."""
    right, error = found.right, 100 * found.error
    fit, predict = np.median(found.seconds, axis=0)
    time_taken = f"fit {fit:.3f} s, {ways * QUERIES} predictions {predict:.3f} s"
    row = f"{ways:3d} ways  {shown(right.mean(axis=(1, 2)))}  calibration error {error:.1f} %"
    if len(set(counts)) > 1:
        halves = (right[:, : ways // 2], right[:, ways // 2 :])
        each = (
            f"{n} pictures {shown(half.mean(axis=(1, 2)))}"
            for n, half in zip((counts[0], counts[-1]), halves, strict=True)
        )
        row += f"  {'classes' if balanced else 'pictures'} weigh the same: {', '.join(each)}"
    return f"{row}  {time_taken}"


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    main(sys.argv[1:])
