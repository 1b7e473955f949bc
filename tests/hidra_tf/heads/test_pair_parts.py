"""Pairs in parts are all pairs, in their order."""

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.heads import pair_parts


@pytest.mark.parametrize("pairs", [2, 3, 7, 15, 31, 100])
def test_a_part_has_no_more_pairs_than_it_may_and_no_pair_is_left_out(pairs, monkeypatch):
    """Each map is a number of its own, and so is each pair."""
    monkeypatch.setattr(pair_parts, "AT_ONCE", pairs * 2)
    classes = np.arange(9).reshape(3, 3, 1, 1, 1) * np.ones(2)
    images = 100 * np.arange(15).reshape(3, 5, 1, 1, 1) * np.ones(2)
    sizes = []

    def compare(own, others):
        scores = tf.reshape(own[:, np.newaxis] + others[:, :, np.newaxis], (-1, 2))
        sizes.append(len(scores))
        return scores[:, :1]

    scores = pair_parts.in_parts(compare, tf.constant(classes), tf.constant(images), (1,))
    expected = (classes[:, np.newaxis] + images[:, :, np.newaxis])[..., 0].ravel()
    np.testing.assert_array_equal(scores[:, 0], expected)
    # An image is compared with all classes of its task.
    assert max(sizes) <= max(pairs, 3)
    assert len(sizes) == {2: 15, 3: 15, 7: 9, 15: 3, 31: 2, 100: 1}[pairs]
