import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.training.optimizers import apply_clipped, make_optimizer


def test_clipping_and_adam_against_numpy():
    """Two updates of Kingma and Ba's algorithm, with the first gradient clipped to norm 1."""
    variable = tf.Variable([1.0, -2.0], dtype=tf.float64)
    optimizer = make_optimizer([variable], 0.1, epsilon=1e-8)
    value, m, v = np.array([1.0, -2.0]), 0.0, 0.0
    for t, gradient in enumerate([np.array([3.0, 4.0]), np.array([0.1, -0.2])], start=1):
        apply_clipped(optimizer, [tf.constant(gradient)], [variable], clip_norm=1.0)
        clipped = gradient / max(1.0, np.linalg.norm(gradient))
        m, v = 0.9 * m + 0.1 * clipped, 0.999 * v + 0.001 * clipped**2
        # Epsilon beside the uncorrected √v, as TensorFlow has always had it. Keras keeps β₂ in
        # float32, which leaves 1 − β₂ five digits.
        value = value - 0.1 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-8)
        np.testing.assert_allclose(variable.numpy(), value, rtol=1e-5)


def test_clip_norm_zero_leaves_gradients_alone():
    clipped, free = (tf.Variable([0.0, 0.0]) for _ in range(2))
    for variable, clip_norm in ((clipped, 1e-12), (free, 0.0)):
        optimizer = make_optimizer([variable], 0.1)
        apply_clipped(optimizer, [tf.constant([3.0, 4.0])], [variable], clip_norm)
    assert np.all(np.abs(free.numpy()) > 2 * np.abs(clipped.numpy()))


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"^kind: expected one of adam, sgd; received 'adamw'$"):
        make_optimizer([tf.Variable(1.0)], 1e-3, kind="adamw")


@pytest.mark.parametrize("value", [-1e-3, float("nan"), float("inf"), "fast"])
def test_rates_and_factors_that_cannot_be_meant_are_refused(value):
    with pytest.raises(ValueError, match=r"^learning_rate: expected a finite number"):
        make_optimizer([tf.Variable(1.0)], value)
    with pytest.raises(ValueError, match=r"^weight_decay: expected a finite number"):
        make_optimizer([tf.Variable(1.0)], 1e-3, weight_decay=value)
