"""The networks of trained runs: restored, changed in one respect, and asked about test tasks."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from data_gen.episodes import EpisodeSampler
from experiments.lab.store import Store, Test
from hidra_tf.evaluation.evaluator import TASKS_PER_CALL
from hidra_tf.heads.neurons import MasterHead
from hidra_tf.methods.gradient import GradientMethod
from hidra_tf.runs.assembly import load_splits, method_for
from hidra_tf.runs.checkpoints.weights import restore
from hidra_tf.runs.config import Config
from hidra_tf.runs.measuring import evaluated_seed
from hidra_tf.runs.seen import view_of


class Answers(NamedTuple):
    """What a network answers about T test tasks of C ways, after each of S numbers of steps.

    Attributes:
        labels: [T, C·Q].
        logits: [T, S, C·Q, C].
    """

    labels: np.ndarray
    logits: np.ndarray

    @property
    def correct(self) -> np.ndarray:
        """The number [T, S] of queries whose class was found."""
        return np.sum(self.classes == self.labels[:, np.newaxis], axis=-1)

    @property
    def classes(self) -> np.ndarray:
        """The labels [T, S, C·Q] that the queries were taken for."""
        return np.argmax(self.logits, axis=-1)

    @property
    def probabilities(self) -> np.ndarray:
        """Softmax probabilities [T, S, C·Q, C]."""
        powers = np.exp(self.logits - self.logits.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)


def restored(store: Store, config: Config) -> GradientMethod:
    """The method of a finished training, with the weights that its tests take by themselves."""
    method = method_for(config, config.seen_shape)
    restore(store.run(config), method, config, None)
    return method


def test_tasks(store: Store, test: Test) -> EpisodeSampler:
    """The sampler of a test's tasks: those of call n are its tasks 10·n to 10·n + 9."""
    config, request = test
    pool = getattr(load_splits(config, store.cache_dir, request.split), request.split)
    return EpisodeSampler(
        pool,
        request.ways or config.train_ways,
        request.shots_of(config),
        request.query_shots_of(config),
        TASKS_PER_CALL,
        evaluated_seed(config, request),
        "evaluation",
        where=config.pictures,
        view=view_of(config).plain,
    )


def with_master(method: GradientMethod, kernel: np.ndarray, bias: np.ndarray) -> GradientMethod:
    """The method with one neuron in the place of its head: kernel [D] and bias [].

    All other weights are shared. `method.head.kernel` and `.bias` may be assigned other values.
    """
    twin = copy.copy(method)
    twin.head = MasterHead.of(method.backbone)
    twin.head.kernel.assign(kernel)
    twin.head.bias.assign(bias)
    return twin


def with_inner(method: GradientMethod, **changes: Any) -> GradientMethod:  # noqa: ANN401
    """The method with another inner loop, by attributes of `InnerLoop`; it shares all weights."""
    twin = copy.copy(method)
    twin.inner = dataclasses.replace(method.inner, **changes)
    return twin


def answering(
    method: GradientMethod, tasks: EpisodeSampler, at_steps: Sequence[int]
) -> Callable[[int, int, int], Answers]:
    """A function of the ways, the first call and the number of tasks to what the method answers.

    The function is compiled once; it sees the weights that variables have when it is called.
    """
    scalar = tf.TensorSpec((), tf.int32)

    @tf.function(autograph=False, input_signature=[scalar, scalar])
    def answer(call: tf.Tensor, ways: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        episodes = tasks(call, ways)
        return episodes.query_labels, method.predictions(episodes, at_steps).logits

    def collect(ways: int, first: int, count: int) -> Answers:
        calls = range(first, first + calls_of(count))
        parts = [answer(tf.constant(call), tf.constant(ways)) for call in calls]
        return Answers(*(np.concatenate(part)[:count] for part in zip(*parts, strict=True)))

    return collect


def calls_of(count: int) -> int:
    """The number of calls that give so many tasks."""
    return math.ceil(count / TASKS_PER_CALL)
