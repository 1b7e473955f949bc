"""Turned classes."""

import numpy as np
import pytest
import tensorflow as tf

from data_gen.class_pool import ClassPool
from data_gen.episodes import EpisodeSampler
from data_gen.errors import UserError
from data_gen.rotations import RotatedPool, turned


def test_turns_are_numpys():
    images = np.random.default_rng(1).random((2, 4, 5, 5, 3))
    turns = np.array([[0, 1, 2, 3], [3, 3, 1, 0]])
    ours = turned(tf.constant(images), tf.constant(turns)).numpy()
    for index in np.ndindex(2, 4):
        np.testing.assert_array_equal(ours[index], np.rot90(images[index], turns[index]))


def test_a_rotated_pool_has_four_times_the_classes_and_no_more_pictures(small_pool):
    rotated = RotatedPool(small_pool)
    assert rotated.num_classes == 12
    assert rotated.counts == small_pool.counts * 4
    assert rotated.names[:4] == ("a@0", "b@0", "c@0", "a@90")
    assert rotated.starts[3:6].tolist() == [12, 15, 19]
    settings = ((2,), 1, 1, 1, 0, "meta_train")
    upright, turning = EpisodeSampler(small_pool, *settings), EpisodeSampler(rotated, *settings)
    assert turning._source._upright._images is upright._source._images


def test_pictures_that_stay_with_the_host_are_turned_alike(small_pool):
    settings = ((4,), 2, 1, 2, 5, "meta_train")
    samplers = [
        EpisodeSampler(RotatedPool(small_pool), *settings, where=w) for w in ("device", "host")
    ]
    for step in (0, 1, 5):
        for ours, theirs in zip(*(sampler(step) for sampler in samplers), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_the_pictures_of_a_class_are_of_one_class_and_one_turn(small_pool, class_and_turn):
    settings = (RotatedPool(small_pool), (12,), 2, 1, 1, 7, "meta_train")
    batch = EpisodeSampler(*settings, tell_classes=True)(3)
    for ours, untold in zip(batch[:5], EpisodeSampler(*settings)(3), strict=True):
        np.testing.assert_array_equal(ours, untold)
    labels = np.concatenate([batch.support_labels[0], batch.query_labels[0]])
    images = np.concatenate([batch.support_images[0], batch.query_images[0]])
    sources = {}
    for label, image in zip(labels, images, strict=True):
        sources.setdefault(label, set()).add(class_and_turn(image))
    assert all(len(found) == 1 for found in sources.values())
    assert len(set.union(*sources.values())) == 12
    # Each turn of a class is a class of its own, and the meta-batch tells which.
    told = batch.classes.numpy()[0]
    assert sorted(told) == list(range(12))
    for label, ((upright, turn),) in sources.items():
        assert told[label] == 3 * turn + upright


def test_pictures_that_are_not_square_cannot_be_turned():
    oblong = ClassPool(np.zeros((2, 4, 6, 1), np.uint8), (1, 1), ("a", "b"))
    with pytest.raises(UserError, match="rotations: expected square pictures, received 4 × 6"):
        RotatedPool(oblong)
    vectors = ClassPool(np.zeros((2, 4), np.float32), (1, 1), ("a", "b"))
    with pytest.raises(UserError, match="rotations: expected square pictures, received vectors"):
        RotatedPool(vectors)
