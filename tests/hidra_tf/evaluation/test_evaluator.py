"""One checkpoint → accuracies: which tasks, which rows, which numbers."""

import math
import time

import numpy as np
import pytest
import tensorflow as tf

from data_gen.class_pool import ClassPool
from data_gen.episodes import Episodes, EpisodeSampler
from data_gen.errors import UserError
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.conv4 import conv4
from hidra_tf.evaluation.evaluator import TASKS_PER_CALL, Evaluator
from hidra_tf.evaluation.rows import mean_and_ci95
from hidra_tf.methods import build

SHOTS, QUERY_SHOTS = 1, 2


@pytest.fixture(scope="module")
def pool():
    """6 classes of 5 pictures that are told apart well, but not without fail."""
    rng = np.random.default_rng(0)
    classes = rng.random((6, 4, 4, 1)).repeat(4, axis=1).repeat(4, axis=2).repeat(5, axis=0)
    images = 255 * (0.6 * classes + 0.4 * rng.random(classes.shape))
    return ClassPool(images.astype(np.uint8), (5,) * 6, tuple("abcdef"))


@pytest.fixture(scope="module")
def make_method():
    def make(name="hidra", norm="support", exact=True):
        backbone = Backbone(conv4((16, 16, 1), 4, norm), norm)
        return build(name, backbone, InnerLoop(1, 0.4, exact=exact), (3,), seed=0)

    return make


@pytest.fixture(scope="module")
def make_evaluator(pool, make_method):
    def make(method=None, ways=(3,), at_steps=(1,), seed=0, stream="evaluation", **options):
        shots = options.get("shots", SHOTS)
        return Evaluator(
            method or make_method(), pool, ways, at_steps, shots, QUERY_SHOTS, seed, stream
        )

    return make


@pytest.fixture(scope="module")
def evaluator(make_evaluator):
    return make_evaluator(ways=(3, 2), at_steps=(3, 0, 1))


def test_a_row_for_each_number_of_ways_and_of_steps(evaluator):
    rows = list(evaluator.rows(2))
    expected = [(3, 0), (3, 1), (3, 3), (2, 0), (2, 1), (2, 3)]
    assert [(row.ways, row.steps) for row in rows] == expected


def test_no_step_is_chance_and_more_steps_learn(evaluator):
    """Tied neurons have equal logits, of which the first counts as the largest: 1 of C right."""
    untrained, once, thrice = list(evaluator.rows(30))[:3]
    assert untrained.accuracy == pytest.approx(1 / 3)
    assert untrained.ci95 == 0
    assert untrained.loss == pytest.approx(math.log(3), rel=1e-5)
    assert once.accuracy - once.ci95 > 1 / 3
    assert thrice.loss < once.loss < untrained.loss


def test_the_same_rows_again(evaluator, make_evaluator):
    rows = list(evaluator.rows(12))
    assert list(evaluator.rows(12)) == rows
    assert list(make_evaluator(ways=(3, 2), at_steps=(3, 0, 1)).rows(12)) == rows


@pytest.mark.parametrize("options", [{"seed": 1}, {"stream": "monitor"}])
def test_other_tasks_for_another_seed_or_stream(options, evaluator, make_evaluator):
    other = make_evaluator(ways=(3, 2), at_steps=(3, 0, 1), **options)
    assert [row.loss for row in other.rows(12)] != [row.loss for row in evaluator.rows(12)]


def per_task(method, pool, ways, steps, calls):
    """Accuracies and losses of the tasks, by NumPy from the logits."""
    sampler = EpisodeSampler(
        pool, (ways,), SHOTS, QUERY_SHOTS, TASKS_PER_CALL, seed=0, stream="evaluation"
    )
    accuracies, losses = [], []
    for call in range(calls):
        episodes = sampler(call)
        logits = method.query_logits(episodes, [steps])[:, 0].numpy().astype(np.float64)
        labels = episodes.query_labels.numpy()
        own = np.take_along_axis(logits, labels[..., None], axis=-1)[..., 0]
        accuracies.extend((logits.argmax(axis=-1) == labels).mean(axis=-1))
        losses.extend((np.log(np.exp(logits).sum(axis=-1)) - own).mean(axis=-1))
    return np.array(accuracies), np.array(losses)


