"""The correction of HIDRA's first step that is the same at any number of ways."""

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.adaptation.closed_form import first_step
from hidra_tf.heads.hyper_heads import AnyWayHyperHead
from hidra_tf.heads.midpoint_head import BIAS, SHARED, SPREAD, MidpointHyperHead
from hidra_tf.heads.neurons import HeadWeights

D, SHOTS, ALPHA = 4, 2, 0.3
# The inputs are the same for all numbers of ways between; these are quick.
WAYS, ROUNDING = (2, 3, 5, 10, 20, 50), 1e-6


def support(ways, seed=0, tasks=()):
    """Features [*tasks, N, D], not around 0, and labels [*tasks, N]."""
    rng = np.random.default_rng(seed)
    labels = np.broadcast_to(rng.permutation(np.repeat(np.arange(ways), SHOTS)), (*tasks, ways * 2))
    return tf.constant(rng.normal(1, 1, size=(*labels.shape, D))), tf.constant(labels)


def make_head(scale=1.0, enhancement=True, seed=0):
    """A head whose hypernetwork has no weight that is zero."""
    rng = np.random.default_rng(seed)
    head = MidpointHyperHead(D, 2, 16, enhancement, dtype="float64")
    for variable in head.trainable_variables:
        variable.assign(scale * rng.normal(size=variable.shape))
    return head


def updated(head, features, labels, ways):
    """Δ of the first step, and the step."""
    zeros = HeadWeights(tf.zeros((D, ways), tf.float64), tf.zeros(ways, tf.float64))
    step = first_step(zeros, features, labels, ALPHA)
    return head.update(step, tf.constant(ALPHA / ways, tf.float64), features, labels), step


def class_means(features, labels, ways):
    return np.stack([features.numpy()[labels.numpy() == c].mean(axis=0) for c in range(ways)])


@pytest.mark.parametrize("enhancement", [True, False])
@pytest.mark.parametrize("ways", [2, 3, 7])
def test_the_update_class_by_class(ways, enhancement):
    head = make_head(0.5, enhancement)
    features, labels = support(ways)
    update, step = updated(head, features, labels, ways)
    means = class_means(features, labels, ways)
    apart, middle = means - means.mean(axis=0), (means + means.mean(axis=0)) / 2
    fair = ways / (ways - 1)
    known = [means, apart * np.sqrt(fair)]
    if enhancement:
        # A class's own logit on its mean embedding less that on the mean of all, in the unit α/C·D.
        above = np.array([apart[c] @ (means[c] - means.mean(axis=0)) / D for c in range(ways)])
        known.append(fair * np.stack([above, np.full(ways, above.mean())], axis=1))
    answer = head.hypernetwork(tf.constant(np.concatenate(known, axis=1))).numpy()
    gains, bias = answer[:, :D], answer[:, D]
    shared = gains.mean()
    factors = np.exp(8 * np.tanh(shared / 8) + 2 * np.tanh((gains - shared) / 2))
    prototypes = ALPHA / ways * factors * apart
    np.testing.assert_allclose((step.kernel + update.kernel).numpy().T, prototypes, rtol=1e-9)
    biases = -2 * np.tanh(bias / 2) * (prototypes * middle).sum(axis=1)
    np.testing.assert_allclose(update.bias, biases, rtol=1e-9)


def test_the_update_follows_the_order_of_the_classes():
    head, order = make_head(), np.array([2, 0, 3, 1])
    features, labels = support(4)
    update, _ = updated(head, features, labels, 4)
    other, _ = updated(head, features, tf.constant(order[labels.numpy()]), 4)
    np.testing.assert_allclose(other.kernel.numpy()[:, order], update.kernel, rtol=1e-9)
    np.testing.assert_allclose(other.bias.numpy()[order], update.bias, rtol=1e-9)


def test_several_tasks_are_as_each_alone():
    head = make_head()
    features, labels = support(3, tasks=(2,))
    together, _ = updated(head, features, labels, 3)
    for task in range(2):
        alone, _ = updated(head, features[task], labels[task], 3)
        for ours, expected in zip(together, alone, strict=True):
            np.testing.assert_allclose(ours[task], expected, rtol=1e-9)


