"""Turned classes, and minibatches of a whole pool."""

import numpy as np
import pytest
import tensorflow as tf

from data_gen.batches import BatchSampler
from data_gen.class_pool import ClassPool
from data_gen.episodes import EpisodeSampler
from data_gen.errors import UserError
from data_gen.rotations import RotatedPool, turned

COUNTS = (3, 4, 5)


@pytest.fixture(scope="module")
def pool():
    images = np.random.default_rng(0).integers(0, 256, (12, 6, 6, 1)).astype(np.uint8)
    return ClassPool(images, COUNTS, ("a", "b", "c"))


def where(pool, image):
    """Class and quarter turns of a picture."""
    for row, own in enumerate(pool.images):
        for turn in range(4):
            if np.array_equal(np.rint(255 * image), np.rot90(own, turn)):
                return int(np.searchsorted(pool.starts, row, side="right")) - 1, turn
    raise AssertionError("no picture of the pool")


def test_turns_are_numpys():
    images = np.random.default_rng(1).random((2, 4, 5, 5, 3))
    turns = np.array([[0, 1, 2, 3], [3, 3, 1, 0]])
    ours = turned(tf.constant(images), tf.constant(turns)).numpy()
    for index in np.ndindex(2, 4):
        np.testing.assert_array_equal(ours[index], np.rot90(images[index], turns[index]))


def test_a_rotated_pool_has_four_times_the_classes_and_no_more_pictures(pool):
    rotated = RotatedPool(pool)
    assert rotated.num_classes == 12
    assert rotated.counts == COUNTS * 4
    assert rotated.names[:4] == ("a@0", "b@0", "c@0", "a@90")
    assert rotated.starts[3:6].tolist() == [12, 15, 19]
    settings = ((2,), 1, 1, 1, 0, "meta_train")
    upright, turning = EpisodeSampler(pool, *settings), EpisodeSampler(rotated, *settings)
    assert turning._source._upright._images is upright._source._images


def test_pictures_that_stay_with_the_host_are_turned_alike(pool):
    settings = ((4,), 2, 1, 2, 5, "meta_train")
    samplers = [EpisodeSampler(RotatedPool(pool), *settings, where=w) for w in ("device", "host")]
    for step in (0, 1, 5):
        for ours, theirs in zip(*(sampler(step) for sampler in samplers), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_the_pictures_of_a_class_are_of_one_class_and_one_turn(pool):
    sampler = EpisodeSampler(RotatedPool(pool), (12,), 2, 1, 1, 7, "meta_train")
    batch = sampler(3)
    labels = np.concatenate([batch.support_labels[0], batch.query_labels[0]])
    images = np.concatenate([batch.support_images[0], batch.query_images[0]])
    sources = {}
    for label, image in zip(labels, images, strict=True):
        sources.setdefault(label, set()).add(where(pool, image))
    assert all(len(found) == 1 for found in sources.values())
    assert len(set.union(*sources.values())) == 12


def test_pictures_that_are_not_square_cannot_be_turned():
    oblong = ClassPool(np.zeros((2, 4, 6, 1), np.uint8), (1, 1), ("a", "b"))
    with pytest.raises(UserError, match="rotations: expected square pictures, received 4 × 6"):
        RotatedPool(oblong)


@pytest.mark.parametrize("rotated", [False, True])
def test_minibatches_know_the_class_of_every_picture(pool, rotated):
    sampler = BatchSampler(RotatedPool(pool) if rotated else pool, 40, seed=3)
    batch = sampler(5)
    assert batch.images.shape == (40, 6, 6, 1)
    for image, label in zip(batch.images.numpy(), batch.labels.numpy(), strict=True):
        own, turn = where(pool, image)
        assert label == own + 3 * turn
    assert set(batch.labels.numpy()) <= set(range(12 if rotated else 3))


def test_minibatches_are_a_function_of_seed_and_step(pool):
    sampler = BatchSampler(pool, 20, seed=3)
    compiled = tf.function(sampler)
    labels = sampler(5).labels
    np.testing.assert_array_equal(compiled(tf.constant(5)).labels, labels)
    others = (sampler(6).labels, BatchSampler(pool, 20, seed=4)(5).labels)
    assert all(np.any(labels != other) for other in others)


def test_every_picture_is_as_likely_as_any_other(pool):
    labels = BatchSampler(pool, 6000, seed=0)(0).labels.numpy()
    expected = 6000 * np.array(COUNTS) / 12
    assert np.all(np.abs(np.bincount(labels) - expected) < 5 * np.sqrt(expected))
