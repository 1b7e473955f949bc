import dataclasses

import numpy as np
import pytest

from data_gen.class_pool import ClassPool
from hidra_tf.classifier import calibration
from hidra_tf.classifier.calibration import Answers
from hidra_tf.classifier.estimator import FewShotClassifier
from hidra_tf.evaluation.temperature import Temperature
from tests.hidra_tf.classifier.small import start_of, stripes


def said(temperature=1.0, seed=0, count=4000, shots=5):
    """Answers that are right as often as softmax(logits / temperature) says."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (count, 3))
    powers = np.exp(logits / temperature)
    bounds = np.cumsum(powers / powers.sum(axis=1, keepdims=True), axis=1)
    labels = (rng.uniform(size=(count, 1)) > bounds).sum(axis=1)
    return Answers(logits, labels, shots)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_the_temperature_is_found_by_which_answers_were_drawn(temperature):
    group = said(temperature)
    found = calibration.fit_temperature([group])
    assert found.at(5) == pytest.approx(temperature, rel=0.1)
    assert found.per_picture == 0  # a single number of pictures says nothing about others
    # Where it is least, the derivative is zero: by a plain grid, nothing nearby is better.
    nearby = [Temperature(found.limit * factor) for factor in (0.98, 1.0, 1.02)]
    around = [calibration._surprise(group, one) for one in nearby]
    assert min(around) == around[1]


def test_what_a_single_picture_adds_is_found_too():
    groups = [said(0.5 + 2 / shots, shots, shots=shots) for shots in (1, 2, 5, 10)]
    found = calibration.fit_temperature(groups)
    assert found.limit == pytest.approx(0.5, rel=0.1)
    assert found.per_picture == pytest.approx(2.0, rel=0.1)

    def surprise(limit, per_picture):
        temperature = Temperature(limit, per_picture)
        return np.mean([calibration._surprise(group, temperature) for group in groups])

    least = surprise(found.limit, found.per_picture)
    for by in (0.98, 1.02):
        assert surprise(found.limit * by, found.per_picture) > least
        assert surprise(found.limit, found.per_picture * by) > least


def test_further_pictures_never_raise_it():
    groups = [said(1.0, shots=1), said(3.0, seed=1, shots=10)]
    found = calibration.fit_temperature(groups)
    assert found.per_picture == 0 and 1 < found.limit < 3


def test_groups_weigh_the_same_whatever_their_size():
    large, small = said(0.5, count=4000), said(3.0, seed=1, count=400)
    found = calibration.fit_temperature([large, small])
    halves = [Answers(large.logits[:400], large.labels[:400], large.shots), small]
    assert found.limit == pytest.approx(calibration.fit_temperature(halves).limit, rel=0.15)
    assert found.limit > 1.3 * calibration.fit_temperature([large]).limit


def test_the_calibration_error_is_that_of_a_count_by_hand():
    # Two answers of confidence 0.9, one right; two of 0.6, both right.
    rows = np.log([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]])
    group = Answers(rows, np.array([0, 1, 0, 0]), 1)
    assert calibration.calibration_error(group) == pytest.approx(0.5 * 0.4 + 0.5 * 0.4)
    high, low = calibration.reliability(group)[::-1]
    assert high == pytest.approx((0.5, 0.9, 0.5)) and low == pytest.approx((0.5, 0.6, 1.0))
    assert (
        calibration.calibration_error(said(1.0)) < 0.02 < calibration.calibration_error(said(4.0))
    )
    # At 2 pictures of each class 3 + 2 / 2 is the right temperature.
    mended = calibration.calibration_error(said(4.0, shots=2), Temperature(3.0, 2.0))
    assert mended < 0.02


def test_thresholds_count_those_who_are_answered():
    rows = np.log([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.95, 0.05], [0.5, 0.5]])
    group = Answers(rows, np.array([0, 0, 0, 2, 3]), 4)  # the last two are strangers
    found = calibration.refusals(group, Temperature(), 0.7)
    assert found == pytest.approx((4, 0.7, 2 / 3, 0.5, 0.5))
    # 0.9 : 0.1 becomes 0.75 : 0.25, and 0.95 : 0.05 becomes 0.81 : 0.19.
    cooled = calibration.refusals(group, Temperature(1.0, 4.0), 0.8)
    assert cooled == pytest.approx((4, 0.8, 0, np.nan, 0.5), nan_ok=True)
    nobody = calibration.refusals(group, Temperature(), 1.0)
    assert nobody.answered == 0 and np.isnan(nobody.accuracy) and nobody.strangers == 0


@pytest.mark.parametrize("norm", ["running", "support"])
def test_answers_are_those_of_the_classifier(norm):
    images, _ = stripes((4,) * 4)
    pool = ClassPool(images[..., np.newaxis], (4,) * 4, tuple("abcd"))
    start = start_of(norm, dtype="float32")
    group = calibration.answers(start, pool, 3, 2, tasks=2, strangers=1, query_shots=2)
    assert group.logits.shape == (16, 3) and group.shots == 2
    assert group.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3] * 2
    probabilities = np.exp(group.logits - np.logaddexp.reduce(group.logits, axis=1)[:, None])
    hot = dataclasses.replace(start, temperature=Temperature(0.5))
    pictures, labels = stripes((1, 2))
    by_start = FewShotClassifier(hot).fit(pictures, labels).predict_proba(pictures)
    cold = FewShotClassifier(start, temperature=0.5).fit(pictures, labels).predict_proba(pictures)
    np.testing.assert_array_equal(by_start, cold)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