def test_nothing_is_said_before_a_training():
    head = MidpointHyperHead(D, 3, 5, dtype="float64")
    update, _ = updated(head, *support(3), 3)
    assert not np.any(update.kernel)
    assert not np.any(update.bias)


def test_no_gradient_passes_through_what_is_predicted():
    features, labels = support(3)
    head = make_head()
    with tf.GradientTape() as tape:
        tape.watch(features)
        said = head.predictions(features[:, :3], labels)
    assert tape.gradient(said, features) is None


@pytest.mark.parametrize("ways", WAYS)
def test_the_correction_is_bounded_whatever_the_weights(ways):
    """No number of ways takes the head further from HIDRA's first step than another."""
    features, labels = support(ways)
    means = class_means(features, labels, ways)
    middle = (means + means.mean(axis=0)) / 2
    for scale in (1, 10, 1000):
        update, step = updated(make_head(scale), features, labels, ways)
        factors = 1 + update.kernel / step.kernel
        logarithms = np.log(factors)
        assert np.all(np.abs(logarithms) <= SHARED + SPREAD + ROUNDING)
        assert np.ptp(logarithms) <= 2 * SPREAD + ROUNDING
        midpoint = np.sum((step.kernel + update.kernel).numpy().T * middle, axis=1)
        assert np.all(np.abs(update.bias) <= BIAS * np.abs(midpoint) + ROUNDING)
    # The largest weights go to the bounds: these are no wider than they say.
    assert np.ptp(logarithms) > 0.9 * SPREAD


@pytest.mark.parametrize("ways", WAYS)
def test_it_can_be_the_nearest_class_mean_at_every_number_of_ways(ways):
    """With one answer for all classes, of which the bias is the midpoint's."""
    head, said = MidpointHyperHead(D, 1, 1, dtype="float64"), np.array([-2, -0.2, 0.2, 2])
    metric = np.exp(SPREAD * np.tanh(said / SPREAD))
    head.hypernetwork.biases[0].assign([*said, BIAS * np.arctanh(1 / BIAS)])
    features, labels = support(ways)
    update, step = updated(head, features, labels, ways)
    queries, _ = support(ways, seed=1)
    logits = HeadWeights(step.kernel + update.kernel, update.bias).logits(queries)
    away = queries.numpy()[:, np.newaxis] - class_means(features, labels, ways)
    nearest = np.argmin((metric * away**2).sum(axis=-1), axis=-1)
    np.testing.assert_array_equal(np.argmax(logits, axis=-1), nearest)


def spreads(head, ways, tasks=4000):
    """Mean and standard deviation of what the hypernetwork sees of independent class means."""
    rng = np.random.default_rng(ways)
    means = rng.normal(1, 1, size=(tasks // ways, ways, D))
    seen = tf.concat(head.known(tf.constant(means)), axis=-1).numpy()
    vectors = seen.reshape(-1, head.vectors, D)
    return vectors.mean(axis=(0, 2)), vectors.std(axis=(0, 2))


@pytest.mark.parametrize("ways", WAYS)
def test_the_scale_of_what_it_sees_does_not_depend_on_the_number_of_ways(ways):
    mean, deviation = spreads(MidpointHyperHead(D, 1, 1, dtype="float64"), ways)
    np.testing.assert_allclose(mean, [1, 0], atol=0.05)
    np.testing.assert_allclose(deviation, [1, 1], atol=0.05)
    # The earlier form's means of the other classes vary the more the fewer these are.
    _, deviation = spreads(AnyWayHyperHead(D, 1, 1, dtype="float64"), ways)
    np.testing.assert_allclose(deviation[1], 1 / np.sqrt(ways - 1), rtol=0.1)


@pytest.mark.parametrize("ways", WAYS)
def test_so_it_is_with_what_it_sees_of_the_logits(ways):
    rng = np.random.default_rng(ways)
    tasks = 4000 // ways
    means = rng.normal(1, 1, size=(tasks, ways, D))
    apart = means - means.mean(axis=1, keepdims=True)
    scores = tf.constant(means @ apart.transpose(0, 2, 1) / D)
    labels = tf.constant(np.tile(np.arange(ways), (tasks, 1)))
    seen = MidpointHyperHead(D, 1, 1, dtype="float64").predictions(scores, labels)
    np.testing.assert_allclose(np.mean(seen, axis=(0, 1)), [1, 1], atol=0.06)
