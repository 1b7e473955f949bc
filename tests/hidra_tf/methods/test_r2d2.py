"""R2-D2 against the normal equations in NumPy: few and many pictures, equal and unequal shots."""

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.adaptation.class_balance import picture_weights
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.methods import build
from hidra_tf.methods.r2d2 import RidgeSolver, ridge_regression

WAYS, SIZE, RIDGE = 3, 4, 0.3


def by_hand(features, labels, weights, ridge):
    """argmin Σ_i w_i·‖x_i W − y_i‖² + λ‖W‖², from (XᵀDX + λI) W = XᵀDY."""
    rows = np.concatenate([features, np.ones((len(features), 1))], axis=1)
    weighted = rows.T * weights
    return np.linalg.solve(
        weighted @ rows + ridge * np.eye(rows.shape[1]), weighted @ np.eye(WAYS)[labels]
    )


@pytest.mark.parametrize(
    "labels",
    [[0, 1, 2], [2, 1, 0, 1, 0, 2], [0, 0, 0, 0, 1, 2, 2], [0, 2, 1, 1]],
    ids=["few", "many", "many_unequal", "few_unequal"],
)
def test_the_solution_is_that_of_the_normal_equations(labels):
    labels, rng = np.array(labels), np.random.default_rng(len(labels))
    features = rng.normal(size=(2, len(labels), SIZE))
    solver = RidgeSolver(RIDGE, 1.0, "float64")
    kernel, bias = solver.fit(tf.constant(features), tf.constant([labels] * 2), WAYS)
    weights = 1 / (WAYS * np.bincount(labels)[labels])
    for task in range(2):
        expected = by_hand(features[task], labels, weights, RIDGE)
        found = np.concatenate([kernel[task], bias[task][None]])
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_with_equal_shots_all_pictures_weigh_the_same():
    even, uneven = (
        picture_weights(tf.constant(labels), 2, tf.float64) / len(labels)
        for labels in ([0, 1, 1, 0], [0, 1, 1])
    )
    np.testing.assert_array_equal(even, [0.25] * 4)
    np.testing.assert_array_equal(uneven, [0.5, 0.25, 0.25])


def test_repeated_pictures_of_one_class_change_nothing():
    rng, solver = np.random.default_rng(0), RidgeSolver(RIDGE, 1.0, "float64")
    features = rng.normal(size=(3, SIZE))
    twice = np.concatenate([features, features[:1], features[:1]])
    one = solver.fit(tf.constant(features), tf.constant([0, 1, 2]), WAYS)
    other = solver.fit(tf.constant(twice), tf.constant([0, 1, 2, 0, 0]), WAYS)
    for ours, theirs in zip(one, other, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("shots", [1, 3], ids=["woodbury", "standard"])
def test_logits_are_scaled_answers_of_the_regression(shots, make_backbone, make_episodes):
    method = build("r2d2", make_backbone("none"), InnerLoop(1, 0.1), (WAYS,), ridge=RIDGE)
    episodes, start = make_episodes(WAYS, shots, 2), [np.log(RIDGE), 10.0, 0.0]
    np.testing.assert_allclose(method.undecayed, start, rtol=1e-12)
    method.solver.scale.assign(-2.0)
    method.solver.offset.assign(0.5)
    support, queries = (
        method.features(images[0]).numpy()
        for images in (episodes.support_images, episodes.query_images)
    )
    count = WAYS * shots
    labels = episodes.support_labels[0].numpy()
    solution = by_hand(support, labels, np.full(count, 1 / count), RIDGE)
    expected = 0.5 - 2.0 * (queries @ solution[:-1] + solution[-1])
    found = method.query_logits(episodes, [0, 2])[0]
    np.testing.assert_allclose(found, [expected] * 2, rtol=1e-9, atol=1e-11)
    assert np.ptp(expected) > 1e-3


@pytest.mark.parametrize("count", [3, 4, 7], ids=["few", "as_many", "many"])
def test_the_gradient_of_the_regression_is_its_derivative(count, numerical_gradient):
    rng = np.random.default_rng(count)
    given = [rng.normal(size=(count, SIZE)), rng.normal(size=(count, WAYS)), np.array(RIDGE)]
    weights = rng.normal(size=(SIZE, WAYS))
    with tf.GradientTape() as tape:
        watched = [tf.Variable(part) for part in given]
        value = tf.reduce_sum(weights * ridge_regression(*watched))
    for place, ours in enumerate(tape.gradient(value, watched)):

        def at(moved, place=place):
            rows, targets, ridge = [*given[:place], moved, *given[place + 1 :]]
            return np.sum(
                weights * np.linalg.solve(rows.T @ rows + ridge * np.eye(SIZE), rows.T @ targets)
            )

        expected = numerical_gradient(at, given[place]).reshape(given[place].shape)
        np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("count", [3, 7], ids=["few", "many"])
def test_it_is_differentiated_within_a_vectorized_map_too(count):
    rng = np.random.default_rng(count)
    tasks = [tf.constant(rng.normal(size=(2, count, size))) for size in (SIZE, WAYS)]
    solution, gradients = tf.function(lambda: tf.vectorized_map(solved, tasks))()
    for task, parts in enumerate(zip(*tasks, strict=True)):
        one, own = solved(parts)
        np.testing.assert_allclose(solution[task], one, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(gradients[task], own, rtol=1e-10, atol=1e-12)


def solved(task):
    """The solution of one task, and the gradient of the sum of its squares at the rows."""
    rows, targets = task
    with tf.GradientTape() as tape:
        tape.watch(rows)
        solution = ridge_regression(rows, targets, tf.constant(RIDGE, tf.float64))
        value = tf.reduce_sum(solution**2)
    return solution, tape.gradient(value, rows)


@pytest.mark.parametrize("wrong", ["ridge", "ridge_scale"])
def test_a_penalty_or_scale_of_zero_is_refused(wrong, make_backbone):
    with pytest.raises(ValueError, match=f"^{wrong}: expected a finite number above 0"):
        build("r2d2", make_backbone("none", filters=1), InnerLoop(1, 0.1), (2,), **{wrong: 0.0})
