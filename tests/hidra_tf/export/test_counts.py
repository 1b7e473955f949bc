import statistics

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.export.counts import pictures_per_class


@pytest.mark.parametrize("counts", [(1, 1), (5, 5, 5), (1, 10, 4), (2, 50)])
def test_the_number_of_pictures_is_that_of_the_classifier(counts):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    found = pictures_per_class(tf.constant(labels), len(counts), "float64")
    assert float(found) == pytest.approx(statistics.harmonic_mean(counts), rel=1e-12)
