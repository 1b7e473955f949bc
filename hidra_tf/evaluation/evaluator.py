"""The evaluator: adapts to the tasks of one split, at any number of ways, and measures."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import tensorflow as tf

from data_gen.class_pool import ClassPool
from data_gen.episodes import Episodes, EpisodeSampler
from data_gen.views import AS_STORED, View
from hidra_tf.adaptation.losses import accuracy, correct
from hidra_tf.evaluation.confusion import Confusion, check_size, count
from hidra_tf.evaluation.rows import Row, Scores, row_of
from hidra_tf.methods.interface import Method, Predictions
from hidra_tf.options import check_count, check_counts

# Tasks per compiled call. A constant: which tasks are drawn depends on it.
TASKS_PER_CALL = 10
# Pictures per compiled call where features are computed once.
PICTURES_PER_CALL = 200

Result = TypeVar("Result")

_SCALAR = tf.TensorSpec((), tf.int32)


class Evaluator:
    """Adapts to the tasks of one split and measures.

    The protocol of the HIDRA paper (https://arxiv.org/abs/1910.12749, section 4): one checkpoint,
    tasks of unseen classes, accuracies after some inner steps; with 95 % intervals over tasks.

    Example:
        >>> import keras, numpy as np
        >>> from data_gen.class_pool import ClassPool
        >>> from hidra_tf import Backbone, Evaluator, ProtoNet
        >>> pool = ClassPool(np.zeros((6, 4, 4, 1), np.uint8), (2, 2, 2), ("a", "b", "c"))
        >>> layers = [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(8)]
        >>> method = ProtoNet(backbone=Backbone(keras.Sequential(layers), norm="none"))
        >>> evaluator = Evaluator(
        ...     method, pool, ways=(2,), at_steps=(0,), shots=1, query_shots=1, seed=0,
        ...     stream="evaluation",
        ... )
        >>> [(row.ways, row.accuracy) for row in evaluator.rows(tasks=10)]
        [(2, 0.5)]

    Args:
        method: the method that is evaluated, with the weights that its variables have at the call.
        pool: the split's classes.
        ways: the numbers of ways to be evaluated.
        at_steps: the numbers of inner steps, ≥ 0; one adaptation gives them all.
        shots: the number K of support pictures of each class; or several such numbers, of which
            one is drawn for every class of every task.
        query_shots: the number Q of query pictures of each class.
        seed: the seed of the tasks: the same seed, stream and `ways` give the same tasks.
        stream: the stream of random numbers, one of `data_gen.episodes.STREAMS`.
        where: the place of the pictures, one of `data_gen.PICTURES`.
        view: what is seen of each picture.
        confusion: whether `confusions` are counted.

    Attributes:
        seconds: by the number of ways, how long it took to adapt to the tasks of the last `rows`
            and to predict, for all of `at_steps` together and without building a graph. Features
            that are computed once for all ways count in equal parts.
        confusions: by the numbers of ways and of steps, which class was taken for which in the
            tasks of the last `rows`, where that was asked for.

    Raises:
        UserError: if the method or the pool cannot give such tasks.
        TypeError: if `ways` or `at_steps` is no sequence.
        ValueError: if a number is out of range, or there is no such stream.
    """

    def __init__(
        self,
        method: Method,
        pool: ClassPool,
        ways: Sequence[int],
        at_steps: Sequence[int],
        shots: int | Sequence[int],
        query_shots: int,
        seed: int,
        stream: str,
        where: str = "auto",
        view: View = AS_STORED,
        confusion: bool = False,
    ) -> None:
        check_counts("ways", ways, 0)
        check_counts("at_steps", at_steps, 0)
        for c in ways:
            method.check_ways(c)
        if confusion:
            check_size(pool.num_classes)
        self.method, self.pool = method, pool
        self.ways, self.at_steps = tuple(ways), tuple(sorted(set(at_steps)))
        self.seconds: dict[int, float] = {}
        self.confusion = confusion
        self.confusions: dict[tuple[int, int], Confusion] = {}
        # Tasks of unequal sizes cannot share an array, and padding would change batch statistics.
        alike = isinstance(shots, int | np.integer) or len(set(shots)) == 1
        self._at_once = TASKS_PER_CALL if alike else 1
        self.sampler = EpisodeSampler(
            pool,
            ways,
            shots,
            query_shots,
            self._at_once,
            seed,
            stream,
            method.backbone.dtype,
            where,
            view.plain,
        )

    def rows(self, tasks: int, progress: Callable[[int], None] | None = None) -> Iterator[Row]:
        """Yields a row per number of ways and of inner steps.

        Args:
            tasks: the number of tasks at each number of ways, ≥ 1.
            progress: a function that is told the work done since it was last told, in pictures
                of the tasks; all of it together is `total_work(tasks)`.

        Raises:
            ValueError: if there is no task.
        """
        check_count("tasks", tasks, 1)
        compiled, given, shared = self._run, (), 0.0
        if self._looks_twice(tasks) and self.method.needs_features_only(self.at_steps):
            _build(self._features_of, tf.constant(0), tf.constant(1))
            features, shared = _timed(self._features)
            compiled, given = self._run_on_features, (features,)
        _build(compiled, *given, tf.constant(0), tf.constant(self.ways[0]))
        run = functools.partial(compiled, *given)
        for ways in self.ways:
            scores, own = _timed(lambda c=ways: self._measure(run, c, tasks, progress))
            self.seconds[ways] = own + shared / len(self.ways)
            classes = self._classes(ways, tasks) if self.confusion else None
            for column, steps in enumerate(self.at_steps):
                at = tf.nest.map_structure(lambda values, s=column: values[:, s], scores)
                if classes is not None:
                    self.confusions[ways, steps] = count(self.pool.num_classes, classes, at)
                yield row_of(ways, steps, at, ways * self.sampler.query_shots)

    def total_work(self, tasks: int) -> int:
        """All work of `rows(tasks)`, in pictures of the tasks: more ways cost more."""
        return sum(tasks * self._pictures(ways) for ways in self.ways)

    def _pictures(self, ways: int) -> int:
        """The pictures of one task, C·(K + Q), with the largest K where there are several."""
        return ways * (self.sampler.shots + self.sampler.query_shots)

    def _looks_twice(self, tasks: int) -> bool:
        """Whether the tasks hold more pictures than there are."""
        return self.total_work(tasks) > len(self.pool.images)

    def _features(self) -> tf.Tensor:
        """Features [N, D] of all pictures of the pool."""
        total = len(self.pool.images)
        parts = [
            self._features_of(
                tf.constant(first), tf.constant(min(first + PICTURES_PER_CALL, total))
            )
            for first in range(0, total, PICTURES_PER_CALL)
        ]
        return tf.concat(parts, axis=0)

    def _measure(
        self,
        run: Callable[[tf.Tensor, tf.Tensor], Scores],
        ways: int,
        tasks: int,
        progress: Callable[[int], None] | None,
    ) -> Scores:
        """The scores of all tasks at one number of ways, as arrays of NumPy."""
        measured = []
        for call in range(math.ceil(tasks / self._at_once)):
            scores = run(tf.constant(call), tf.constant(ways))
            measured.append(tf.nest.map_structure(lambda values: values.numpy(), scores))
            if progress:
                done = min(self._at_once, tasks - call * self._at_once)
                progress(done * self._pictures(ways))
        return tf.nest.map_structure(
            lambda *arrays: _widened(np.concatenate(arrays)[:tasks]), *measured
        )

    def _classes(self, ways: int, tasks: int) -> np.ndarray:
        """The numbers [tasks, C] that the classes of the tasks have in the pool."""
        calls = range(math.ceil(tasks / self._at_once))
        drawn = [self._classes_of(tf.constant(call), tf.constant(ways)).numpy() for call in calls]
        return np.concatenate(drawn)[:tasks]

    @tf.function(autograph=False, input_signature=[_SCALAR, _SCALAR])
    def _classes_of(self, call: tf.Tensor, ways: tf.Tensor) -> tf.Tensor:
        return self.sampler.classes(call, ways)

    @tf.function(autograph=False, input_signature=[_SCALAR, _SCALAR])
    def _features_of(self, first: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
        return self.method.features(self.sampler.pictures(tf.range(first, last)))

    @tf.function(autograph=False, input_signature=[_SCALAR, _SCALAR])
    def _run(self, call: tf.Tensor, ways: tf.Tensor) -> Scores:
        """The scores of the tasks of one compiled call."""
        episodes = self.sampler(call, ways)
        return self._scores(episodes, self.method.predictions(episodes, self.at_steps))

    @tf.function(autograph=False)
    def _run_on_features(self, features: tf.Tensor, call: tf.Tensor, ways: tf.Tensor) -> Scores:
        """The same from the features [N, D] of all pictures."""
        episodes = self.sampler.of_features(features, call, ways)
        return self._scores(episodes, self.method.predictions_of_features(episodes, self.at_steps))

    def _scores(self, episodes: Episodes, found: Predictions) -> Scores:
        labels = tf.repeat(episodes.query_labels[:, tf.newaxis], len(self.at_steps), axis=1)
        return Scores(
            accuracy(labels, found.logits),
            self.method.loss(labels, found.logits),
            found.metrics,
            tf.argmax(found.logits, -1, output_type=tf.int32),
            correct(labels, found.logits),
        )


def _widened(values: np.ndarray) -> np.ndarray:
    """Numbers with a point as float64; whole numbers as they are."""
    return values.astype(np.float64) if np.issubdtype(values.dtype, np.floating) else values


def _build(compiled: tf.types.experimental.PolymorphicFunction, *arguments: tf.Tensor) -> None:
    """Calls a compiled function that was never called, so that nobody times building its graph."""
    if compiled.experimental_get_tracing_count() == 0:
        compiled(*arguments)


def _timed(function: Callable[[], Result]) -> tuple[Result, float]:
    """What a function returns, and the seconds that it took."""
    started = time.monotonic()
    return function(), time.monotonic() - started