@pytest.mark.parametrize("tasks", [1, 10, 13])
def test_the_first_tasks_count_and_no_others(tasks, evaluator, pool):
    """13 tasks: the second call's other seven are left out."""
    accuracies, losses = per_task(evaluator.method, pool, ways=3, steps=1, calls=2)
    row = list(evaluator.rows(tasks))[1]
    assert row.accuracy == pytest.approx(accuracies[:tasks].mean(), abs=1e-7)
    assert row.loss == pytest.approx(losses[:tasks].mean(), rel=1e-5)
    if tasks == 1:
        assert row.ci95 is None
    else:
        interval = 1.96 * accuracies[:tasks].std(ddof=1) / math.sqrt(tasks)
        assert row.ci95 == pytest.approx(interval, rel=1e-5)


def test_the_correct_queries_of_each_task_are_those_of_its_accuracy(evaluator, pool):
    rows = list(evaluator.rows(17))
    for row in rows:
        assert row.queries == row.ways * QUERY_SHOTS
        assert all(type(count) is int for count in row.correct)
        assert np.mean(row.correct) / row.queries == pytest.approx(row.accuracy, abs=1e-6)
    expected, _ = per_task(evaluator.method, pool, ways=3, steps=1, calls=2)
    np.testing.assert_allclose(np.array(rows[1].correct) / 6, expected[:17], atol=1e-6)


def test_a_row_does_not_depend_on_the_other_ways(evaluator, make_evaluator):
    alone = make_evaluator(ways=(2,), at_steps=(0, 1, 3))
    assert list(alone.rows(12)) == list(evaluator.rows(12))[3:]


def test_a_row_does_not_depend_on_the_other_steps(evaluator, make_evaluator):
    (alone,) = make_evaluator(ways=(3,), at_steps=(1,)).rows(12)
    together = list(evaluator.rows(12))[1]
    assert alone.accuracy == together.accuracy
    assert alone.loss == pytest.approx(together.loss, rel=1e-6)


@pytest.mark.parametrize("norm", ["affine", "none"])
def test_pictures_that_are_looked_at_once_give_the_same_rows(norm, make_method, make_evaluator):
    """With `exact`, and more images in the tasks than in the pool, features are computed once."""
    once, again = (
        make_evaluator(make_method(norm=norm, exact=exact), ways=(3, 2), at_steps=(0, 1)).rows(13)
        for exact in (True, False)
    )
    for ours, theirs in zip(once, again, strict=True):
        assert ours.accuracy == theirs.accuracy
        assert ours.loss == pytest.approx(theirs.loss, rel=1e-6)
        assert ours.metrics.keys() == theirs.metrics.keys() != set()
        for name, measured in ours.metrics.items():
            assert measured == pytest.approx(theirs.metrics[name], rel=1e-4, abs=1e-6)


def test_how_far_the_head_moves_is_told_with_its_interval(evaluator, pool):
    sampler = EpisodeSampler(
        pool, (3,), SHOTS, QUERY_SHOTS, TASKS_PER_CALL, seed=0, stream="evaluation"
    )
    norms = []
    for call in range(2):
        episodes = sampler(call)
        for arrays in zip(*episodes[:4], strict=True):
            task = Episodes(*arrays, episodes.ways)
            first, last = evaluator.method.adaptation(task)((0, 3))
            norms.append(np.linalg.norm(last.head.kernel - first.head.kernel))
    mean, ci95 = mean_and_ci95(np.array(norms[:13]))
    untouched, _, moved = list(evaluator.rows(13))[:3]
    assert untouched.metrics["head_update/weight"]["mean"] == 0
    expected = {"mean": mean, "ci95": ci95}
    assert moved.metrics["head_update/weight"] == pytest.approx(expected, rel=1e-4)
    assert mean > 0.1


def test_progress_is_told_the_pictures_of_every_task_once(evaluator):
    """So that the remaining time counts that more ways cost more."""
    told = []
    list(evaluator.rows(13, told.append))
    of_three, of_two = 3 * (SHOTS + QUERY_SHOTS), 2 * (SHOTS + QUERY_SHOTS)
    assert told == [10 * of_three, 3 * of_three, 10 * of_two, 3 * of_two]
    assert sum(told) == evaluator.total_work(13)


@pytest.mark.parametrize("norm", ["affine", "support"])
def test_seconds_are_those_of_the_tasks_without_the_graph(norm, make_method, make_evaluator):
    """Of a method whose features are computed once, and of one that adapts to every task."""
    evaluator = make_evaluator(make_method(norm=norm), ways=(3, 2))
    started = time.monotonic()
    list(evaluator.rows(30))
    first, elapsed = sum(evaluator.seconds.values()), time.monotonic() - started
    assert evaluator.seconds.keys() == {3, 2}
    assert min(evaluator.seconds.values()) > 0
    # To build the graph takes seconds, the tasks some tenths of one.
    assert first < elapsed / 2
    started = time.monotonic()
    list(evaluator.rows(30))
    again, elapsed = sum(evaluator.seconds.values()), time.monotonic() - started
    assert elapsed / 2 < again <= elapsed


