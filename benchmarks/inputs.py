"""Weights and episodes as arrays: the same numbers for every library."""

from __future__ import annotations

import numpy as np

from benchmarks.cases import Case

BLOCKS = 4
EPSILON = 1e-3
# Weights of a block: kernel, bias where there is one, γ and β.
PER_BLOCK = {"affine": 4, "transductive": 3}

# Support images [T, C·K, H, W, channels] and labels [T, C·K], then the queries'.
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def initial_weights(case: Case, dtype: str = "float32") -> list[np.ndarray]:
    """Each block's weights, then the head's kernel [D, C], all columns equal, and bias [C]."""
    rng = np.random.default_rng(0)
    filters, weights = case.filters, []
    for block in range(BLOCKS):
        inputs = case.channels if block == 0 else filters
        bound = np.sqrt(6 / (9 * (inputs + filters)))
        weights.append(rng.uniform(-bound, bound, (3, 3, inputs, filters)))
        bias = [np.zeros(filters)] if case.norm == "affine" else []
        weights += [*bias, np.ones(filters), np.zeros(filters)]
    neuron = rng.uniform(-0.1, 0.1, ((case.side // 2**BLOCKS) ** 2 * filters, 1))
    weights += [np.tile(neuron, (1, case.ways)), np.zeros(case.ways)]
    return [w.astype(dtype) for w in weights]


def adapted(norm: str) -> list[bool]:
    """Of all weights, which ones the inner loop moves: kernels and biases, but not γ and β."""
    block = [i < PER_BLOCK[norm] - 2 for i in range(PER_BLOCK[norm])]
    return block * BLOCKS + [True, True]


def episodes(case: Case, dtype: str = "float32") -> Arrays:
    """Coarse noise: what is on the pictures does not change how long they take."""
    rng = np.random.default_rng(1)

    def images(shots: int) -> np.ndarray:
        sides = (-(-case.side // 4),) * 2
        noise = rng.random((case.tasks, case.ways * shots, *sides, case.channels), np.float32)
        noise = noise.repeat(4, axis=2).repeat(4, axis=3)
        return noise[:, :, : case.side, : case.side].astype(dtype)

    def labels(shots: int) -> np.ndarray:
        one = np.repeat(np.arange(case.ways, dtype=np.int32), shots)
        return np.tile(one, (case.tasks, 1))

    shots, query_shots = case.shots, case.query_shots
    return images(shots), labels(shots), images(query_shots), labels(query_shots)
