"""What a visitor teaches: all or nothing, and the same as one fit on all pictures."""

import copy

import numpy as np
import pytest

from data_gen.errors import UserError
from hidra_tf.app import bounds
from hidra_tf.app.session import Session
from hidra_tf.classifier.estimator import FewShotClassifier


@pytest.fixture
def taught(session, drawn):
    """A session with two circles and one cross."""
    for name in ("circle", "cross"):
        session.name_class(name)
    session.teach("circle", [drawn("circle")])
    session.teach("cross", [drawn("cross")])
    session.teach("circle", [drawn("circle", 0.4, 0.4, 0.2)])
    return session


def test_answers_are_those_of_a_classifier_that_was_fitted_at_once(taught, start, drawn):
    pictures = [p for name in ("circle", "cross") for p in taught.pictures[name]]
    fitted = FewShotClassifier(start).fit(np.stack(pictures), ["circle", "circle", "cross"])
    query = drawn("circle", 0.7, 0.3, 0.1)
    expected = dict(zip(fitted.classes_, fitted.predict_proba(query[None])[0], strict=True))
    for classifier in (taught.probabilities(query), _asked(taught.classifier(), query)):
        assert classifier == pytest.approx(expected, abs=1e-6)
    assert taught.probabilities(query)["circle"] > 0.5
    assert taught.probabilities(drawn("cross", 0.7, 0.3, 0.1))["cross"] > 0.5


def test_what_is_dropped_leaves_no_trace(taught, drawn):
    query = drawn("cross", 0.4, 0.6, 0.2)
    before = taught.probabilities(query)
    taught.name_class("more")
    assert taught.probabilities(query) == before  # without pictures it is no class yet
    taught.teach("more", [drawn("circle", 0.5, 0.5, 0.1), drawn("cross")])
    assert set(taught.probabilities(query)) == {"circle", "cross", "more"}
    taught.forget("more")
    assert taught.probabilities(query) == pytest.approx(before, abs=1e-6)
    taught.teach("circle", [drawn("cross")])
    taught.forget_picture("circle", 2)
    assert taught.probabilities(query) == pytest.approx(before, abs=1e-6)
    assert len(taught.pictures["circle"]) == 2


def test_the_last_class_can_be_dropped_and_another_one_taught(session, drawn):
    session.name_class("a")
    session.teach("a", [drawn("circle")])
    session.forget_picture("a", 0)
    assert session.pictures == {"a": []}
    session.teach("a", [drawn("circle")])
    session.forget("a")
    assert session.pictures == {}
    assert session.probabilities(drawn("circle")) == {}


def test_steps_are_taken_by_what_is_taught_before_and_after(taught, start, drawn):
    assert taught.takes_steps
    assert taught.steps == 1
    query = drawn("circle", 0.6, 0.6, 0.2)
    once = taught.probabilities(query)
    taught.set_steps(2)
    assert taught.steps == taught.classifier().n_steps == 2
    assert taught.probabilities(query) == pytest.approx(_asked(taught.classifier(), query))
    assert taught.probabilities(query) != pytest.approx(once, abs=1e-6)


def test_sessions_share_weights_and_nothing_else(taught, start):
    other = Session(start)
    assert other.pictures == {}
    assert other.start is taught.start
    assert copy.deepcopy(taught) is taught


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "Please give the class a name"),
        ("  \n ", "Please give the class a name"),
        ("x" * 41, "at most 40 characters; this one has 41"),
        ("a\x1bb", "can be shown"),
        (" circle ", "There is a class “circle” already"),
    ],
)
def test_names_that_cannot_be_taken(taught, name, message):
    with pytest.raises(UserError, match=message):
        taught.name_class(name)
    assert set(taught.pictures) == {"circle", "cross"}


def test_bounds_of_classes_and_pictures(session, drawn, monkeypatch):
    for number in range(bounds.MOST_CLASSES):
        session.name_class(f"class {number}")
    with pytest.raises(UserError, match=f"at most {bounds.MOST_CLASSES} classes"):
        session.name_class("one more")
    session.teach("class 0", [drawn("circle")] * 3)
    with pytest.raises(UserError, match="“class 0” would have 101"):
        session.teach("class 0", [drawn("circle")] * 98)
    with pytest.raises(UserError, match="no picture to add"):
        session.teach("class 0", [])
    assert len(session.pictures["class 0"]) == 3


def test_what_another_tab_has_dropped_is_missed_in_one_line(taught, drawn):
    for call in (
        lambda: taught.teach("gone", [drawn("circle")]),
        lambda: taught.forget("gone"),
        lambda: taught.forget_picture("gone", 0),
        lambda: taught.forget_picture("cross", 1),
        lambda: taught.forget_picture("cross", -1),
    ):
        with pytest.raises(UserError, match="any longer"):
            call()
    taught.forget("cross")
    with pytest.raises(UserError, match="at least two classes"):
        taught.classifier()


def _asked(classifier, query):
    found = classifier.predict_proba(query[None])[0]
    return dict(zip(classifier.classes_.tolist(), found.tolist(), strict=True))
