"""Student's t, and intervals of means whose variance has several parts."""

import math

import numpy as np
import pytest

from hidra_tf.evaluation.intervals import Estimate, Part, interval, student_t


@pytest.mark.parametrize("degrees", [1.0, 2.0, 2.7, 10.0, 599.0])
def test_t_leaves_five_per_cent_of_the_density_outside(degrees):
    """The integral of the density over −t … t, by Simpson's rule."""
    t = student_t(degrees)
    x = np.linspace(-t, t, 20_001)
    scale = math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)
    density = math.exp(scale) / math.sqrt(degrees * math.pi)
    values = density * (1 + x**2 / degrees) ** (-(degrees + 1) / 2)
    weights = np.r_[1, np.tile([4, 2], 9999), 4, 1] * (x[1] - x[0]) / 3
    assert np.dot(values, weights) == pytest.approx(0.95, abs=1e-9)


def test_t_has_the_values_of_tables():
    """From 1 degree of freedom, whose distribution is Cauchy's, to the normal distribution."""
    assert student_t(1) == pytest.approx(math.tan(0.475 * math.pi), abs=1e-9)
    assert student_t(4) == pytest.approx(2.7764451, abs=1e-6)
    assert student_t(1e12) == pytest.approx(1.959964, abs=1e-5)


@pytest.mark.parametrize("degrees", [0, 0.9, -1, math.nan])
def test_less_than_one_degree_is_refused(degrees):
    with pytest.raises(ValueError, match="degrees: expected 1 or more"):
        student_t(degrees)


def test_an_interval_by_hand():
    """t is 4.302653 at 2 degrees of freedom and 2.306004 at 8."""
    found = interval(0.5, [Part(3.0, 2), Part(1.0, 8)])
    expected = math.sqrt(3 * 4.302653**2 + 2.306004**2)
    assert found == Estimate(0.5, pytest.approx(expected, rel=1e-6))


def test_without_variance_the_interval_is_zero():
    assert interval(0.5, [Part(0.0, 2)]) == (0.5, 0.0)
