import numpy as np
import pytest

from experiments.lab import networks, probe
from experiments.lab.budgets import BUDGETS
from experiments.lab.lab import Lab
from experiments.lab.networks import Answers
from experiments.lab.probe import Probe
from experiments.lab.store import Store


@pytest.fixture
def lab(tmp_path):
    return Lab(BUDGETS["smoke"], Store(tmp_path / "runs"))


def test_answers_are_counted_and_turned_into_probabilities():
    labels = np.array([[0, 1], [1, 0]])
    logits = np.array([[[[2.0, 0.0], [3.0, 1.0]]], [[[0.0, 1000.0], [5.0, 5.0]]]])
    answers = Answers(labels, logits)
    assert answers.correct.tolist() == [[1], [2]]
    assert answers.classes.shape == (2, 1, 2)
    np.testing.assert_allclose(answers.probabilities[0, 0, 0, 0], 1 / (1 + np.exp(-2.0)))
    np.testing.assert_allclose(answers.probabilities.sum(axis=-1), 1)
    assert answers.probabilities[1, 0, 0].tolist() == [0, 1]


def test_tasks_of_a_call_are_counted():
    assert [networks.calls_of(count) for count in (1, 10, 11, 600)] == [1, 1, 2, 60]


def test_what_is_computed_is_kept_for_the_weights_it_was_computed_from(lab, monkeypatch):
    first = lab.test("omniglot_hidra_5")
    other = lab.test("omniglot_hidra_5", ways=(2,))
    weights = {"digest": "one"}
    monkeypatch.setattr(Store, "is_trained", lambda store, config: bool(weights))
    monkeypatch.setattr(Store, "measure", lambda store, test: None)
    monkeypatch.setattr(
        probe, "current", lambda path, config, asked: type("Weights", (), weights)()
    )
    calls = []
    made = Probe("made", (first,), lambda store: {"calls": calls.append(store) or len(calls)})
    job = made.job("label", lab)
    assert not job.is_done()
    job.do()
    assert job.is_done()
    assert made.known(lab.store) == {"calls": 1}
    # Another test, other weights, or none at all: nothing is known.
    assert Probe("made", (other,), made.compute).known(lab.store) is None
    weights["digest"] = "two"
    assert made.known(lab.store) is None
    job.do()
    assert made.known(lab.store) == {"calls": 2}
    weights["digest"] = None
    assert made.known(lab.store) is None
    weights.clear()
    assert made.known(lab.store) is None
