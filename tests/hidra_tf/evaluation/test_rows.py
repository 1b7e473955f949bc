"""Means with confidence intervals."""

import math

import numpy as np
import pytest

from hidra_tf.evaluation.rows import mean_and_ci95


def test_a_mean_and_its_interval_by_hand():
    """Sample variance (0.09 + 0.01 + 0.01 + 0.09) / 3 = 1/15; √(1/15 / 4) = 0.129."""
    mean, ci95 = mean_and_ci95(np.array([0.2, 0.4, 0.6, 0.8]))
    assert mean == pytest.approx(0.5)
    assert ci95 == pytest.approx(1.96 * math.sqrt(1 / 60))
    assert ci95 == pytest.approx(0.25303, abs=1e-5)


def test_equal_values_have_an_interval_of_zero():
    assert mean_and_ci95(np.array([0.25, 0.25])) == (0.25, 0.0)


def test_one_value_has_no_interval():
    assert mean_and_ci95(np.array([0.25])) == (0.25, None)
