"""Means over trainings and paired differences: by hand, in NumPy, and how often they are right."""

import numpy as np
import pytest

from hidra_tf.evaluation.intervals import student_t
from hidra_tf.evaluation.rows import mean_and_ci95
from hidra_tf.evaluation.trainings import difference, mean_over_trainings


def mean_squares(scores):
    """The table of a two-way analysis of variance, by sums over all cells."""
    trainings, tasks = scores.shape
    mean, rows, columns = scores.mean(), scores.mean(axis=1), scores.mean(axis=0)
    between = tasks * sum((row - mean) ** 2 for row in rows) / (trainings - 1)
    over_tasks = trainings * sum((column - mean) ** 2 for column in columns) / (tasks - 1)
    rest = sum(
        (scores[s, t] - rows[s] - columns[t] + mean) ** 2
        for s in range(trainings)
        for t in range(tasks)
    ) / ((trainings - 1) * (tasks - 1))
    return between, over_tasks, rest


def draw(rng, trainings, tasks, of_training, rest=0.5, of_task=1.0, shared=None):
    shared = of_task * rng.normal(size=(1, tasks)) if shared is None else shared
    return (
        shared
        + of_training * rng.normal(size=(trainings, 1))
        + rest * rng.normal(size=(trainings, tasks))
    )


def test_a_mean_over_shared_tasks_is_the_two_way_layout():
    scores = draw(np.random.default_rng(0), 3, 40, of_training=1.0)
    between, over_tasks, rest = mean_squares(scores)
    assert between > rest < over_tasks
    parts = over_tasks * student_t(39) ** 2, (between - rest) * student_t(2) ** 2
    found = mean_over_trainings(scores, shared=True)
    assert found.mean == pytest.approx(scores.mean())
    assert found.ci95 == pytest.approx(np.sqrt(sum(parts) / 120))


def test_an_effect_of_negative_variance_counts_as_none():
    """Trainings whose means are equal: what is left is the variation over tasks."""
    scores = draw(np.random.default_rng(0), 3, 40, of_training=1.0)
    scores -= scores.mean(axis=1, keepdims=True)
    between, over_tasks, _ = mean_squares(scores)
    assert between == pytest.approx(0)
    expected = student_t(39) * np.sqrt(over_tasks / 120)
    assert mean_over_trainings(scores, shared=True).ci95 == pytest.approx(expected)


def test_a_mean_over_tasks_of_their_own_by_hand():
    """Means 0.2, 0.4, 0.9: variance 0.13, and t = 4.302653 at 2 degrees of freedom."""
    scores = np.array([[0.1, 0.3], [0.4, 0.4], [1.0, 0.8]])
    found = mean_over_trainings(scores, shared=False)
    assert found.mean == pytest.approx(0.5)
    assert found.ci95 == pytest.approx(4.302653 * np.sqrt(0.13 / 3))


@pytest.mark.parametrize("shared", [True, False])
def test_a_single_training_has_the_interval_of_its_row(shared):
    scores = np.random.default_rng(0).random((1, 20))
    assert mean_over_trainings(scores, shared) == mean_and_ci95(scores[0])


def test_a_difference_of_two_trainings_is_paired_over_tasks():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(1, 30))
    first, second = draw(rng, 1, 30, 0, 0.1, shared=shared), draw(rng, 1, 30, 0, 0.1, shared=shared)
    apart = (second - first)[0]
    expected = student_t(29) * np.std(apart, ddof=1) / np.sqrt(30)
    for same_seeds in (True, False):
        found = difference(first, second, same_seeds)
        assert found.mean == pytest.approx(apart.mean())
        assert found.ci95 == pytest.approx(expected)
    # What is hard for both is most of the variation, and pairing takes it out.
    assert found.ci95 < 0.25 * mean_and_ci95(first[0])[1]


def test_a_difference_of_the_same_seeds_is_a_mean_of_differences():
    first, second = np.random.default_rng(0).normal(size=(2, 3, 30))
    assert difference(first, second, True) == mean_over_trainings(second - first, shared=True)


def test_a_difference_of_other_seeds_adds_both_variations_of_trainings():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(1, 30))
    first, second = draw(rng, 3, 30, 1.0, shared=shared), draw(rng, 2, 30, 1.0, shared=shared)
    by_task = second.mean(axis=0) - first.mean(axis=0)
    squares = {scores.shape[0]: (*mean_squares(scores), scores.size) for scores in (first, second)}
    rests = sum(rest / size for _, _, rest, size in squares.values())
    parts = [student_t(29) ** 2 * max(np.var(by_task, ddof=1) / 30, rests)]
    for trainings, (between, _, rest, size) in squares.items():
        assert between > rest
        parts.append(student_t(trainings - 1) ** 2 * (between - rest) / size)
    found = difference(first, second, same_seeds=False)
    assert found.mean == pytest.approx(by_task.mean())
    assert found.ci95 == pytest.approx(np.sqrt(sum(parts)))


def test_one_task_has_no_interval():
    assert difference(np.zeros((2, 1)), np.ones((2, 1)), True) == (1.0, None)


@pytest.mark.parametrize(
    "shapes", [((2, 3), (2, 4)), ((3,), (3,)), ((0, 3), (2, 3)), ((2, 3), (3, 3))]
)
def test_scores_that_do_not_fit_are_refused(shapes):
    with pytest.raises(ValueError, match="expected scores"):
        difference(*map(np.zeros, shapes), same_seeds=True)


def coverage(estimate, draws=1000):
    """How often an interval holds the true mean, which is 0, with fixed seeds."""
    rng = np.random.default_rng(0)
    found = [estimate(rng) for _ in range(draws)]
    return np.mean([abs(mean) <= ci95 for mean, ci95 in found])


@pytest.mark.parametrize("trainings", [2, 3, 5])
@pytest.mark.parametrize("of_training", [0.0, 0.1, 0.3])
def test_intervals_over_trainings_hold_the_mean_as_often_as_they_say(trainings, of_training):
    """At least 95 % of 1000 draws, less three standard errors of 0.7 points.

    From no variation between trainings to one of far more weight than that over 100 tasks.
    """
    size = (trainings, 100)
    crossed = coverage(lambda rng: mean_over_trainings(draw(rng, *size, of_training), True))
    own = coverage(
        lambda rng: mean_over_trainings(
            draw(rng, *size, of_training, shared=rng.normal(size=size)), False
        )
    )

    def paired(rng):
        shared = rng.normal(size=(1, 100))
        pair = (draw(rng, *size, of_training, shared=shared) for _ in range(2))
        return difference(*pair, same_seeds=False)

    for found in (crossed, own, coverage(paired)):
        assert found >= 0.93
    assert own <= 0.97  # this one is exact


def test_an_interval_over_tasks_alone_would_hold_it_far_less_often():
    def naive(rng):
        return mean_and_ci95(draw(rng, 3, 100, of_training=0.3).mean(axis=0))

    assert coverage(naive) < 0.8
