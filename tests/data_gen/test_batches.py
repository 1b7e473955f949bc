"""Minibatches of a whole pool, the same ones in a run that is continued or repeated."""

import numpy as np
import pytest
import tensorflow as tf

from data_gen.batches import BatchSampler
from data_gen.class_pool import ClassPool
from data_gen.rotations import RotatedPool


@pytest.mark.parametrize(
    ("seed", "step", "rows"),
    [
        (0, 0, [91, 143, 79, 58, 186, 162]),
        (0, 7, [183, 193, 22, 49, 156, 50]),
        (2**40 + 5, 0, [146, 7, 188, 105, 167, 165]),
        (-1, 3, [18, 1, 0, 136, 116, 41]),
    ],
)
def test_minibatches_stay_what_they_were(seed, step, rows):
    images = np.arange(200, dtype=np.uint8).reshape(-1, 1, 1, 1)
    pool = ClassPool(images, (2,) * 100, tuple(map(str, range(100))))
    batch = BatchSampler(pool, 6, seed)(step)
    np.testing.assert_array_equal(np.rint(batch.images.numpy().ravel() * 255), rows)
    np.testing.assert_array_equal(batch.labels, np.array(rows) // 2)


@pytest.mark.parametrize("rotated", [False, True])
def test_minibatches_know_the_class_of_every_picture(small_pool, class_and_turn, rotated):
    sampler = BatchSampler(RotatedPool(small_pool) if rotated else small_pool, 40, seed=3)
    batch = sampler(5)
    assert batch.images.shape == (40, 6, 6, 1)
    for image, label in zip(batch.images.numpy(), batch.labels.numpy(), strict=True):
        own, turn = class_and_turn(image)
        assert label == own + 3 * turn
    assert set(batch.labels.numpy()) <= set(range(12 if rotated else 3))


def test_minibatches_are_a_function_of_seed_and_step(small_pool):
    sampler = BatchSampler(small_pool, 20, seed=3)
    compiled = tf.function(sampler)
    labels = sampler(5).labels
    np.testing.assert_array_equal(compiled(tf.constant(5)).labels, labels)
    others = (sampler(6).labels, BatchSampler(small_pool, 20, seed=4)(5).labels)
    assert all(np.any(labels != other) for other in others)


def test_every_picture_is_as_likely_as_any_other(small_pool):
    labels = BatchSampler(small_pool, 6000, seed=0)(0).labels.numpy()
    expected = 6000 * np.array(small_pool.counts) / 12
    assert np.all(np.abs(np.bincount(labels) - expected) < 5 * np.sqrt(expected))
