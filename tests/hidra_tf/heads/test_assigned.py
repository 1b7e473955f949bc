"""Assignments of classes to neurons: distinct, without overlap, drawn anew for each meta-update."""

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.heads.assigned import AssignedHead


@pytest.mark.parametrize(
    ("ways", "assignments", "shape"),
    [(3, None, (2, 3)), (8, None, (1, 8)), (5, None, (1, 5)), (2, 3, (3, 2)), (3, 9, (2, 3))],
)
def test_as_many_assignments_as_do_not_overlap(ways, assignments, shape):
    head = AssignedHead(feature_size=2, outputs=8, assignments=assignments)
    drawn = head.draw(ways, step=4).numpy()
    assert drawn.shape == shape
    assert len(set(drawn.ravel())) == drawn.size
    assert set(drawn.ravel()) <= set(range(8))


def test_every_neuron_is_as_likely_as_any_other():
    head, counts = AssignedHead(feature_size=2, outputs=5), np.zeros((3, 5))
    draws = tf.function(lambda: tf.map_fn(lambda step: head.draw(3, step)[0], tf.range(300)))()
    for drawn in draws.numpy():
        counts[range(3), drawn] += 1
    # Five deviations of a binomial distribution of 300 draws.
    assert np.all(np.abs(counts - 60) < 5 * np.sqrt(300 * 0.2 * 0.8))


def test_a_meta_update_has_its_own_draw_whatever_the_seed():
    head, other = (AssignedHead(feature_size=2, outputs=9, seed=seed) for seed in (0, 1))
    draws = [head.draw(4, step).numpy().tolist() for step in range(5)]
    assert draws == [other.draw(4, step).numpy().tolist() for step in range(5)]
    assert len(set(map(str, draws))) == 5
    assert np.all(head.neurons.kernel.numpy() != other.neurons.kernel.numpy())


def test_the_neurons_are_those_that_were_drawn():
    head = AssignedHead(feature_size=3, outputs=7, seed=2, dtype="float64")
    head.neurons.bias.assign(np.arange(7.0))
    for weights, step in ((head.initial(2), 0), (head.at(2, 5), 5)):
        for j, neurons in enumerate(head.draw(2, step).numpy()):
            np.testing.assert_array_equal(
                weights.kernel[j], head.neurons.kernel.numpy()[:, neurons]
            )
            np.testing.assert_array_equal(weights.bias[j], neurons)


@pytest.mark.parametrize("wrong", [{"outputs": 1}, {"assignments": 0}])
def test_too_few_of_something_are_refused(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"^{name}: expected an integer of at least"):
        AssignedHead(feature_size=2, **wrong)
