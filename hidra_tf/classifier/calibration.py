"""Probabilities that mean what they say: a temperature fitted on tasks of classes not learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax, softmax

from data_gen.class_pool import ClassPool
from data_gen.episodes import EpisodeSampler
from hidra_tf.classifier.initialization import Initialization
from hidra_tf.evaluation.temperature import Temperature

# Confidences are compared with accuracies in this many portions of [0, 1].
BINS = 15
# Temperatures that are looked at.
_RANGE = (1e-3, 1e3)
# Of logits as they are.
UNCHANGED = Temperature()


class Answers(NamedTuple):
    """What was said of the queries of some tasks of one number of ways.

    Attributes:
        logits: [N, C].
        labels: int [N], the right classes; C and above are classes that were not learned.
        shots: the number of pictures of each class that was learned.
    """

    logits: np.ndarray
    labels: np.ndarray
    shots: int


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
    return Answers(logits.astype(np.float64), labels, shots)


def fit_temperature(groups: Sequence[Answers]) -> Temperature:
    """The temperature under which answers are most probable, each group weighing the same.

    It minimises the mean negative log-likelihood −log softmax(logits / T(K))[label], as do Guo,
    Pleiss, Sun and Weinberger (2017), https://arxiv.org/abs/1706.04599, section 4.2, for a
    constant T.

    Args:
        groups: answers after different numbers of pictures; if all had one, T is a constant.
    """

    def surprise(temperature: Temperature) -> float:
        return float(np.mean([_surprise(group, temperature) for group in groups]))

    logs = tuple(np.log(_RANGE))
    constant = minimize_scalar(
        lambda log: surprise(Temperature(np.exp(log))), bounds=logs, method="bounded"
    )
    # The search begins at the best constant, which is its unit too.
    unit = np.exp(constant.x)
    least, most = np.array(_RANGE) / unit
    found = minimize(
        lambda values: surprise(Temperature(*(unit * values))),
        x0=(1.0, 0.0),
        bounds=((least, most), (0.0, most)),
        method="L-BFGS-B",
    )
    return Temperature(*(unit * found.x).tolist())


def _surprise(group: Answers, temperature: Temperature) -> float:
    logs = log_softmax(group.logits / temperature.at(group.shots), axis=1)
    return -float(np.mean(logs[np.arange(len(logs)), group.labels]))


def probabilities(group: Answers, temperature: Temperature = UNCHANGED) -> np.ndarray:
    """The probabilities of answers, [N, C]."""
    return softmax(group.logits / temperature.at(group.shots), axis=1)


def reliability(group: Answers, temperature: Temperature = UNCHANGED) -> list[Bin]:
    """Confidence and accuracy of answers, by confidence; portions without answers are left out."""
    likely = probabilities(group, temperature)
    confidence = likely.max(axis=1)
    right = likely.argmax(axis=1) == group.labels
    places = np.minimum((confidence * BINS).astype(int), BINS - 1)
    chosen = [places == place for place in range(BINS)]
    return [
        Bin(float(one.mean()), float(confidence[one].mean()), float(right[one].mean()))
        for one in chosen
        if one.any()
    ]


def calibration_error(group: Answers, temperature: Temperature = UNCHANGED) -> float:
    """The expected calibration error: the mean of |confidence − accuracy| over answers, by bins."""
    bins = reliability(group, temperature)
    return sum(one.share * abs(one.confidence - one.accuracy) for one in bins)


class Refusals(NamedTuple):
    """What a threshold of `unknown_below` does.

    Attributes:
        shots: the number of pictures of each class that was learned.
        below: the threshold.
        answered: how many pictures of learned classes get an answer, in [0, 1].
        accuracy: how many of these answers are right, in [0, 1].
        strangers: how many pictures of classes that were not learned get an answer, which is
            always wrong, in [0, 1].
    """

    shots: int
    below: float
    answered: float
    accuracy: float
    strangers: float


def refusals(group: Answers, temperature: Temperature, below: float) -> Refusals:
    """What a threshold does to answers about pictures of learned classes and of strangers."""
    likely = probabilities(group, temperature)
    says = likely.max(axis=1) >= below
    known = group.labels < group.logits.shape[1]
    right = likely.argmax(axis=1) == group.labels
    answered = says & known
    return Refusals(
        group.shots,
        below,
        float(answered.sum() / known.sum()),
        float(right[answered].mean()) if answered.any() else float("nan"),
        float(says[~known].mean()) if (~known).any() else float("nan"),
    )
