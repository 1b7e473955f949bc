import numpy as np
import pytest

torch = pytest.importorskip("torch")

from benchmarks import baselines, torch_baselines  # noqa: E402 — only where there is torch

SIDE, CHANNELS, FILTERS, WAYS, LEARNING_RATE = 32, 3, 3, 3, 0.4


@pytest.fixture(scope="module")
def episodes():
    """Two tasks of coarse patterns, whose features differ."""
    rng = np.random.default_rng(0)

    def images():
        return rng.random((2, 2 * WAYS, 8, 8, CHANNELS)).repeat(4, axis=2).repeat(4, axis=3)

    labels = np.tile(np.repeat(np.arange(WAYS, dtype=np.int32), 2), (2, 1))
    return images(), labels, images(), labels


@pytest.mark.parametrize("norm", ["affine", "transductive"])
@pytest.mark.parametrize("make", ["looped", "channels_last", "vmapped"])
def test_meta_gradients_are_those_of_the_plain_loop(make, norm, episodes):
    """With features of 2 × 2 pixels, whose order differs, and two steps, which move everything."""
    weights = baselines.initial_weights(SIDE, CHANNELS, FILTERS, WAYS, norm, "float64")
    loss, gradients = baselines.unrolled(weights, 2, LEARNING_RATE, norm)(episodes)
    if make == "channels_last":
        step = torch_baselines.looped(weights, 2, LEARNING_RATE, norm, torch.channels_last)
    else:
        step = getattr(torch_baselines, make)(weights, 2, LEARNING_RATE, norm)
    torch_loss, torch_gradients = step(torch_baselines.tasks_of(episodes))
    np.testing.assert_allclose(torch_loss, loss, rtol=1e-10)
    for theirs, mine in zip(torch_baselines.to_tensorflow(torch_gradients), gradients, strict=True):
        np.testing.assert_allclose(theirs, mine, rtol=1e-7, atol=1e-10)
    assert np.abs(gradients[0]).max() > 1e-4


def test_weights_there_and_back():
    weights = baselines.initial_weights(48, CHANNELS, FILTERS, WAYS)
    weights[-2] = np.random.default_rng(0).random(weights[-2].shape).astype(np.float32)
    back = torch_baselines.to_tensorflow(torch_baselines.from_tensorflow(weights))
    for theirs, mine in zip(back, weights, strict=True):
        np.testing.assert_array_equal(theirs, mine)
