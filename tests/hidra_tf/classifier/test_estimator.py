import copy
import dataclasses
import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import check_estimator

from data_gen.episodes import Episodes
from data_gen.errors import UserError
from hidra_tf import FewShotClassifier
from hidra_tf.adaptation.class_balance import equal_pictures
from hidra_tf.classifier.memory import ClassSums
from hidra_tf.evaluation.temperature import Temperature
from tests.hidra_tf.classifier.small import start_of, stripes

COUNTS = (1, 4, 2)


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def answered(start, support, labels, queries, steps):
    """Probabilities [N, C] from the method itself, one query at a time."""
    ways = len(set(labels))
    shown = tf.constant(support / 255)[tf.newaxis, ..., tf.newaxis]
    found = []
    for query in queries:
        asked = tf.constant(query / 255)[tf.newaxis, tf.newaxis, ..., tf.newaxis]
        task = Episodes(
            shown,
            tf.constant([labels], tf.int32),
            asked,
            tf.zeros((1, 1), tf.int32),
            tf.constant(ways),
        )
        found.append(start.method.query_logits(task, (steps,)).numpy()[0, 0, 0])
    return softmax(np.array(found))


@pytest.mark.parametrize(
    "norm, steps, method, sums",
    [
        ("running", 1, "hidra", True),
        ("affine", 1, "hidra", True),
        ("none", 1, "hidra", True),
        ("support", 1, "hidra", False),
        ("support", 2, "hidra", False),
        ("affine", 2, "hidra", False),
        ("affine", 0, "protonet", True),
        ("running", 0, "r2d2", False),
        ("support", 2, "proto_maml", False),
    ],
)
def test_the_classifier_says_what_the_method_says(norm, steps, method, sums):
    start = start_of(norm, steps, method)
    support, labels = stripes(COUNTS)
    queries, _ = stripes((2, 2, 2), seed=1)
    classifier = FewShotClassifier(start).fit(support, labels)
    assert isinstance(classifier.memory_, ClassSums) == sums
    expected = answered(start, support, labels, queries, steps)
    np.testing.assert_allclose(classifier.predict_proba(queries), expected, rtol=0, atol=1e-12)


def test_all_pictures_weigh_the_same_on_request(affine_start):
    support, labels = stripes(COUNTS)
    queries, _ = stripes((2, 2, 2), seed=1)
    fitted = FewShotClassifier(affine_start, balanced=False).fit(support, labels)
    with equal_pictures():
        expected = answered(affine_start, support, labels, queries, 1)
    found = fitted.predict_proba(queries)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    # Equal neurons under equal weights: ψ_c = α/N Σ_i (1[y_i = c] − 1/C)·f_i, b_c likewise.
    features = affine_start.method.features(tf.constant(support[..., None] / 255)).numpy()
    residual = (np.eye(3)[labels] - 1 / 3) * 0.4 / len(labels)
    asked = affine_start.method.features(tf.constant(queries[..., None] / 255)).numpy()
    by_hand = softmax(asked @ features.T @ residual + residual.sum(axis=0))
    np.testing.assert_allclose(found, by_hand, rtol=0, atol=1e-12)
    balanced = FewShotClassifier(affine_start).fit(support, labels).predict_proba(queries)
    assert np.abs(balanced - found).max() > 1e-3


@pytest.mark.parametrize("norm, steps", [("affine", 1), ("support", 1), ("support", 2)])
def test_pictures_in_any_order_and_portions_give_one_fit(norm, steps):
    start = start_of(norm, steps)
    support, labels = stripes(COUNTS)
    queries, _ = stripes((2, 2, 2), seed=1)
    whole = FewShotClassifier(start).fit(support, labels).predict_proba(queries)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(labels))
        parts = FewShotClassifier(start)
        for chosen in np.array_split(order, 3):
            parts.partial_fit(support[chosen], np.array(labels)[chosen])
        assert parts.classes_.tolist() == [0, 1, 2]
        np.testing.assert_allclose(parts.predict_proba(queries), whole, rtol=0, atol=1e-12)


