"""Unequal numbers of support pictures: each class weighs the same, in every method."""

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.methods import METHODS, build

WAYS = 3
# Class 0 has one picture, the others two; then every class has two, those of class 0 being equal.
ONCE, TWICE = [0, 2, 3, 4, 5], [0, 0, 2, 3, 4, 5]


@pytest.fixture
def make_task(make_episodes):
    def make(chosen):
        episodes = make_episodes(WAYS, 2, 2)
        return episodes._replace(
            support_images=tf.gather(episodes.support_images, chosen, axis=1),
            support_labels=tf.gather(episodes.support_labels, chosen, axis=1),
        )

    return make


# What a method needs to be compared: a minibatch may hold one of two equal pictures alone, and a
# relation module of so few channels happens to be dead with the seed of the others.
OPTIONS = {"baseline_pp": {"head_batch": 0}, "relation_net": {"seed": 7}}


@pytest.mark.parametrize("name", METHODS)
def test_a_picture_of_a_class_counts_as_much_as_the_same_picture_twice(
    name, make_task, make_backbone, rows
):
    """Exact where no picture's features depend on another's, for the closed form and the steps."""
    options = {"seed": 5, **rows[name].settings, **OPTIONS.get(name, {})}
    method = build(name, make_backbone("affine"), InnerLoop(2, 0.3), (WAYS,), **options)
    once, twice = (method.predictions(make_task(c), [0, 1, 2]) for c in (ONCE, TWICE))
    np.testing.assert_allclose(once.logits, twice.logits, rtol=1e-9, atol=1e-10)
    for metric in method.metrics:
        np.testing.assert_allclose(
            once.metrics[metric], twice.metrics[metric], rtol=1e-7, atol=1e-9
        )
    # Two different pictures say more than one of them.
    other = method.predictions(make_task([0, 1, 2, 3, 4, 5]), [2]).logits
    assert np.max(np.abs(other[:, 0] - once.logits[:, 2])) > 1e-6
