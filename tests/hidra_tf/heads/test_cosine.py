"""Heads that compare angles, by NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.heads.cosine import (
    EPSILON,
    CosineHead,
    CosineWeights,
    class_directions,
    scale_of,
)


@pytest.mark.parametrize(("classes", "expected"), [(2, 2), (200, 2), (201, 10), (4112, 10)])
def test_many_classes_have_larger_logits(classes, expected):
    assert scale_of(classes, "float64").numpy() == expected
    assert scale_of(tf.constant(classes), "float64").numpy() == expected


@pytest.mark.parametrize("classes", [3, 201])
def test_logits_are_scaled_cosines(classes):
    rng = np.random.default_rng(0)
    features, directions = rng.normal(size=(4, 5)), rng.normal(size=(5, classes))
    lengths = rng.uniform(0.5, 2, classes)
    head = CosineWeights(tf.constant(directions), tf.constant(lengths))
    logits = head.logits(tf.constant(features))
    scale = 2 if classes == 3 else 10
    for i, f in enumerate(features):
        for c, v in enumerate(directions.T):
            cosine = f @ v / (np.linalg.norm(f) + EPSILON) / np.linalg.norm(v)
            np.testing.assert_allclose(logits[i, c], scale * lengths[c] * cosine, rtol=1e-12)
    # The lengths of the directions are not those of the neurons.
    longer = CosineWeights(tf.constant(7 * directions), tf.constant(lengths))
    np.testing.assert_allclose(longer.logits(tf.constant(features)), logits, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_features_that_are_all_zero_do_no_harm(dtype):
    features = tf.zeros((2, 3), dtype)
    with tf.GradientTape() as tape:
        tape.watch(features)
        head = class_directions(features, tf.constant([0, 1]), 2)
        logits = head.logits(features)
    assert np.all(np.isfinite(tape.gradient(logits, features)))
    np.testing.assert_allclose(logits, np.zeros((2, 2)), atol=1e-12)
    np.testing.assert_allclose(tf.norm(head.directions, axis=0), head.lengths, rtol=1e-6)


def test_a_classifier_begins_with_the_lengths_that_its_kernel_has():
    head = CosineHead(feature_size=64, ways=300, seed=1, dtype="float64")
    kernel = head.directions.numpy()
    np.testing.assert_allclose(head.lengths, np.linalg.norm(kernel, axis=0), rtol=1e-12)
    # Uniform in ±1/√D.
    assert 0.99 / 8 < np.max(np.abs(kernel)) <= 1 / 8
    np.testing.assert_allclose(np.mean(head.lengths.numpy() ** 2), 1 / 3, rtol=0.02)
    same, other = (CosineHead(64, 300, seed, "float64") for seed in (1, 2))
    np.testing.assert_array_equal(same.directions, kernel)
    assert not np.array_equal(other.directions, kernel)
    with pytest.raises(ValueError, match=r"^ways: expected an integer of at least 1; received 0$"):
        CosineHead(feature_size=64, ways=0)
