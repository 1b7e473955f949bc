import math

import numpy as np
import pytest
import tensorflow as tf
from keras.optimizers.schedules import CosineDecay

from hidra_tf.training.optimizers import apply_clipped, make_optimizer
from hidra_tf.training.schedules import learning_rate


def rates(*arguments, **settings):
    schedule = learning_rate(*arguments, **settings)
    return [float(schedule(step)) for step in range(10)]


def test_cosine_falls_from_the_first_to_the_least():
    expected = [0.1 + 0.9 * (1 + math.cos(math.pi * t / 10)) / 2 for t in range(10)]
    np.testing.assert_allclose(rates("cosine", 1.0, 10, 0.1), expected, rtol=1e-5)


@pytest.mark.parametrize("warmup", [1, 4])
def test_cosine_rises_in_equal_steps_before_it_falls(warmup):
    rise = [(t + 1) / (warmup + 1) for t in range(warmup)]
    fall = 10 - warmup
    expected = rise + [0.1 + 0.9 * (1 + math.cos(math.pi * t / fall)) / 2 for t in range(fall)]
    ours = rates("cosine", 1.0, 10, 0.1, warmup=warmup)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_a_cosine_without_a_rise_is_what_it_was_bit_for_bit():
    plain = CosineDecay(0.3, 10, alpha=0.1 / 0.3)
    assert rates("cosine", 0.3, 10, 0.1) == [float(plain(t)) for t in range(10)]


def test_a_rise_leaves_steps_to_fall():
    with pytest.raises(ValueError, match=r"^warmup: expected fewer than the 10 steps; received 10"):
        learning_rate("cosine", 1.0, 10, warmup=10)


def test_milestones_are_the_first_updates_with_the_new_rate():
    ours = rates("multistep", 1.0, 10, milestones=(3, 7), gamma=0.5)
    np.testing.assert_allclose(ours, [1.0] * 3 + [0.5] * 4 + [0.25] * 3)


def test_constant_is_a_number():
    assert learning_rate("constant", 0.3, 10) == 0.3


@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_weights_decay_beside_the_step_and_rates_do_not(kind):
    """A gradient of zero leaves w ← w − β·λ·w, update by update, with the schedule's β."""
    weight, rate = tf.Variable([2.0, -1.0]), tf.Variable([3.0])
    optimizer = make_optimizer(
        [weight, rate],
        learning_rate("multistep", 0.5, 4, milestones=(1,), gamma=0.1),
        kind=kind,
        weight_decay=0.2,
        undecayed=[rate],
    )

    @tf.function
    def update():
        zeros = [tf.zeros(2), tf.zeros(1)]
        apply_clipped(optimizer, zeros, [weight, rate], 10.0)

    update()
    update()
    factor = (1 - 0.5 * 0.2) * (1 - 0.05 * 0.2)
    np.testing.assert_allclose(weight, factor * np.array([2.0, -1.0]), rtol=1e-6)
    np.testing.assert_array_equal(rate, [3.0])


def test_sgd_is_plain():
    weight = tf.Variable([2.0])
    optimizer = make_optimizer([weight], 0.5, kind="sgd")
    for _ in range(2):
        apply_clipped(optimizer, [tf.constant([1.0])], [weight], 0.0)
    np.testing.assert_allclose(weight, [1.0])


def test_an_unknown_schedule_is_refused():
    with pytest.raises(ValueError, match=r"^schedule: expected one of .*; received 'linear'$"):
        learning_rate("linear", 1e-3, 10)
