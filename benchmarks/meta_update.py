"""How long a meta-update takes, beside the usual ways of writing it and the machine's limit.

    make bench        (about 5 minutes on two quiet cores)

Everything is measured in turn within one run, several rounds, after a warm-up; medians, and the
spread from the fastest to the slowest round. Compare numbers of one run only.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from absl import app, flags

from hidra_tf.quiet import quietly_import

tf: Any = quietly_import("tensorflow")

from benchmarks import baselines  # noqa: E402 — TensorFlow first, and quietly
from data_gen.class_pool import ClassPool  # noqa: E402
from data_gen.episodes import EpisodeSampler  # noqa: E402
from hidra_tf import methods  # noqa: E402
from hidra_tf.adaptation import InnerLoop  # noqa: E402
from hidra_tf.backbones import Backbone, conv4  # noqa: E402

FLAGS = flags.FLAGS
flags.DEFINE_integer("ways", 5, "C.", lower_bound=2)
flags.DEFINE_integer("shots", 5, "K.", lower_bound=1)
flags.DEFINE_integer("query_shots", 15, "Q.", lower_bound=1)
flags.DEFINE_integer("meta_batch", 4, "T.", lower_bound=1)
flags.DEFINE_list("inner_steps", ["1", "3"], "U.")
flags.DEFINE_integer("side", 28, "Pictures are side × side.", lower_bound=16)
flags.DEFINE_integer("filters", 64, "Of Conv-4.", lower_bound=1)
flags.DEFINE_integer("rounds", 9, "How often everything is measured.", lower_bound=3)
flags.DEFINE_string("out", "runs/bench/meta_update.json", "Where the numbers go.")

LEARNING_RATE = 0.4


def main(argv: list[str]) -> None:
    """Measures, prints a table, writes JSON."""
    del argv
    steps = {"matrix product": matrix_product()}
    for inner_steps in map(int, FLAGS.inner_steps):
        steps |= meta_updates(inner_steps)
    seconds = measure(steps)
    peak = 2 * 2000**3 / min(seconds["matrix product"])
    rows = [row(name, seconds[name], peak) for name in steps]
    print_table(rows, peak)
    out = Path(FLAGS.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"flags": FLAGS.flag_values_dict(), "rows": rows}, indent=2) + "\n")
    print(f"\nwritten  {out}")


def meta_updates(inner_steps: int) -> dict[str, Callable[[], object]]:
    """Name → a call that computes one meta-batch's meta-gradients."""
    sampler = EpisodeSampler(
        random_pool(),
        (FLAGS.ways,),
        FLAGS.shots,
        FLAGS.query_shots,
        FLAGS.meta_batch,
        0,
        "meta_train",
    )
    episodes = sampler(0)
    calls: dict[str, Callable[[], object]] = {}
    for method, norm, exact in [
        ("hidra", "affine", True),
        ("hidra", "affine", False),
        ("hidra", "transductive", True),
        ("hidra", "transductive", False),
        ("maml", "affine", False),
        ("maml", "transductive", False),
    ]:
        model = conv4((FLAGS.side, FLAGS.side, 1), FLAGS.filters, norm)
        inner = InnerLoop(inner_steps, LEARNING_RATE, exact=exact)
        built = methods.build(method, Backbone(model, norm), inner, (FLAGS.ways,), 0)
        compiled = _compiled(built.meta_gradients)
        kind = "" if method == "maml" else (" closed form" if exact else " generic")
        calls[f"{method} {norm}{kind}, {inner_steps} steps"] = _run(compiled, episodes)
    weights = baselines.initial_weights(FLAGS.side, 1, FLAGS.filters, FLAGS.ways)
    for name, make in (("unrolled", baselines.unrolled), ("map_fn", baselines.mapped)):
        step = make(weights, inner_steps, LEARNING_RATE)
        calls[f"plain {name} affine, {inner_steps} steps"] = _run(step, episodes)
    return calls


def _compiled(step: Callable[..., Any]) -> Callable[..., Any]:
    # A function of its own: methods of several objects would count as one that is traced anew.
    return tf.function(lambda episodes: step(episodes), autograph=False)


def _run(step: Callable[..., Any], episodes: object) -> Callable[[], object]:
    return lambda: step(episodes)[0].numpy()


def matrix_product() -> Callable[[], object]:
    """A 2000 × 2000 float32 matrix product: the machine's practical peak."""
    matrix = tf.random.stateless_normal((2000, 2000), (0, 0))
    product = tf.function(lambda x: x @ x, autograph=False)
    return lambda: product(matrix)[0, 0].numpy()


def random_pool() -> ClassPool:
    """Noise: what is on the pictures does not change how long they take."""
    rng = np.random.default_rng(0)
    classes, pictures = FLAGS.ways, FLAGS.shots + FLAGS.query_shots
    images = rng.integers(0, 256, (classes * pictures, FLAGS.side, FLAGS.side, 1), np.uint8)
    return ClassPool(images, (pictures,) * classes, tuple(map(str, range(classes))))


def measure(steps: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Name → seconds of each round; all names in every round, so that drift meets all alike."""
    for call in steps.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(FLAGS.rounds):
        for name, call in steps.items():
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def needed_flops(name: str) -> float | None:
    """Floating-point operations that a meta-update with one closed-form step cannot do without.

    Two for each multiply-add of the convolutions; a forward pass of all T·C·(K+Q) pictures and a
    backward pass of twice its cost. None where other numbers of steps need more.
    """
    if "1 steps" not in name:
        return None
    side, flops = FLAGS.side, 0
    for block in range(baselines.BLOCKS):
        flops += 2 * 9 * side**2 * (1 if block == 0 else FLAGS.filters) * FLAGS.filters
        side //= 2
    pictures = FLAGS.meta_batch * FLAGS.ways * (FLAGS.shots + FLAGS.query_shots)
    return 3.0 * flops * pictures


def row(name: str, seconds: list[float], peak: float) -> dict[str, Any]:
    """One line of the table."""
    median = float(np.median(seconds))
    flops = needed_flops(name)
    return {
        "name": name,
        "median_ms": 1e3 * median,
        "min_ms": 1e3 * min(seconds),
        "max_ms": 1e3 * max(seconds),
        "share_of_peak": None if flops is None else flops / median / peak,
    }


def print_table(rows: list[dict[str, Any]], peak: float) -> None:
    """Prints the rows, and what they are to be read against."""
    print(
        f"{FLAGS.ways}-way {FLAGS.shots}-shot, Q {FLAGS.query_shots}, {FLAGS.meta_batch} tasks, "
        f"{FLAGS.side} × {FLAGS.side}, {FLAGS.filters} filters; peak {peak / 1e9:.0f} GFLOP/s\n"
    )
    print(f"{'':44s}{'median ms':>10s}{'min':>8s}{'max':>8s}{'of peak':>9s}")
    for r in rows:
        share = "" if r["share_of_peak"] is None else f"{100 * r['share_of_peak']:.0f} %"
        print(
            f"{r['name']:44s}{r['median_ms']:10.0f}{r['min_ms']:8.0f}{r['max_ms']:8.0f}{share:>9s}"
        )


if __name__ == "__main__":
    app.run(main)