def test_float32_in_any_order_gives_one_fit():
    start = start_of("support", dtype="float32")
    support, labels = stripes(COUNTS)
    whole = FewShotClassifier(start).fit(support, labels).predict_proba(support)
    backwards = FewShotClassifier(start).fit(support[::-1], labels[::-1]).predict_proba(support)
    np.testing.assert_allclose(backwards, whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("norm, steps", [("running", 1), ("support", 1), ("support", 2)])
def test_a_picture_alone_has_the_probabilities_it_has_among_others_bit_for_bit(norm, steps):
    start = start_of(norm, steps, dtype="float32")
    classifier = FewShotClassifier(start).fit(*stripes(COUNTS))
    queries, _ = stripes((15, 15, 10), seed=1)  # more than a portion
    together = classifier.predict_proba(queries)
    alone = [classifier.predict_proba(query[np.newaxis])[0] for query in queries[[0, 17, 39]]]
    np.testing.assert_array_equal(alone, together[[0, 17, 39]])


def test_forgetting_a_class_is_never_having_seen_it(affine_start, support_start):
    support, labels = stripes(COUNTS)
    for start in (affine_start, support_start):
        classifier = FewShotClassifier(start).fit(support, labels).forget(1)
        kept = np.array(labels) != 1
        expected = FewShotClassifier(start).fit(support[kept], np.array(labels)[kept])
        assert classifier.classes_.tolist() == [0, 2]
        np.testing.assert_allclose(
            classifier.predict_proba(support), expected.predict_proba(support), rtol=0, atol=1e-12
        )
        with pytest.raises(ValueError, match="expected one of 0, 2; received 1"):
            classifier.forget(1)
        classifier.forget(0)
        with pytest.raises(ValueError, match="at least 2 classes to tell apart; so far there is 2"):
            classifier.predict(support)


def test_a_refused_picture_changes_nothing(affine_start):
    support, labels = stripes(COUNTS)
    classifier = FewShotClassifier(affine_start).fit(support, labels)
    before = classifier.predict_proba(support)
    for pictures, names in (
        (support, labels[:-1]),
        (support / 300.0 + 1, labels),
        (support, [[1]]),
    ):
        with pytest.raises(ValueError):
            classifier.partial_fit(pictures, names)
    np.testing.assert_array_equal(classifier.predict_proba(support), before)


def test_fit_forgets_what_was_learned_before(affine_start):
    support, labels = stripes(COUNTS)
    classifier = FewShotClassifier(affine_start).fit(support, ["x"] * 6 + ["y"])
    classifier.fit(support, labels)
    expected = FewShotClassifier(affine_start).fit(support, labels)
    np.testing.assert_array_equal(
        classifier.predict_proba(support), expected.predict_proba(support)
    )


@pytest.mark.parametrize(
    "names",
    [("daisy", "rose", "tulip"), (2.0, 1.0, 3.0), (True, False), (("a", 1), ("b", 2)), ("a", 1)],
    ids=str,
)
def test_labels_may_be_anything_hashable(affine_start, names):
    support, labels = stripes(COUNTS[: len(names)])
    told = [names[label] for label in labels]
    classifier = FewShotClassifier(affine_start).fit(support, told)
    assert set(classifier.classes_.tolist()) == set(names)
    assert set(classifier.predict(support).tolist()) <= set(names)
    numbers = FewShotClassifier(affine_start).fit(support, labels)
    columns = [classifier.classes_.tolist().index(name) for name in names]
    np.testing.assert_allclose(
        classifier.predict_proba(support)[:, columns], numbers.predict_proba(support), atol=1e-12
    )


def test_what_is_not_probable_enough_is_unknown(affine_start):
    support, labels = stripes(COUNTS)
    classifier = FewShotClassifier(affine_start, unknown_below=0.5, unknown_label="nobody knows")
    probabilities = classifier.fit(support, labels).predict_proba(support)
    sure = probabilities.max(axis=1) >= 0.5
    classifier.set_params(unknown_below=float(np.median(probabilities.max(axis=1))))
    answers = classifier.predict(support)
    unsure = probabilities.max(axis=1) < classifier.unknown_below
    assert 0 < unsure.sum() < len(support)
    assert [answer == "nobody knows" for answer in answers] == unsure.tolist()
    assert sure.shape == unsure.shape
    hot = FewShotClassifier(affine_start, temperature=0.01).fit(support, labels)
    assert hot.predict_proba(support).max() > probabilities.max()


@pytest.mark.parametrize("norm", ["affine", "support"])
def test_the_temperature_suits_the_numbers_of_pictures_as_they_are_now(norm, request):
    start = request.getfixturevalue(f"{norm}_start")
    tempered = dataclasses.replace(start, temperature=Temperature(0.05, 0.1))
    support, labels = stripes(COUNTS)
    plain, classifier = FewShotClassifier(start), FewShotClassifier(tempered)

    def check(*counts):
        divisor = 0.05 + 0.1 * np.mean([1 / count for count in counts])
        wanted = softmax(np.log(plain.predict_proba(support)) / divisor)
        found = classifier.predict_proba(support)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-9)

    for one in (plain, classifier):
        one.fit(support, labels)
    check(1, 4, 2)
    for one in (plain, classifier):
        one.partial_fit(support[:3], [0, 0, 9])
    check(3, 4, 2, 1)
    for one in (plain, classifier):
        one.forget(9)
    check(3, 4, 2)
    constant = classifier.set_params(temperature=2.0).predict_proba(support)
    np.testing.assert_allclose(
        constant, softmax(np.log(plain.predict_proba(support)) / 2), rtol=0, atol=1e-12
    )


