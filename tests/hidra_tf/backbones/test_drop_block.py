"""DropBlock: when it acts, what it drops, and that the same pictures lose the same again."""

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.backbones.drop_block import Digest, DropBlock, meta_training

SHAPE = (8, 12, 12, 16)


def dropped(rate=0.2, size=3, seed=1, digest=5, shape=SHAPE):
    """Ones, after DropBlock."""
    with meta_training():
        return DropBlock(rate, size, seed)([tf.ones(shape), tf.constant(digest)]).numpy()


def test_it_acts_in_meta_training_only():
    layer, inputs = DropBlock(0.5, 3, 0), [tf.ones(SHAPE), tf.constant(1)]
    for training in (True, False):
        np.testing.assert_array_equal(layer(inputs, training=training), inputs[0])
    compiled = tf.function(lambda: layer(inputs))
    with meta_training():
        assert np.any(compiled() == 0)
    assert np.any(compiled() == 0), "what was compiled for meta-training"
    np.testing.assert_array_equal(layer(inputs), inputs[0])


@pytest.mark.parametrize("size", [1, 3])
def test_about_the_rate_is_dropped_and_the_mean_is_kept(size):
    outputs = dropped(size=size)
    # Squares overlap, so that somewhat less than the rate is dropped.
    assert 0.15 < np.mean(outputs == 0) < 0.21
    np.testing.assert_allclose(outputs.mean(), 1, rtol=1e-5)


def test_squares_are_dropped():
    """Every place that is dropped lies in a 3 × 3 square of them."""
    zero = dropped() == 0
    windows = np.lib.stride_tricks.sliding_window_view(zero, (3, 3), axis=(1, 2)).all((-1, -2))
    covered = np.zeros(SHAPE, bool)
    for row, column in np.ndindex(3, 3):
        covered[:, row : row + 10, column : column + 10] |= windows
    np.testing.assert_array_equal(zero, covered)


def test_squares_are_no_larger_than_the_activations():
    outputs = dropped(size=5, shape=(400, 2, 2, 1))
    assert set(np.unique((outputs == 0).sum(axis=(1, 2, 3)))) == {0, 4}


def test_seed_and_digest_decide_what_is_dropped():
    np.testing.assert_array_equal(dropped(), dropped())
    assert np.any(dropped() != dropped(seed=2))
    assert np.any(dropped() != dropped(digest=6))


def test_digests_tell_pictures_apart():
    images = np.random.default_rng(0).random((20, 4, 4, 1))
    digests = {int(Digest()(tf.constant(i))) for i in images}
    assert len(digests) == 20
    assert int(Digest()(tf.constant(images[3]))) in digests


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_a_rate_that_cannot_be_is_refused(rate):
    with pytest.raises(ValueError, match=f"less than 1, received {rate}"):
        DropBlock(rate, 1, 0)
