"""Exported classifiers: bytes, milliseconds, and accuracies beside the one in Python.

    python -m experiments.exported_files
    python -m experiments.exported_files --run_dir=RUN --data_dir=DIR

The first times Conv-4 with random weights and 64 filters. The second takes a run on Omniglot, or on
another data set of drawings or photographs, and tests it on the run's test classes: the same tasks
for every file. TensorFlow Lite files are run by `ai-edge-litert` where it is installed.

A time is that of one call in a loop, without other work in between: the median of `--rounds`, and
the fastest. `adapt` learns from all support pictures, and `infer` answers one query.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from data_gen.episodes import Episodes, EpisodeSampler
from experiments.lab.machine import processor
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.conv4 import conv4
from hidra_tf.classifier import starts
from hidra_tf.classifier.initialization import Initialization
from hidra_tf.classifier.pictures import PictureFormat
from hidra_tf.export.counts import pictures_per_class
from hidra_tf.export.saved_model import export_saved_model
from hidra_tf.export.tflite import QUANTIZATIONS, export_tflite
from hidra_tf.methods import build
from hidra_tf.runs.assembly import load_splits

# Support pictures, labels and number of ways → a head; queries and the head → probabilities.
Adapt = Callable[[np.ndarray, np.ndarray, int], dict]
Infer = Callable[[np.ndarray, dict], np.ndarray]
SIZES = ((28, 1), (84, 3))
TASKS = ((5, 5), (20, 5))
NORMS = ("running", "support")


@dataclasses.dataclass(frozen=True)
class File:
    """An exported classifier.

    Attributes:
        name: what it is.
        size: its bytes.
        adapt: its first endpoint.
        infer: its second endpoint.
    """

    name: str
    size: int
    adapt: Adapt
    infer: Infer


def files(start: Initialization, folder: Path) -> Iterator[File]:
    """All files that can be made of an initialization; their pictures are given as they are."""
    start = starts.looking(start, frame=False)
    export_saved_model(start, folder / "model")
    yield _saved_model(folder / "model")
    for quantization in QUANTIZATIONS if start.closed_form else ():
        file = folder / f"{quantization}.tflite"
        export_tflite(start, file, quantization)
        yield _tflite(file, f"tflite, {'float32' if quantization == 'none' else quantization}")


def _saved_model(folder: Path) -> File:
    model = tf.saved_model.load(str(folder))
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

    def infer(images: np.ndarray, head: dict) -> np.ndarray:
        return model.infer(images, head)["probabilities"].numpy()

    return File("SavedModel", size, model.adapt, infer)


def _tflite(file: Path, name: str) -> File:
    try:
        interpreter = importlib.import_module("ai_edge_litert.interpreter").Interpreter
    except ImportError:
        interpreter = tf.lite.Interpreter
    model = interpreter(str(file), num_threads=os.cpu_count())
    adapt, infer = map(model.get_signature_runner, ("adapt", "infer"))
    return File(
        name,
        file.stat().st_size,
        lambda images, labels, ways: adapt(images=images, labels=labels, ways=np.int32(ways)),
        lambda images, head: infer(images=images, **head)["probabilities"],
    )


def untrained(side: int, channels: int, norm: str) -> Initialization:
    """Conv-4 with 64 filters and random weights."""
    backbone = Backbone(conv4((side, side, channels), 64, norm), norm)
    method = build("hidra", backbone, InnerLoop(1, 0.4), (5,))
    return Initialization(method, 1, PictureFormat((side, side), channels))


def milliseconds(file: File, shape: tuple[int, ...], ways: int, shots: int, rounds: int) -> str:
    """Two cells of a table: adapt, and infer."""
    rng = np.random.default_rng(0)
    images = rng.random((ways * shots, *shape), np.float32)
    labels = np.repeat(np.arange(ways, dtype=np.int32), shots)
    head = file.adapt(images, labels, ways)
    calls = (lambda: file.adapt(images, labels, ways), lambda: file.infer(images[:1], head))
    return " | ".join(_timed(call, rounds) for call in calls)


def _timed(call: Callable[[], object], rounds: int) -> str:
    seconds = []
    for _ in range(rounds + 3):
        started = time.perf_counter()
        call()
        seconds.append(1000 * (time.perf_counter() - started))
    return f"{np.median(seconds[3:]):.1f} ({min(seconds):.1f})"


def show_times(rounds: int) -> None:
    """Prints the table of sizes and times."""
    print(f"{processor()}, {os.cpu_count()} cores; ms: median (fastest) of {rounds}\n")
    tasks = [f"{what} {ways} × {shots}" for ways, shots in TASKS for what in ("adapt", "infer 1,")]
    print(f"| pictures | norm | file | kB | {' | '.join(tasks)} |\n{'|---' * (4 + len(tasks))}|")
    for side, channels in SIZES:
        for norm in NORMS:
            with tempfile.TemporaryDirectory() as folder:
                for file in files(untrained(side, channels, norm), Path(folder)):
                    shape = (side, side, channels)
                    cells = [milliseconds(file, shape, *task, rounds) for task in TASKS]
                    row = [f"{side} × {side} × {channels}", norm, file.name]
                    print("|", " | ".join([*row, f"{file.size / 1000:.0f}", *cells]), "|")


def show_accuracies(arguments: argparse.Namespace) -> None:
    """Prints the table of accuracies on the test classes of a run."""
    start = starts.of_run(arguments.run_dir, norm=arguments.norm)
    origin = dataclasses.replace(start.origin, invert=False)  # as pictures come
    if arguments.data_dir is not None:
        origin = dataclasses.replace(origin, data_dir=arguments.data_dir)
    pool = load_splits(origin, arguments.cache_dir, split="test").test
    with tempfile.TemporaryDirectory() as folder:
        exported = list(files(start, Path(folder)))
        columns = ("ways", "file", "accuracy (%)", "largest difference", "other answers (%)")
        print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
        for ways in arguments.ways:
            sampler = EpisodeSampler(pool, (ways,), 5, 15, 1, seed=1000, stream="evaluation")
            _show_ways(start, exported, sampler, ways, arguments.tasks)


def _show_ways(
    start: Initialization, exported: list[File], sampler: EpisodeSampler, ways: int, tasks: int
) -> None:
    hits, answers = {}, {}
    compiled = tf.function(start.method.query_logits)
    for step in range(tasks):
        task = sampler(step)
        shown, labels, asked, wanted = (array[0].numpy() for array in task[:4])
        answers.setdefault("Python", []).append(_in_python(start, compiled, task))
        for file in exported:
            probabilities = file.infer(asked, file.adapt(shown, labels, ways))
            answers.setdefault(file.name, []).append(probabilities)
        for name, found in answers.items():
            hits.setdefault(name, []).append(np.mean(found[-1].argmax(axis=1) == wanted))
    exact = np.stack(answers["Python"])
    for name, found in answers.items():
        found, own = np.stack(found), np.array(hits[name])
        half = 196 * own.std(ddof=1) / np.sqrt(len(own))
        other = 100 * np.mean(found.argmax(axis=-1) != exact.argmax(axis=-1))
        difference = np.abs(found - exact).max()
        accuracy = f"{100 * own.mean():.2f} ± {half:.2f}"
        print(f"| {ways} | {name} | {accuracy} | {difference:.1e} | {other:.3f} |")


def _in_python(start: Initialization, compiled: Callable, task: Episodes) -> np.ndarray:
    """Probabilities by the method itself, whose `query_logits` are compiled."""
    arrays = (task.support_images, task.query_images)
    dtype = start.backbone.dtype
    support, queries = (
        tf.constant(start.pictures.seen(images[0].numpy(), dtype))[tf.newaxis] for images in arrays
    )
    seen = task._replace(support_images=support, query_images=queries)
    logits = compiled(seen, (start.steps,))[0, 0]
    pictures = pictures_per_class(task.support_labels[0], task.ways, dtype)
    return tf.nn.softmax(logits / start.temperature.at(pictures)).numpy()


def main() -> None:
    """Reads the arguments, and prints one of the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run_dir")
    parser.add_argument("--norm", help="another norm than the run's, such as support")
    parser.add_argument("--data_dir")
    parser.add_argument("--cache_dir")
    parser.add_argument("--ways", type=int, nargs="+", default=(5, 20))
    parser.add_argument("--tasks", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=50)
    arguments = parser.parse_args()
    if arguments.run_dir is None:
        show_times(arguments.rounds)
    else:
        show_accuracies(arguments)


if __name__ == "__main__":
    main()
