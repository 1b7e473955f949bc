"""R2-D2 against the normal equations in NumPy: few and many pictures, equal and unequal shots."""

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.methods import build
from hidra_tf.methods.r2d2 import RidgeSolver, image_weights

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
        image_weights(tf.one_hot(labels, 2, dtype="float64"))
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


@pytest.mark.parametrize("shots", [1, 3], ids=["woodbury", "standard"])
def test_every_way_to_run_tasks_has_the_same_gradients(
    shots, make_backbone, make_episodes, check_meta_gradient
):
    backbone, episodes = make_backbone("support", filters=2), make_episodes(WAYS, shots, 2, tasks=2)
    results = [
        tf.nest.flatten(
            tf.function(
                build(
                    "r2d2", backbone, InnerLoop(1, 0.1), (WAYS,), task_map=how, ridge=RIDGE
                ).meta_gradients
            )(episodes)
        )
        for how in ("loop", "vectorized")
    ]
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11)
    method = build("r2d2", backbone, InnerLoop(1, 0.1), (WAYS,), ridge=RIDGE)
    check_meta_gradient(method, episodes)


@pytest.mark.parametrize("wrong", ["ridge", "ridge_scale"])
def test_a_penalty_or_scale_of_zero_is_refused(wrong, make_backbone):
    with pytest.raises(ValueError, match=f"^{wrong}: expected a finite number above 0"):
        build("r2d2", make_backbone("none", filters=1), InnerLoop(1, 0.1), (2,), **{wrong: 0.0})