def test_the_weights_are_those_at_the_call(make_evaluator):
    evaluator = make_evaluator()
    (before,) = evaluator.rows(10)
    for variable in evaluator.method.backbone.variables:
        variable.assign(tf.zeros_like(variable))
    (after,) = evaluator.rows(10)
    assert before.loss < math.log(3) - 0.05
    assert after.loss == pytest.approx(math.log(3), rel=1e-6)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"ways": 3}, TypeError, r"^ways: expected a sequence of integers.*received 3$"),
        ({"ways": (2.5,)}, ValueError, r"^ways: expected an integer .*received 2.5$"),
        ({"ways": ()}, ValueError, r"^ways: expected at least one integer; received \(\)$"),
        ({"at_steps": 1}, TypeError, r"^at_steps: expected a sequence of integers.*received 1$"),
        ({"at_steps": (0, -1)}, ValueError, r"^at_steps: .*at least 0; received -1$"),
        ({"stream": "train"}, ValueError, r"^stream: expected one of .*received 'train'$"),
    ],
)
def test_a_wrong_argument_is_named_with_what_was_expected(options, error, message, make_evaluator):
    with pytest.raises(error, match=message):
        make_evaluator(**options)


def test_no_task_at_all_is_refused(evaluator):
    with pytest.raises(ValueError, match=r"^tasks: expected an integer of at least 1; received 0$"):
        list(evaluator.rows(0))


def test_evaluation_changes_no_weight(evaluator):
    before = [v.numpy() for v in evaluator.method.variables]
    list(evaluator.rows(2))
    for old, new in zip(before, evaluator.method.variables, strict=True):
        np.testing.assert_array_equal(old, new)


def test_maml_is_evaluated_at_its_own_ways_alone(make_method, make_evaluator):
    make_evaluator(make_method("maml"), ways=(3,))
    with pytest.raises(UserError, match=r"3 ways.*received 5.*hidra"):
        make_evaluator(make_method("maml"), ways=(3, 5))


@pytest.mark.parametrize(
    ("options", "message"), [({"ways": (7,)}, "at most 6 ways"), ({"shots": 4}, r"4 \+ 2 = 6")]
)
def test_tasks_that_the_pool_cannot_give_are_refused(options, message, make_evaluator):
    with pytest.raises(UserError, match=message):
        make_evaluator(**options)


@pytest.mark.parametrize("norm", ["affine", "support"])
def test_unequal_shots_are_evaluated_task_by_task(norm, make_method, make_evaluator, pool):
    """From features and from pictures; against predictions of each task by itself."""
    evaluator = make_evaluator(make_method(norm=norm), ways=(3,), shots=(1, 3))
    (row,) = evaluator.rows(12)
    sampler = EpisodeSampler(pool, (3,), (1, 3), QUERY_SHOTS, 1, seed=0, stream="evaluation")
    accuracies = []
    for task in range(12):
        episodes = sampler(task)
        logits = evaluator.method.query_logits(episodes, [1])[0, 0].numpy()
        accuracies.append((logits.argmax(axis=-1) == episodes.query_labels[0].numpy()).mean())
    assert row.accuracy == pytest.approx(np.mean(accuracies), abs=1e-7)


def test_a_confusion_counts_every_query_once(pool, make_method):
    evaluator = Evaluator(
        make_method(norm="affine"), pool, (3, 2), (0, 1), 1, 2, 0, "evaluation", confusion=True
    )
    rows = list(evaluator.rows(13))
    assert list(evaluator.confusions) == [(row.ways, row.steps) for row in rows]
    for row in rows:
        found = evaluator.confusions[row.ways, row.steps]
        assert found.counts.sum() == 13 * row.ways * QUERY_SHOTS
        assert np.trace(found.counts) / found.counts.sum() == pytest.approx(row.accuracy, abs=1e-7)
        # Each class of a task is a chance for each of its queries.
        assert found.chances.sum() == 13 * row.ways**2 * QUERY_SHOTS
        np.testing.assert_array_equal(np.diagonal(found.chances), found.queries)
        assert np.all(found.counts <= found.chances)
