import functools
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from benchmarks import baselines, inputs, torch_baselines  # noqa: E402 — only where there is torch
from benchmarks.cases import Case  # noqa: E402

# Features of 2 × 2 pixels, whose order differs, and two steps, which move everything.
CASE = Case(steps=2, ways=3, tasks=2, side=32, channels=3, filters=3, shots=2, query_shots=2)
LEARNING_RATE = 0.4


@functools.cache
def reference(case):
    weights, episodes = (f(case, "float64") for f in (inputs.initial_weights, inputs.episodes))
    step = baselines.unrolled(weights, case.steps, LEARNING_RATE, case.norm)
    return weights, episodes, *step(episodes)


@pytest.mark.parametrize("norm", ["affine", "transductive"])
@pytest.mark.parametrize("make", ["looped", "channels_last", "vmapped"])
def test_meta_gradients_are_those_of_the_plain_loop(make, norm):
    case = replace(CASE, norm=norm)
    weights, episodes, loss, gradients = reference(case)
    if make == "channels_last":
        make = functools.partial(torch_baselines.looped, memory_format=torch.channels_last)
    else:
        make = getattr(torch_baselines, make)
    step = make(weights, case.steps, LEARNING_RATE, norm)
    torch_loss, torch_gradients = step(torch_baselines.tasks_of(episodes))
    np.testing.assert_allclose(torch_loss, loss, rtol=1e-10)
    for theirs, mine in zip(torch_baselines.to_tensorflow(torch_gradients), gradients, strict=True):
        np.testing.assert_allclose(theirs, mine, rtol=1e-7, atol=1e-10)
    assert np.abs(gradients[0]).max() > 1e-4


def test_weights_there_and_back():
    weights = inputs.initial_weights(replace(CASE, side=48))
    weights[-2] = np.random.default_rng(0).random(weights[-2].shape).astype(np.float32)
    back = torch_baselines.to_tensorflow(torch_baselines.from_tensorflow(weights))
    for theirs, mine in zip(back, weights, strict=True):
        np.testing.assert_array_equal(theirs, mine)
