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
    variance = (between + over_tasks - rest) / 120
    degrees = (between + over_tasks - rest) ** 2 / (
        between**2 / 2 + over_tasks**2 / 39 + rest**2 / 78
    )
    found = mean_over_trainings(scores, shared=True)
    assert found.mean == pytest.approx(scores.mean())
    assert found.ci95 == pytest.approx(student_t(degrees) * np.sqrt(variance))


def test_an_effect_of_negative_variance_counts_as_none():
    """Trainings whose means are equal: what is left is the variation over tasks."""
    scores = draw(np.random.default_rng(0), 3, 40, of_training=1.0)
    scores -= scores.mean(axis=1, keepdims=True)
    between, over_tasks, rest = mean_squares(scores)
    assert between == pytest.approx(0)
    degrees = over_tasks**2 / (over_tasks**2 / 39 + rest**2 / 78)
    expected = student_t(degrees) * np.sqrt(over_tasks / 120)
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
    over_tasks = np.var(by_task, ddof=1) / 30
    variance, spread = over_tasks, over_tasks**2 / 29
    for scores in (first, second):
        between, _, rest = mean_squares(scores)
        assert between > rest
        size, (s, t) = scores.size, scores.shape
        variance += (between - rest) / size
        spread += (between / size) ** 2 / (s - 1) + (rest / size) ** 2 / ((s - 1) * (t - 1))
    found = difference(first, second, same_seeds=False)
    assert found.mean == pytest.approx(by_task.mean())
    assert found.ci95 == pytest.approx(student_t(variance**2 / spread) * np.sqrt(variance))


def test_one_task_has_no_interval():
    assert difference(np.zeros((2, 1)), np.ones((2, 1)), True) == (1.0, None)


@pytest.mark.parametrize(
    "shapes", [((2, 3), (2, 4)), ((3,), (3,)), ((0, 3), (2, 3)), ((2, 3), (3, 3))]
)
def test_scores_that_do_not_fit_are_refused(shapes):
    with pytest.raises(ValueError, match="expected scores"):
        difference(*map(np.zeros, shapes), same_seeds=True)


def coverage(estimate, draws=300):
    """How often an interval holds the true mean, which is 0, with fixed seeds."""
    found = [estimate(np.random.default_rng(seed)) for seed in range(draws)]
    return np.mean([abs(mean) <= ci95 for mean, ci95 in found])


@pytest.mark.parametrize("of_training", [0.0, 0.05, 0.3])
def test_intervals_over_trainings_hold_the_mean_as_often_as_they_say(of_training):
    """95 % of 300 draws, within three standard errors (1.3 points each); more is on the safe side.

    From no variation between trainings to one that is three times that over 100 tasks.
    """
    crossed = coverage(lambda rng: mean_over_trainings(draw(rng, 3, 100, of_training), True))
    assert 0.915 <= crossed <= 0.99
    paired = coverage(
        lambda rng: difference(*draw(rng, 6, 100, of_training).reshape(2, 3, 100), False)
    )
    assert 0.915 <= paired <= 1.0


def test_an_interval_over_tasks_alone_would_hold_it_far_less_often():
    def naive(rng):
        return mean_and_ci95(draw(rng, 3, 100, of_training=0.3).mean(axis=0))

    assert coverage(naive) < 0.8