def test_a_threshold_looks_at_tempered_probabilities(affine_start):
    support, labels = stripes(COUNTS)
    classifier = FewShotClassifier(affine_start, unknown_below=0.6).fit(support, labels)
    assert "unknown" in classifier.predict(support)
    sure = dataclasses.replace(affine_start, temperature=Temperature(1e-3, 1e-3))
    classifier = FewShotClassifier(sure, unknown_below=0.6).fit(support, labels)
    assert "unknown" not in classifier.predict(support).tolist()


def test_more_steps_and_other_rates_are_those_of_the_method():
    support, labels = stripes(COUNTS)
    changed = FewShotClassifier(start_of("affine"), n_steps=2, learning_rate=0.7)
    start = start_of("affine", 2)
    from_scratch = FewShotClassifier(start, learning_rate=0.7).fit(support, labels)
    np.testing.assert_allclose(
        changed.fit(support, labels).predict_proba(support),
        from_scratch.predict_proba(support),
        atol=1e-12,
    )
    with pytest.raises(ValueError, match="the steps went too far"):
        FewShotClassifier(start, learning_rate=1e300).fit(support, labels).predict(support)
    with pytest.raises(ValueError, match="ProtoNet, which takes no inner steps"):
        FewShotClassifier(start_of("affine", 0, "protonet"), n_steps=2).fit(support, labels)


def test_a_head_for_one_number_of_ways_takes_no_other():
    support, labels = stripes(COUNTS)
    classifier = FewShotClassifier(start_of("support", 1, "maml", ways=(3,))).fit(support, labels)
    assert classifier.predict_proba(support).shape == (7, 3)
    with pytest.raises(UserError, match="made for 3 ways"):
        classifier.partial_fit(support[:1], ["new"])
    assert classifier.classes_.tolist() == [0, 1, 2]


def test_a_keras_model_of_others_learns_with_its_features_frozen():
    model = keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            keras.layers.Conv2D(4, 5, strides=2),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Flatten(),
        ]
    )
    before = [variable.numpy() for variable in model.variables]
    support, labels = stripes((3, 3, 3, 3))
    queries, wanted = stripes((5, 5, 5, 5), seed=1)
    classifier = FewShotClassifier(model).fit(support, labels)
    assert classifier.score(queries, wanted) > 0.8
    one_step = FewShotClassifier(model, n_steps=1).fit(support, labels)
    assert isinstance(one_step.memory_, ClassSums)
    assert one_step.score(queries, wanted) > 0.8
    for old, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, variable.numpy())
    squared = FewShotClassifier(model, preprocess=lambda pictures: (pictures / 255) ** 2)
    differs = np.abs(
        squared.fit(support, labels).predict_proba(queries) - (classifier.predict_proba(queries))
    ).max()
    assert differs > 1e-6


