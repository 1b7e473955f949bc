import gc
import logging
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf
from sklearn.model_selection import cross_val_score

from hidra_tf import FewShotClassifier
from hidra_tf.classifier.calls import calls_of
from tests.hidra_tf.classifier.small import start_of, stripes

NAMES = ("features", "support_features", "query_features", "of_features", "of_pictures")


def traces(calls):
    """How often each function that was called was traced."""
    made = {name: vars(calls)[name] for name in NAMES if name in vars(calls)}
    return {name: call.experimental_get_tracing_count() for name, call in made.items()}


@pytest.fixture
def warnings_of_tensorflow(caplog):
    logger = tf.get_logger()
    logger.addHandler(caplog.handler)
    yield lambda: [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    logger.removeHandler(caplog.handler)


@pytest.mark.parametrize(
    "norm, method, used",
    [
        ("affine", "hidra", {"features", "of_features"}),
        ("support", "hidra", {"support_features", "query_features", "of_features"}),
        ("support", "proto_maml", {"of_pictures"}),
    ],
)
def test_functions_are_traced_once_for_any_number_of_fits_classes_and_pictures(
    norm, method, used, warnings_of_tensorflow
):
    start = start_of(norm, 1, method)
    queries, _ = stripes((2, 2), seed=9)
    for number in range(10):
        support, labels = stripes([1 + number % 3] * (2 + number), seed=number)
        found = FewShotClassifier(start).fit(support, labels).predict_proba(queries)
    assert traces(calls_of(start.method, 1, True)) == dict.fromkeys(used, 1)
    fresh = FewShotClassifier(start_of(norm, 1, method)).fit(support, labels)
    np.testing.assert_array_equal(found, fresh.predict_proba(queries))
    assert warnings_of_tensorflow() == []


def test_cross_validation_traces_once(warnings_of_tensorflow):
    start = start_of("support")
    pictures, labels = stripes((5, 5, 5))
    cross_val_score(FewShotClassifier(start), pictures, labels, cv=5)
    cross_val_score(FewShotClassifier(start, learning_rate=0.3), pictures, labels, cv=5)
    assert set(traces(calls_of(start.method, 1, True)).values()) == {1}
    vectors = np.random.default_rng(0).normal(size=(15, 3))
    cross_val_score(FewShotClassifier(n_steps=2), vectors, labels, cv=5)
    assert warnings_of_tensorflow() == []


def test_what_changes_the_answers_has_functions_of_its_own(affine_start):
    support, labels = stripes((1, 4, 2))
    settings = ({}, {"balanced": False}, {"n_steps": 2}, {"learning_rate": 0.1})
    several = [FewShotClassifier(affine_start, **one).fit(support, labels) for one in settings]
    found = [one.predict_proba(support) for one in several]
    for answers, one in zip(found, settings, strict=True):
        alone = FewShotClassifier(start_of("affine"), **one).fit(support, labels)
        np.testing.assert_array_equal(answers, alone.predict_proba(support))
    assert min(np.abs(found[0] - other).max() for other in found[1:]) > 1e-3


@pytest.mark.parametrize("norm", ["affine", "support"])
def test_classifiers_that_share_functions_share_nothing_of_their_classes(norm, request):
    start = request.getfixturevalue(f"{norm}_start")
    queries, _ = stripes((3, 3), seed=9)
    tasks = [stripes((2, 1 + seed, 3), seed) for seed in range(4)]
    classifiers = [FewShotClassifier(start).fit(*task) for task in tasks]
    wanted = [FewShotClassifier(start).fit(*task).predict_proba(queries) for task in tasks]
    assert len({one.tobytes() for one in wanted}) == len(tasks)
    # One whose learner is shared, as in a shallow copy, must tell support sets apart as well.
    classifiers[1]._learner = classifiers[0]._learner
    for place in (0, 1, 2, 3, 1, 0):
        np.testing.assert_array_equal(classifiers[place].predict_proba(queries), wanted[place])
    places = list(range(len(tasks))) * 10
    with ThreadPoolExecutor(len(tasks)) as threads:
        found = list(threads.map(lambda i: classifiers[i].predict_proba(queries), places))
    for place, answers in zip(places, found, strict=True):
        np.testing.assert_array_equal(answers, wanted[place])


def test_classifiers_that_share_a_method_answer_one_after_the_other(affine_start, monkeypatch):
    """An ensemble's predictions write the weights of its members into the method."""
    classifiers = [FewShotClassifier(affine_start).fit(*stripes((2, 2), seed)) for seed in (0, 1)]
    entered, together = [], []

    def slow(support, *_):
        entered.append(support)
        time.sleep(0.02)
        together.append(len(entered))
        entered.pop()
        return tf.zeros((32, 2))

    monkeypatch.setattr(classifiers[0]._learner._calls, "of_pictures", slow, raising=False)
    monkeypatch.setattr(classifiers[0]._learner._calls, "features", slow, raising=False)
    with ThreadPoolExecutor(4) as threads:
        queries = stripes((2, 2), 3)[0]
        list(threads.map(lambda i: classifiers[i % 2]._learner.examples(queries), range(6)))
    assert together == [1] * 6


def test_an_initialization_that_comes_along_is_loaded_once():
    first, second = (FewShotClassifier.from_pretrained("omniglot") for _ in range(2))
    assert first.starting_point().method is second.starting_point().method


def test_threads_that_begin_together_get_the_same_functions():
    start = start_of("support")
    support, labels = stripes((2, 2))
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: FewShotClassifier(start).fit(support, labels), range(4)))
    assert len({id(one._learner._calls) for one in found}) == 1


def test_compiled_functions_are_garbage_with_their_initialization():
    def used():  # whose frame, which TensorFlow may have looked at, is gone afterwards
        start = start_of("affine", dtype="float32")
        classifier = FewShotClassifier(start, learning_rate=0.3).fit(*stripes((2, 2)))
        classifier.predict(stripes((1, 1))[0])
        made = start.method, classifier.initialization_.method, classifier._learner._calls
        return [weakref.ref(one) for one in made]

    left = used()
    gc.collect()
    assert [one() for one in left] == [None] * 3
