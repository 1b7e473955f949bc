import numpy as np
import pytest

import data_gen
from data_gen.class_pool import Splits
from experiments import stale_predictions as experiment
from hidra_tf.methods.hypermaml import HyperMaml
from hidra_tf.training.optimizers import apply_clipped, make_optimizer

# The rate is so large that two updates already tell a stale training from a right one.
BUDGET = experiment.Budget(
    steps=2,
    meta_batch=2,
    filters=4,
    meta_lr=0.03,
    eval_tasks=4,
    ways=3,
    query_shots=2,
    layers=2,
    width=8,
)
SEED = 0


@pytest.fixture(scope="module")
def splits():
    whole = data_gen.load("glyphs")
    return Splits(*(pool.select(sorted(pool.names)[:4]) for pool in whole))


@pytest.fixture
def sampler(splits):
    return experiment.sampler_of(splits.train, BUDGET.meta_batch, BUDGET, SEED, "meta_train")


@pytest.fixture
def stale(splits):
    return experiment.make(True, splits.train.image_shape, BUDGET, SEED)


def test_each_task_is_told_what_the_classifier_of_the_task_before_says(stale, sampler, monkeypatch):
    told, adapted = [stale.head.initial(BUDGET.ways)], []
    remember, predictions = stale.head.remember, experiment.HyperHead.predictions

    def looked_at(self, head, features):
        told.append(head)
        return predictions(self, head, features)

    def kept(head):
        adapted.append(head)
        remember(head)

    monkeypatch.setattr(experiment.HyperHead, "predictions", looked_at)
    monkeypatch.setattr(stale.head, "remember", kept)
    for step in range(2):
        stale.meta_gradients(sampler(step))
    # Also from one meta-batch to the next; only the first task of all sees the universal one.
    assert len(adapted) == 4
    for seen, expected in zip(told[1:], [told[0], *adapted[:3]], strict=True):
        np.testing.assert_array_equal(seen.kernel, expected.kernel)
        np.testing.assert_array_equal(seen.bias, expected.bias)


@pytest.mark.slow
def test_both_are_trained_alike_and_tested_with_the_right_predictions(
    splits, stale, sampler, monkeypatch
):
    tested = []
    monkeypatch.setattr(
        experiment, "accuracies", lambda method, pool, budget: tested.append(method) or np.ones(4)
    )
    assert experiment.compare(splits, BUDGET, SEED).shape == (2, 4)
    assert [type(method) for method in tested] == [HyperMaml, HyperMaml]
    # The compiled updates take the tasks in the order of these ones.
    right = experiment.make(False, splits.train.image_shape, BUDGET, SEED)
    for method, twin in zip(tested, (right, stale), strict=True):
        optimizer = make_optimizer(twin.variables, BUDGET.meta_lr)
        for step in range(BUDGET.steps):
            gradients = twin.meta_gradients(sampler(step)).gradients
            apply_clipped(optimizer, gradients, twin.variables, 10.0)
        for variable, expected in zip(method.variables, twin.variables, strict=True):
            np.testing.assert_allclose(variable, expected, atol=1e-4)
    biases = [method.head.hypernetwork.biases[0].numpy() for method in tested]
    assert np.max(np.abs(biases[0] - biases[1])) > 1e-2


def test_accuracies_are_those_of_the_test_tasks(splits):
    method = experiment.make(False, splits.train.image_shape, BUDGET, SEED)
    found = experiment.accuracies(method, splits.test, BUDGET)
    tasks = experiment.sampler_of(splits.test, 10, BUDGET, 0, "evaluation")(0)
    hits = np.argmax(method.query_logits(tasks, [1])[:, 0], axis=-1) == tasks.query_labels
    np.testing.assert_allclose(found, np.mean(hits, axis=-1)[:4])


def test_it_prints_paired_differences_and_how_much_trainings_differ(monkeypatch, capsys):
    accuracies = {
        3: np.array([[0.5, 0.7, 0.6], [0.6, 0.8, 0.7]]),
        4: np.array([[0.5, 0.7, 0.6], [0.5, 0.7, 0.6]]),
    }
    monkeypatch.setattr(experiment, "compare", lambda splits, budget, seed: accuracies[seed])
    experiment.main(["--dataset=glyphs", "--eval_dataset=", "--seeds=3,4", "--steps=1"])
    header, first, second, last = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["seed", "right", "stale"]
    assert first.split() == [
        "3",
        "60.00",
        "±",
        "11.32",
        "70.00",
        "±",
        "11.32",
        "10.00",
        "±",
        "0.00",
    ]
    assert second.split()[-3:] == ["0.00", "±", "0.00"]
    # (10 − 0)/√2
    assert last == "stale − right over the trainings: mean 5.00, standard deviation 7.07"


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("--seeds=0,a", "argument --seeds: expected numbers, such as 0,1,2; received '0,a'"),
        ("--steps=0", "argument --steps: expected 1 or more; received '0'"),
        ("--dataset=stars", "expected a data set out of omniglot, "),
    ],
)
def test_wrong_arguments_are_told_in_one_line(argument, told, capsys):
    with pytest.raises(SystemExit) as stopped:
        experiment.main([argument, "--eval_dataset="])
    assert stopped.value.code == 2
    assert told in capsys.readouterr().err.splitlines()[-1]
