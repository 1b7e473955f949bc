"""Tasks in the plane, and the library's methods over one linear layer that learn them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from data_gen.class_pool import ClassPool
from data_gen.episodes import Episodes, EpisodeSampler
from hidra_tf import Backbone, InnerLoop, MetaUpdates, make_optimizer
from hidra_tf.adaptation.losses import accuracy, correct
from hidra_tf.methods import build
from hidra_tf.methods.interface import Method

SHOTS, QUERY_SHOTS, META_BATCH, RATE = 5, 15, 4, 1e-3
# Of each kind of task: the centres of its two Gaussians, and their deviations along x and y.
KINDS = {
    "horizontal": (((0.0, 2.0), (0.0, -2.0)), (1.5, 0.4)),
    "vertical": (((-2.0, 0.0), (2.0, 0.0)), (0.4, 1.5)),
}
FOUR = tuple(f"{kind}, labels {order}" for kind in KINDS for order in ("0 1", "1 0"))
_POINTS = 200


class Training(NamedTuple):
    """A method, and how it adapts.

    Attributes:
        method: `maml` or `hypermaml`.
        steps: the number of inner steps, in training and in tests.
        rate: α; None for HyperMAML, which takes no gradient step.
    """

    method: str
    steps: int
    rate: float | None

    @property
    def label(self) -> str:
        """What a table calls it."""
        if self.rate is None:
            return "HyperMAML"
        return f"MAML {self.steps} step{'' if self.steps == 1 else 's'} α = {self.rate:g}"


def points(kind: str, seed: int) -> ClassPool:
    """The two Gaussians of a kind of task: 200 points of each, vectors [400, 2]."""
    centres, deviations = KINDS[kind]
    rng = np.random.default_rng((seed, list(KINDS).index(kind)))
    drawn = [rng.normal(centre, deviations, (_POINTS, 2)) for centre in centres]
    pool = np.concatenate(drawn).astype(np.float32)
    return ClassPool(pool, (_POINTS,) * 2, tuple(map(str, centres)))


class BothKinds:
    """Meta-batches of which half are horizontal tasks and half vertical ones, labels permuted.

    Args:
        meta_batch: the number of tasks, even.
        seed: the seed of the points and of the tasks.
        stream: one of `data_gen.episodes.STREAMS`.
    """

    dtype = "float32"

    def __init__(self, meta_batch: int, seed: int, stream: str) -> None:
        task = (2,), SHOTS, QUERY_SHOTS, meta_batch // 2
        self._samplers = [
            EpisodeSampler(points(kind, seed), *task, seed + number, stream)
            for number, kind in enumerate(KINDS)
        ]

    def __call__(self, step: tf.Tensor | int) -> Episodes:
        """The meta-batch of a step."""
        parts = [sampler(step) for sampler in self._samplers]
        arrays = (tf.concat(pair, axis=0) for pair in zip(*(p[:4] for p in parts), strict=True))
        return Episodes(*arrays, parts[0].ways)


def four_tasks(seed: int) -> Episodes:
    """Each kind with both orders of the labels: 5 points of a class to learn from, 100 to tell."""
    support, queries = [], []
    for kind in KINDS:
        by_class = points(kind, seed).images.reshape(2, _POINTS, 2)
        for order in ([0, 1], [1, 0]):
            support.append(by_class[order, :SHOTS].reshape(-1, 2))
            queries.append(by_class[order, SHOTS : SHOTS + 100].reshape(-1, 2))
    labels = (np.tile(np.repeat([0, 1], n), (4, 1)).astype(np.int32) for n in (SHOTS, 100))
    arrays = (np.stack(support), next(labels), np.stack(queries), next(labels))
    return Episodes(*map(tf.constant, arrays), tf.constant(2))


def learned(training: Training, marks: Sequence[int], seed: int, tasks: int) -> dict[str, Any]:
    """Trains one linear layer, and looks at it after some numbers of meta-updates.

    Args:
        training: the method.
        marks: the numbers of meta-updates, ascending.
        seed: the seed of the weights, of the points and of the training tasks; the test tasks are
            those of one seed, whatever this is.
        tasks: the number of random test tasks.

    Returns:
        For each mark, as text: `correct`, the right answers of 30 in each random task; the
        `universal` weights, a kernel [2, 2] and a bias [2]; the weights `adapted` to each of the
        four tasks, and their `accuracy`.
    """
    method = linear(training, seed)
    updates = MetaUpdates(
        method,
        BothKinds(META_BATCH, seed, "meta_train"),
        make_optimizer(method.variables, RATE),
        clip_norm=0.0,
    )
    tests, four = BothKinds(20, 1000, "evaluation"), four_tasks(1000)

    @tf.function(autograph=False, input_signature=[tf.TensorSpec((), tf.int32)])
    def count(step: tf.Tensor) -> tf.Tensor:
        episodes = tests(step)
        logits = method.query_logits(episodes, (training.steps,))
        return correct(episodes.query_labels[:, tf.newaxis], logits)[:, 0]

    made, at = {}, 0
    for mark in marks:
        updates(at, mark)
        at = mark
        drawn = [count(tf.constant(step)).numpy() for step in range(-(-tasks // 20))]
        made[str(mark)] = {
            "correct": np.concatenate(drawn)[:tasks].tolist(),
            **_adapted(method, four, training.steps),
        }
    return made


def linear(training: Training, seed: int) -> Method:
    """A method whose backbone returns the points themselves, so that its head is all there is."""
    plane = keras.Input((2,))
    backbone = Backbone(keras.Model(plane, keras.layers.Identity()(plane)), norm="none")
    inner = InnerLoop(steps=training.steps, learning_rate=training.rate or 0.1)
    return build(training.method, backbone, inner, (2,), seed=seed, hyper_layers=2, hyper_width=64)


def _adapted(method: Method, tasks: Episodes, steps: int) -> dict[str, Any]:
    """The universal classifier, those adapted to the tasks, and how often these are right."""
    each = [Episodes(*arrays, tasks.ways) for arrays in zip(*tasks[:4], strict=True)]
    heads = [method.task_weights(task, steps).head for task in each]
    hits = (
        accuracy(task.query_labels, head.logits(task.query_images))
        for task, head in zip(each, heads, strict=True)
    )
    first, *adapted = (
        {"kernel": head.kernel.numpy().tolist(), "bias": head.bias.numpy().tolist()}
        for head in (method.head.initial(2), *heads)
    )
    return {"universal": first, "adapted": adapted, "accuracy": [float(hit) for hit in hits]}
