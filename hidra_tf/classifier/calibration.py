"""Probabilities that mean what they say: a temperature fitted on tasks of classes not learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from data_gen.class_pool import ClassPool
from data_gen.episodes import EpisodeSampler
from hidra_tf.classifier.initialization import Initialization

# Confidences are compared with accuracies in this many portions of [0, 1].
BINS = 15
# Temperatures that are looked at.
_RANGE = (1e-3, 1e3)


class Answers(NamedTuple):
    """What was said of the queries of some tasks of one number of ways.

    Attributes:
        logits: [N, C].
        labels: int [N], the right classes; C and above are classes that were not learned.
    """

    logits: np.ndarray
    labels: np.ndarray


class Bin(NamedTuple):
    """The answers whose confidence lies in one portion of [0, 1].

    Attributes:
        share: how many of all answers they are, in [0, 1].
        confidence: their mean confidence.
        accuracy: how many of them are right, in [0, 1].
    """

    share: float
    confidence: float
    accuracy: float


def answers(
    start: Initialization,
    pool: ClassPool,
    ways: int,
    shots: int,
    tasks: int,
    strangers: int = 0,
    query_shots: int = 5,
    seed: int = 0,
) -> Answers:
    """What an initialization says in tasks that are drawn from a pool.

    Args:
        start: the initialization, for pictures.
        pool: the classes, stored as the initialization takes pictures, strokes bright where it
            inverts.
        ways: the number of classes that are learned.
        shots: the pictures of each.
        tasks: the number of tasks.
        strangers: the number of further classes of each task, which are asked about only.
        query_shots: the pictures of each class that are asked about.
        seed: the seed of the tasks.
    """
    method = start.method
    sampler = EpisodeSampler(
        pool,
        (ways + strangers,),
        shots,
        query_shots,
        1,
        seed,
        "evaluation",
        dtype=method.backbone.dtype,
        view=start.pictures.view,
    )

    @tf.function
    def task(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        drawn = sampler(step)
        # Classes come one after the other, so that the first ones are learned.
        known = ways * shots
        learned = drawn._replace(
            support_images=drawn.support_images[:, :known],
            support_labels=drawn.support_labels[:, :known],
            ways=tf.constant(ways),
        )
        return method.query_logits(learned, (start.steps,))[0, 0], drawn.query_labels[0]

    found = [task(tf.constant(step)) for step in range(tasks)]
    logits, labels = (
        np.concatenate([part.numpy() for part in parts]) for parts in zip(*found, strict=True)
    )
    return Answers(logits.astype(np.float64), labels)


def fit_temperature(groups: Sequence[Answers]) -> float:
    """The temperature under which answers are most probable, each group weighing the same.

    It minimises the mean negative log-likelihood −log softmax(logits / T)[label] of Guo, Pleiss,
    Sun and Weinberger (2017), https://arxiv.org/abs/1706.04599, section 4.2.
    """

    def surprise(log_temperature: float) -> float:
        return float(np.mean([_surprise(group, np.exp(log_temperature)) for group in groups]))

    bounds = tuple(np.log(_RANGE))
    return float(np.exp(minimize_scalar(surprise, bounds=bounds, method="bounded").x))


def _surprise(group: Answers, temperature: float) -> float:
    logs = log_softmax(group.logits / temperature, axis=1)
    return -float(np.mean(logs[np.arange(len(logs)), group.labels]))


def reliability(group: Answers, temperature: float = 1.0) -> list[Bin]:
    """Confidence and accuracy of answers, by confidence; portions without answers are left out."""
    probabilities = softmax(group.logits / temperature, axis=1)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == group.labels
    places = np.minimum((confidence * BINS).astype(int), BINS - 1)
    chosen = [places == place for place in range(BINS)]
    return [
        Bin(float(one.mean()), float(confidence[one].mean()), float(right[one].mean()))
        for one in chosen
        if one.any()
    ]


def calibration_error(group: Answers, temperature: float = 1.0) -> float:
    """The expected calibration error: the mean of |confidence − accuracy| over answers, by bins."""
    bins = reliability(group, temperature)
    return sum(one.share * abs(one.confidence - one.accuracy) for one in bins)


class Refusals(NamedTuple):
    """What a threshold of `unknown_below` does.

    Attributes:
        below: the threshold.
        answered: how many pictures of learned classes get an answer, in [0, 1].
        accuracy: how many of these answers are right, in [0, 1].
        strangers: how many pictures of classes that were not learned get an answer, which is
            always wrong, in [0, 1].
    """

    below: float
    answered: float
    accuracy: float
    strangers: float


def refusals(group: Answers, temperature: float, below: float) -> Refusals:
    """What a threshold does to answers about pictures of learned classes and of strangers."""
    probabilities = softmax(group.logits / temperature, axis=1)
    says = probabilities.max(axis=1) >= below
    known = group.labels < group.logits.shape[1]
    right = probabilities.argmax(axis=1) == group.labels
    answered = says & known
    return Refusals(
        below,
        float(answered.sum() / known.sum()),
        float(right[answered].mean()) if answered.any() else float("nan"),
        float(says[~known].mean()) if (~known).any() else float("nan"),
    )
