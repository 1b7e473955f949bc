"""Cases as calls, where TensorFlow is what they need."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks import inputs
from benchmarks.cases import PRODUCT_SIDE, UPDATES_PER_CALL, Case
from hidra_tf.quiet import quietly_import

tf: Any = quietly_import("tensorflow")

from benchmarks import baselines  # noqa: E402 — TensorFlow first, and quietly
from data_gen.class_pool import ClassPool  # noqa: E402
from data_gen.episodes import Episodes, EpisodeSampler  # noqa: E402
from hidra_tf import methods  # noqa: E402
from hidra_tf.adaptation.inner_loop import InnerLoop  # noqa: E402
from hidra_tf.backbones.backbone import Backbone  # noqa: E402
from hidra_tf.backbones.conv4 import conv4  # noqa: E402
from hidra_tf.evaluation.evaluator import Evaluator  # noqa: E402
from hidra_tf.methods.interface import Method  # noqa: E402
from hidra_tf.options import PRECISIONS  # noqa: E402
from hidra_tf.training.optimizers import make_optimizer  # noqa: E402
from hidra_tf.training.updates import MetaUpdates  # noqa: E402

# Otherwise it warns of one line that makes many functions, which is what is wanted here.
tf.get_logger().setLevel("ERROR")

LEARNING_RATE = 0.4
# Of the split that is evaluated: Omniglot's.
CLASSES, PICTURES_PER_CLASS = 423, 20

PLAIN = {"tf_unrolled": baselines.unrolled, "tf_map_fn": baselines.mapped}


def build(case: Case) -> Callable[[], object]:
    """A call that does once what `case` says, and returns when it is done."""
    if case.variant == "tf_product":
        return matrix_product(PRODUCT_SIDE, case.precision)
    if case.variant == "evaluation":
        return evaluation(case)
    if case.variant == "training":
        return training(case)
    episodes = Episodes(*map(tf.constant, inputs.episodes(case)), tf.constant(case.ways))
    step = meta_update(case)
    return lambda: step(episodes)[0].numpy()


def meta_update(case: Case) -> Callable[[Episodes], Sequence[Any]]:
    """A compiled function of a meta-batch to its loss, …, and meta-gradients."""
    if case.variant in PLAIN:
        weights = inputs.initial_weights(case)
        return PLAIN[case.variant](weights, case.steps, LEARNING_RATE, case.norm)
    method = our_method(case)
    # A function of its own: methods of several objects would count as one that is traced anew.
    return tf.function(lambda episodes: method.meta_gradients(episodes), autograph=False)


def our_method(case: Case) -> Method:
    """The method that a case of ours measures."""
    policy = PRECISIONS[case.precision]
    model = conv4((case.side, case.side, case.channels), case.filters, case.norm, dtype=policy)
    inner = InnerLoop(case.steps, LEARNING_RATE, exact=case.variant != "generic")
    return methods.build(case.method, Backbone(model, case.norm), inner, (case.ways,))


def evaluation(case: Case) -> Callable[[], object]:
    """Tasks of 2 … C ways from a split of noise."""
    evaluator = Evaluator(
        our_method(case),
        noise(case),
        range(2, case.ways + 1),
        (case.steps,),
        case.shots,
        case.query_shots,
        seed=0,
        stream="evaluation",
    )
    return lambda: list(evaluator.rows(case.tasks))


def training(case: Case) -> Callable[[], object]:
    """The next `UPDATES_PER_CALL` meta-updates of a training: episodes, gradients, Adam."""
    method = our_method(case)
    shots = (case.shots, case.query_shots)
    sampler = EpisodeSampler(noise(case), (case.ways,), *shots, case.tasks, 0, "meta_train")
    updates = MetaUpdates(method, sampler, make_optimizer(method.variables, 1e-3), 10.0)
    first = itertools.count(step=UPDATES_PER_CALL)

    def call() -> object:
        start = next(first)
        return updates(tf.constant(start), tf.constant(start + UPDATES_PER_CALL)).loss.numpy()

    return call


def noise(case: Case) -> ClassPool:
    """A split as large as Omniglot's test classes."""
    rng = np.random.default_rng(0)
    shape = (CLASSES * PICTURES_PER_CLASS, case.side, case.side, case.channels)
    return ClassPool(
        rng.integers(0, 256, shape, np.uint8),
        (PICTURES_PER_CLASS,) * CLASSES,
        tuple(map(str, range(CLASSES))),
    )


def matrix_product(side: int, precision: str = "float32") -> Callable[[], object]:
    """The product of two side × side matrices."""
    matrix = tf.cast(tf.random.stateless_normal((side, side), (0, 0)), precision)
    product = tf.function(lambda x: x @ x, autograph=False)
    return lambda: product(matrix)[0, 0].numpy()
