"""The endpoints as functions: the numbers of the method, for any task."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.classifier.estimator import FewShotClassifier
from hidra_tf.export.endpoints import Endpoints
from hidra_tf.export.exported import exported


def answers(endpoints, task):
    shown, labels, asked = task
    ways = tf.constant(labels.max() + 1)
    head = endpoints.adapt(tf.constant(shown), tf.constant(labels), ways)
    return endpoints.infer(tf.constant(asked), head)["probabilities"].numpy()


@pytest.mark.parametrize("norm", ["running", "affine", "none", "support"])
def test_the_closed_form_is_the_methods_for_any_number_of_classes(
    make_start, make_task, expected, norm
):
    start = make_start(norm, dtype="float64")
    found = Endpoints(exported(start))
    for ways in (2, 5, 20):
        task = make_task(ways)
        np.testing.assert_allclose(answers(found, task), expected(start, task), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("method", "norm", "steps"),
    [
        ("hidra", "running", 2),
        ("hidra", "support", 3),
        ("anil", "support", 3),
        ("protonet", "support", 1),
        ("r2d2", "support", 1),
        ("finetune", "running", 3),
        ("proto_maml", "affine", 0),
        ("proto_maml", "affine", 2),
        ("hyperhidra", "running", 1),
        ("meta_sgd", "support", 2),
    ],
)
def test_a_head_answers_as_the_method_does(make_start, make_task, expected, method, norm, steps):
    options = {"head": "master"} if method in ("anil", "meta_sgd") else {}
    start = make_start(norm, method, steps, dtype="float64", **options)
    found, task = Endpoints(exported(start)), make_task(3)
    wanted = expected(start, task)
    assert np.ptp(wanted, axis=1).min() > 1e-3  # or equal answers would prove nothing
    np.testing.assert_allclose(answers(found, task), wanted, rtol=0, atol=1e-6)


def test_normalisation_weights_of_every_step_are_part_of_the_head(make_start, make_task, expected):
    start = make_start("support", steps=2, dtype="float64", per_step_norm=True)
    for i, table in enumerate(start.method.step_norms.tables):
        table.assign(table + 0.1 * (i + 1) * tf.constant([[1.0], [3.0]], tf.float64))
    task = make_task(3)
    np.testing.assert_allclose(
        answers(Endpoints(exported(start)), task), expected(start, task), rtol=0, atol=1e-6
    )


def test_colours_are_cropped_and_standardised_within(make_start, make_task, expected):
    start, task = make_start("support", channels=3, dtype="float64"), make_task(2, channels=3)
    np.testing.assert_allclose(
        answers(Endpoints(exported(start)), task), expected(start, task), rtol=0, atol=1e-6
    )


def test_a_head_holds_no_more_than_queries_need(make_start):
    def names(*settings):
        return set(Endpoints(exported(make_start(*settings))).head_specs)

    layer = {"kernel", "bias"}
    assert names("running") == names("affine", "protonet") == layer
    statistics = {f"block_{i}_norm_{what}" for i in range(1, 5) for what in ("mean", "variance")}
    assert names("support") == layer | statistics
    assert names("running", "hidra", 2) == layer | {f"block_{i}_kernel" for i in range(1, 5)}


def test_other_weights_of_pictures_and_temperatures_are_those_of_the_classifier(
    make_start, make_task
):
    shown, labels, asked = make_task(3)
    settings = {"balanced": False, "temperature": 0.05}
    fitted = FewShotClassifier(make_start("running"), **settings).fit(shown, labels)
    wanted = fitted.predict_proba(asked)
    balanced = FewShotClassifier(make_start("running"), temperature=0.05).fit(shown, labels)
    assert np.abs(balanced.predict_proba(asked) - wanted).max() > 1e-3
    found = answers(Endpoints(exported(fitted)), (shown, labels, asked))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("norm", ["running", "support"])
def test_what_a_classifier_has_learned_is_a_head(make_start, make_task, norm):
    shown, labels, asked = make_task(3)
    fitted = FewShotClassifier(make_start(norm)).fit(shown, labels)
    source = exported(fitted)
    assert source.labels == ("0", "1", "2")
    found = Endpoints(source)
    probabilities = found.infer(tf.constant(asked), found.learned())["probabilities"]
    np.testing.assert_allclose(probabilities, fitted.predict_proba(asked), rtol=0, atol=1e-5)


def test_what_was_learned_is_tempered_by_the_pictures_and_not_by_what_is_kept_of_them(
    make_start, make_task
):
    # Of ten pictures only their mean is kept, which must not pass for a single picture.
    shown, labels, _ = make_task(2)
    many = np.repeat(shown, 10, axis=0), np.repeat(labels, 10)
    fitted = FewShotClassifier(make_start("running")).fit(*many)
    assert len(fitted.memory_.support().examples) == 2
    found = Endpoints(exported(fitted))
    head = found.learned()
    adapted = found.adapt(*map(tf.constant, many), tf.constant(2))
    np.testing.assert_allclose(head["kernel"], adapted["kernel"], rtol=1e-4, atol=1e-4)
    constant = Endpoints(exported(fitted.set_params(temperature=1.0))).learned()
    divisor = 0.05 + 0.08 * np.mean([1 / 10, 1 / 20])
    np.testing.assert_allclose(head["kernel"], constant["kernel"] / divisor, rtol=1e-5)


def test_scaled_features_become_part_of_the_head(make_start, make_task):
    start = dataclasses.replace(make_start("affine", "anil", 5, head="zero"), standardized=True)
    shown, labels, asked = make_task(3)
    fitted = FewShotClassifier(start).fit(shown, labels)
    found = answers(Endpoints(exported(start)), (shown, labels, asked))
    np.testing.assert_allclose(found, fitted.predict_proba(asked), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "labels", [[0, 0, 1, 3], [0, 0, 2, 2], [0, 1, 2, -1], [0, 0, 0, 0]], ids=str
)
def test_labels_that_cannot_be_meant_are_errors_or_no_numbers(make_start, labels):
    source = exported(make_start("affine"))
    ways = tf.constant(1 if not any(labels) else 3)
    task = (tf.zeros((4, 18, 18, 1)), tf.constant(labels), ways)
    with pytest.raises(tf.errors.InvalidArgumentError, match="labels: expected 0 to ways - 1"):
        Endpoints(source).adapt(*task)
    assert np.isnan(Endpoints(source, asserting=False).adapt(*task)["bias"]).all()


@pytest.mark.parametrize("wrong", [255.0, -1.0, np.nan])
def test_pictures_that_cannot_be_meant_are_errors(make_start, make_task, wrong):
    shown, labels, asked = make_task(2)
    found = Endpoints(exported(make_start("affine")))
    asked[0, 3, 4] = wrong
    with pytest.raises(tf.errors.InvalidArgumentError, match="divide pictures of 0 to 255 by 255"):
        answers(found, (shown, labels, asked))