def test_features_are_learned_as_logistic_regression_learns_them():
    rng = np.random.default_rng(0)
    features = rng.normal(0, 1, (60, 5)) + 3 * np.repeat(np.eye(5)[:3], 20, 0) + 100
    labels = np.repeat([0, 1, 2], 20)
    classifier = FewShotClassifier(n_steps=7).fit(features, labels)
    # By hand: centred, the largest eigenvalue of the covariance 1, steps of 1 from zero.
    centred = features - features.mean(axis=0)
    scaled = centred / np.sqrt(np.linalg.eigvalsh(centred.T @ centred / 60).max())
    weights, bias = np.zeros((5, 3)), np.zeros(3)
    for _ in range(7):
        errors = (softmax(scaled @ weights + bias) - np.eye(3)[labels]) / 60
        weights, bias = weights - scaled.T @ errors, bias - errors.sum(axis=0)
    np.testing.assert_allclose(
        classifier.predict_proba(features), softmax(scaled @ weights + bias), rtol=0, atol=1e-10
    )


def test_clones_and_pickles_answer_alike(affine_start):
    support, labels = stripes(COUNTS)
    classifier = FewShotClassifier(affine_start, unknown_below=0.1).fit(support, labels)
    twin = clone(classifier)
    assert not hasattr(twin, "classes_") and twin.backbone is affine_start
    assert twin.unknown_below == 0.1
    vectors = FewShotClassifier(n_steps=2).fit(np.eye(4), [0, 1, 0, 1])
    again = pickle.loads(pickle.dumps(vectors))
    np.testing.assert_array_equal(again.predict_proba(np.eye(4)), vectors.predict_proba(np.eye(4)))


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"n_steps": 0}, "n_steps: expected an integer of at least 1; received 0"),
        ({"learning_rate": -1.0}, "learning_rate: expected a finite number above 0"),
        ({"temperature": 0}, "temperature: expected a finite number above 0"),
        ({"balanced": "heavy"}, "balanced: expected True or False; received 'heavy'"),
        ({"unknown_below": 1.5}, "unknown_below: expected 0 to 1; received 1.5"),
        ({"backbone": "conv4"}, "backbone: expected an Initialization, or a Keras model"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_in_one_line(affine_start, settings, message):
    classifier = FewShotClassifier(affine_start).set_params(**settings)
    with pytest.raises(ValueError, match=message):
        classifier.fit(*stripes(COUNTS))


def test_one_class_is_refused_and_the_message_says_why(affine_start):
    support, _ = stripes((2, 2))
    with pytest.raises(ValueError, match="at least 2 classes, for a single one leaves nothing"):
        FewShotClassifier(affine_start).fit(support, ["only"] * 4)
    with pytest.raises(NotFittedError):
        FewShotClassifier(affine_start).predict(support)
    with pytest.raises(ValueError, match="some of `classes`; received 'b'"):
        FewShotClassifier(affine_start).partial_fit(support[:2], ["a", "b"], classes=["a", "c"])


def test_it_passes_the_checks_of_scikit_learn():
    # Vectors take the place of pictures, which scikit-learn's checks know nothing of.
    check_estimator(FewShotClassifier(n_steps=20))


def test_a_support_set_is_looked_at_once_until_another_picture_comes(support_start, monkeypatch):
    support, labels = stripes(COUNTS)
    queries, _ = stripes((2, 2, 2), seed=1)
    classifier = FewShotClassifier(support_start).fit(support, labels)
    looks = []
    calls = classifier._learner._calls
    inside = calls.support_features
    monkeypatch.setitem(vars(calls), "support_features", lambda x: looks.append(1) or inside(x))
    first = [classifier.predict_proba(queries) for _ in range(2)]
    assert len(looks) == 1
    np.testing.assert_array_equal(*first)
    classifier.partial_fit(support[:1], ["new"])
    assert classifier.predict_proba(queries).shape == (6, 4) and len(looks) == 2
    classifier.forget("new")
    np.testing.assert_allclose(classifier.predict_proba(queries), first[0], rtol=0, atol=1e-12)


def test_a_refused_fit_leaves_the_fitted_classifier_as_it_was(affine_start):
    support, labels = stripes(COUNTS)
    classifier = FewShotClassifier(affine_start).fit(support, labels)
    before = classifier.predict_proba(support)
    classifier.set_params(n_steps=3)
    with pytest.raises(ValueError, match="expected 7, one for each picture; received 3"):
        classifier.fit(support, labels[:3])
    np.testing.assert_array_equal(
        classifier.set_params(n_steps=None).predict_proba(support), before
    )
    vectors = FewShotClassifier(n_steps=1).fit(np.eye(4), [0, 0, 1, 1])
    with pytest.raises(ValueError):
        vectors.fit(np.eye(9), [0, 1])
    assert vectors.predict(np.eye(4)).shape == (4,)


@pytest.mark.parametrize("setting", [{"preprocess": abs}, {"backbone": None}])
def test_another_network_or_preparation_is_refused_before_another_fit(affine_start, setting):
    support, labels = stripes(COUNTS)
    classifier = FewShotClassifier(affine_start).fit(support, labels).set_params(**setting)
    message = f"{next(iter(setting))}: expected as when the classes were learned"
    with pytest.raises(ValueError, match=message):
        classifier.predict(support)


@pytest.mark.parametrize(
    "setting", [{"balanced": False}, {"n_steps": 2}, {"learning_rate": 0.1}, {"invert": True}]
)
def test_a_setting_that_counts_after_another_fit_is_refused(affine_start, setting, tmp_path):
    support, labels = stripes(COUNTS)
    classifier = FewShotClassifier(affine_start).fit(support, labels).set_params(**setting)
    message = f"{next(iter(setting))}: expected as when the classes were learned"
    for call in (
        lambda: classifier.predict(support),
        lambda: classifier.partial_fit(support, labels),
        lambda: classifier.forget(0),
        lambda: classifier.save(tmp_path / "kept"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    classifier.fit(support, labels).predict(support)


@pytest.mark.parametrize(
    "setting, message",
    [
        ({"temperature": -1.0}, "temperature: expected a finite number above 0"),
        ({"temperature": 0}, "temperature: expected a finite number above 0"),
        ({"unknown_below": 5}, "unknown_below: expected 0 to 1"),
        ({"unknown_below": 0.5, "unknown_label": 1}, "unknown_label: expected none of the classes"),
    ],
)
def test_settings_are_looked_at_after_fit_too(affine_start, setting, message):
    support, labels = stripes(COUNTS)
    classifier = FewShotClassifier(affine_start).fit(support, labels).set_params(**setting)
    with pytest.raises(ValueError, match=message):
        classifier.predict(support)


def test_score_takes_any_labels_and_weights(affine_start):
    support, labels = stripes(COUNTS)
    for names in (("a", 1, 2), (("x",), ("y",), ("z",)), (np.int64(3), np.int64(1), np.int64(2))):
        told = [names[label] for label in labels]
        classifier = FewShotClassifier(affine_start).fit(support, told)
        right = [a == b for a, b in zip(classifier.predict(support).tolist(), told, strict=True)]
        assert classifier.score(support, told) == np.mean(right)
        weights = np.arange(7)
        assert classifier.score(support, told, weights) == np.average(right, weights=weights)


def test_a_shallow_copy_learns_by_itself(affine_start):
    support, labels = stripes(COUNTS)
    classifier = FewShotClassifier(affine_start).fit(support, labels)
    copy.copy(classifier).partial_fit(support[:1], [9])
    assert classifier.partial_fit(support[:1], [8]).classes_.tolist() == [0, 1, 2, 8]
