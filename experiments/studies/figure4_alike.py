"""How alike the neurons of a head are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Alike(NamedTuple):
    """How alike C neurons are.

    Attributes:
        cosine: the mean cosine of two of them.
        lowest: the lowest one.
        highest: the highest one.
        centred: the mean cosine after the mean neuron is subtracted.
        length: the mean norm.
        common: the share of their squared length that lies in their mean, from 0 to 1.
        deviation: the root of the mean squared norm of what is left without their mean.
    """

    cosine: float
    lowest: float
    highest: float
    centred: float
    length: float
    common: float
    deviation: float


def alike(neurons: np.ndarray) -> Alike:
    """The similarity of neurons [C, D], C ≥ 2."""
    mean = neurons.mean(axis=0)
    rest = neurons - mean
    pairs = np.triu_indices(len(neurons), 1)
    own, centred = cosines(neurons)[pairs], cosines(rest)[pairs]
    squares = np.sum(neurons**2, axis=1)
    return Alike(
        float(own.mean()),
        float(own.min()),
        float(own.max()),
        float(centred.mean()),
        float(np.sqrt(squares).mean()),
        float(np.sum(mean**2) / squares.mean()),
        float(np.sqrt(np.mean(np.sum(rest**2, axis=1)))),
    )


def cosines(neurons: np.ndarray) -> np.ndarray:
    """The cosines [C, C] of all pairs of neurons [C, D]."""
    directions = neurons / np.linalg.norm(neurons, axis=1, keepdims=True)
    return directions @ directions.T


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """The cosine of two vectors [D]."""
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))
