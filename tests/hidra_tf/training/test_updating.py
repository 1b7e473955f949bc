"""The optimizers against the update rules of PyTorch's, written out in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.training.optimizers import apply_clipped, make_optimizer
from hidra_tf.training.schedules import learning_rate

START = [np.array([1.0, -2.0]), np.array([0.5]), np.array([3.0])]
UPDATES = 6
# Powers of two, for Keras keeps rates in float32.
RATE, GAMMA, MILESTONE, FACTOR = 0.25, 0.5, 3, 8.0
LAMBDA, MOMENTUM, CLIP = 0.03, 0.9, 1.5


def gradients():
    """Gradients of both variables for each update, some of them longer than `CLIP`."""
    rng = np.random.default_rng(0)
    return [[rng.normal(size=w.shape) for w in START] for _ in range(UPDATES)]


def rate(update):
    return RATE if update < MILESTONE else GAMMA * RATE


def trained(kind, clip=CLIP, **settings):
    """The weights after all updates: the second is a head's, the third a rate without decay."""
    variables = [tf.Variable(w) for w in START]
    schedule = learning_rate("multistep", RATE, UPDATES, milestones=(MILESTONE,), gamma=GAMMA)
    optimizer = make_optimizer(
        variables,
        schedule,
        kind=kind,
        head=variables[1:2],
        undecayed=variables[2:],
        head_factor=FACTOR,
        **settings,
    )
    update = tf.function(lambda *g: apply_clipped(optimizer, g, variables, clip))
    for given in gradients():
        update(*map(tf.constant, given))
    return [variable.numpy() for variable in variables]


def clipped(gradient):
    return gradient * min(1.0, CLIP / np.linalg.norm(gradient))


@pytest.mark.parametrize(
    ("momentum", "nesterov"), [(0.0, False), (MOMENTUM, False), (MOMENTUM, True)]
)
@pytest.mark.parametrize("l2", [0.0, LAMBDA])
def test_sgd_is_pytorchs_while_its_rate_changes(momentum, nesterov, l2):
    """PyTorch: g ← g + λw; b ← μb + g, in the first update b ← g; g ← g + μb or b; w ← w − βg."""
    expected = []
    for number, w in enumerate(START):
        buffer = None
        for update, given in enumerate(gradients()):
            g = clipped(given[number]) + (l2 * w if number < 2 else 0)
            if momentum:
                buffer = g if buffer is None else momentum * buffer + g
                g = g + momentum * buffer if nesterov else buffer
            w = w - (FACTOR if number == 1 else 1) * rate(update) * g
        expected.append(w)
    found = trained("sgd", momentum=momentum, nesterov=nesterov, l2=l2)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_adam_takes_coupled_decay_through_its_moments_and_decoupled_beside_them():
    """The rule of PyTorch's Adam and AdamW, with the place of ε that TensorFlow has."""
    for l2, decay in ((LAMBDA, 0.0), (0.0, LAMBDA), (LAMBDA, LAMBDA)):
        expected = []
        for number, w in enumerate(START):
            m, v = 0.0, 0.0
            for update, given in enumerate(gradients()):
                beta = (FACTOR if number == 1 else 1) * rate(update)
                spared = number == 2
                # Keras decays first; PyTorch's AdamW does, too.
                w = w - (0 if spared else beta * decay * w)
                g = clipped(given[number]) + (0 if spared else l2 * w)
                m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
                t = update + 1
                w = w - beta * (m / (1 - 0.9**t)) / np.sqrt(v / (1 - 0.999**t))
            expected.append(w)
        found = trained("adam", l2=l2, weight_decay=decay)
        for ours, theirs in zip(found, expected, strict=True):
            # Keras keeps β₂ in float32, which leaves 1 − β₂ five digits.
            np.testing.assert_allclose(ours, theirs, rtol=1e-4)


def test_a_fallen_rate_counts_at_once_where_kerass_momentum_keeps_the_old_one():
    """Without gradients: PyTorch's step is β·μⁿ, whatever the rates before were."""
    weight = tf.Variable(np.array([0.0]))
    schedule = learning_rate("multistep", 1.0, 4, milestones=(1,), gamma=0.125)
    optimizer = make_optimizer([weight], schedule, kind="sgd", momentum=0.5)
    apply_clipped(optimizer, [tf.constant([1.0], tf.float64)], [weight], 0.0)
    np.testing.assert_array_equal(weight, [-1.0])
    apply_clipped(optimizer, [tf.zeros(1, tf.float64)], [weight], 0.0)
    np.testing.assert_array_equal(weight, [-1.0 - 0.125 * 0.5])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "sgd", "momentum": 1.0}, "^momentum: expected a number below 1; received 1.0$"),
        ({"kind": "adam", "momentum": 0.9}, "^momentum: expected none with kind='adam'"),
        ({"kind": "sgd", "nesterov": True}, "^nesterov: expected with a momentum above 0"),
        ({"kind": "sgd", "l2": -1.0}, "^l2: expected a finite number of 0 or more"),
        ({"kind": "sgd", "momentum": float("nan")}, "^momentum: expected a finite number"),
        ({"kind": "adam", "head_factor": 0.0}, "^head_factor: expected a finite number above 0"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make_optimizer([tf.Variable(1.0)], 1e-3, **settings)
