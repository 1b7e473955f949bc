"""What hypernetworks are told of a class and what is made of their answer, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.adaptation.closed_form import first_step
from hidra_tf.heads.hyper_heads import AnyWayHyperHead, HyperHead
from hidra_tf.heads.neurons import HeadWeights

D, SHOTS, ALPHA = 4, 2, 0.3


def support(ways, seed=0):
    """Features [N, D] and labels [N], the classes in no order."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(ways), SHOTS))
    return rng.normal(size=(ways * SHOTS, D)), labels


def loudly(head, seed=0):
    """The head with no weight that is zero."""
    rng = np.random.default_rng(seed)
    for variable in head.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    return head


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def answer(head, known):
    """The hypernetwork's answer to a matrix [C, I], as kernel [D, C] and bias [C]."""
    outputs = head.hypernetwork(tf.constant(known)).numpy()
    return outputs[:, :D].T, outputs[:, D]


@pytest.mark.parametrize("enhancement", [True, False])
def test_hypermamls_update_is_that_of_equation_5(enhancement):
    ways = 3
    head = loudly(HyperHead(D, ways, 2, 5, enhancement, dtype="float64"))
    features, labels = support(ways)
    universal = head.initial(ways)
    predicted = softmax(features @ universal.kernel.numpy() + universal.bias.numpy())
    rows = []
    for c in range(ways):
        own = labels == c
        row = [features[own].mean(axis=0)]
        if enhancement:
            row += [predicted[own].mean(axis=0), np.eye(ways)[c]]
        rows.append(np.concatenate(row))
    update = head.update(universal, tf.constant(features), tf.constant(labels))
    for ours, expected in zip(update, answer(head, np.stack(rows)), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-10)


def any_way_update(head, features, labels, ways):
    """The update as `HyperHidra` asks for it."""
    zeros = HeadWeights(tf.zeros((D, ways), tf.float64), tf.zeros(ways, tf.float64))
    features, labels = tf.constant(features), tf.constant(labels)
    step = first_step(zeros, features, labels, ALPHA)
    unit = tf.constant(ALPHA / ways, tf.float64)
    return head.update(step, unit, features, labels), step


@pytest.mark.parametrize("enhancement", [True, False])
@pytest.mark.parametrize("ways", [2, 3, 7])
def test_hyperhidras_update_class_by_class(ways, enhancement):
    """One network for every number of classes."""
    head = loudly(AnyWayHyperHead(D, 3, 5, enhancement, dtype="float64"))
    features, labels = support(ways)
    update, step = any_way_update(head, features, labels, ways)
    means = np.stack([features[labels == c].mean(axis=0) for c in range(ways)])
    scores = (features @ step.kernel.numpy() + step.bias.numpy()) * ways / ALPHA / D
    rows = []
    for c in range(ways):
        others = np.arange(ways) != c
        row = [means[c], means[others].mean(axis=0), means[others].var(axis=0)]
        if enhancement:
            logits = scores[labels == c].mean(axis=0)
            row.append([logits[c], np.sqrt(np.mean(logits[others] ** 2))])
        rows.append(np.concatenate(row))
    gains, bias = answer(head, np.stack(rows))
    prototypes = (means - means.mean(axis=0)).T
    np.testing.assert_allclose(update.kernel, ALPHA / ways * gains * prototypes, rtol=1e-9)
    np.testing.assert_allclose(update.bias, ALPHA / ways * D * bias, rtol=1e-9)


ORDER = np.array([2, 0, 3, 1])


def test_hyperhidras_update_follows_the_order_of_the_classes():
    head = loudly(AnyWayHyperHead(D, 3, 5, dtype="float64"))
    features, labels = support(4)
    kernel, bias = any_way_update(head, features, labels, 4)[0]
    other_kernel, other_bias = any_way_update(head, features, ORDER[labels], 4)[0]
    np.testing.assert_allclose(other_kernel.numpy()[:, ORDER], kernel, rtol=1e-9)
    np.testing.assert_allclose(other_bias.numpy()[ORDER], bias, rtol=1e-9)


@pytest.mark.parametrize("enhancement", [True, False])
def test_hypermamls_follows_it_only_where_classes_have_no_numbers(enhancement):
    """As published: one network for all classes, but with the enhancement it is told which."""
    head = loudly(HyperHead(D, 4, 3, 5, enhancement, dtype="float64"))
    features, labels = support(4)
    kernels = [
        head.update(head.initial(4), tf.constant(features), tf.constant(named)).kernel.numpy()
        for named in (labels, ORDER[labels])
    ]
    assert np.allclose(kernels[1][:, ORDER], kernels[0]) != enhancement


def test_several_tasks_are_as_each_alone():
    ways = 3
    features, labels = map(np.stack, zip(support(ways, 1), support(ways, 2), strict=True))
    published = loudly(HyperHead(D, ways, 2, 5, dtype="float64"))
    together = published.update(published.initial(ways), tf.constant(features), tf.constant(labels))
    ours = loudly(AnyWayHyperHead(D, 2, 5, dtype="float64"))
    batched = any_way_update(ours, features, labels, ways)[0]
    for task in range(2):
        alone = published.update(
            published.initial(ways), tf.constant(features[task]), tf.constant(labels[task])
        )
        np.testing.assert_allclose(together.kernel[task], alone.kernel, rtol=1e-10)
        alone = any_way_update(ours, features[task], labels[task], ways)[0]
        np.testing.assert_allclose(batched.bias[task], alone.bias, rtol=1e-10)


def test_no_gradient_passes_through_what_is_predicted():
    features, labels = (tf.constant(array) for array in support(3))
    published = HyperHead(D, 3, 2, 5, dtype="float64")
    ours = AnyWayHyperHead(D, 2, 5, dtype="float64")
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(features)
        universal = published.initial(3)
        predicted = published.predictions(universal, features)
        said = ours.predictions(features[:, :3], labels)
        update = published.update(universal, features, labels).kernel
    assert tape.gradient(predicted, features) is None
    assert tape.gradient(said, features) is None
    # The universal classifier is seen in nothing but its predictions.
    for variable in published.neurons.trainable_variables:
        assert tape.gradient(update, variable) is None
    assert tape.gradient(update, features) is not None


def test_hyperhidra_says_nothing_before_it_is_trained():
    head = AnyWayHyperHead(D, 3, 5, dtype="float64")
    update, _ = any_way_update(head, *support(3), 3)
    assert not np.any(update.kernel)
    assert not np.any(update.bias)
