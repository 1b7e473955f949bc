import numpy as np
import pytest

from experiments.lab.budgets import BUDGETS
from experiments.lab.lab import Lab
from experiments.lab.store import Store
from experiments.studies import toy, toy_figure
from experiments.studies.toy_tasks import FOUR, BothKinds, Training, four_tasks, learned, linear


def test_half_of_the_tasks_are_horizontal_and_labels_are_permuted():
    batch = BothKinds(20, 0, "meta_train")
    firsts = []
    for step in range(3):
        images, labels = (array.numpy() for array in batch(step)[:2])
        assert labels.tolist() == 20 * [[0] * 5 + [1] * 5]
        # Horizontal ellipses lie above and below the origin, vertical ones left and right of it.
        means = images[:, :5].mean(axis=1)
        assert (np.abs(means[:10, 1]) > 1).all()
        assert (np.abs(means[10:, 0]) > 1).all()
        firsts += [*np.sign(means[:10, 1]), *np.sign(means[10:, 0])]
    assert set(firsts) == {-1, 1}


def test_the_four_tasks_are_both_kinds_with_both_orders_of_labels():
    support, labels, queries, _, _ = four_tasks(1000)
    assert len(FOUR) == len(support) == 4
    for first in (0, 2):
        swapped = np.concatenate([support[first][5:], support[first][:5]])
        np.testing.assert_array_equal(swapped, support[first + 1])
    assert labels.shape == (4, 10)
    seen = {tuple(point) for point in support.numpy().reshape(-1, 2)}
    assert not seen & {tuple(point) for point in queries.numpy().reshape(-1, 2)}


def test_one_gradient_step_from_zero_solves_every_task_whatever_the_rate():
    # The words of the study say so: ψ₁ − ψ₀ = α/2·(m₁ − m₀), the closed form of HIDRA's step.
    method = linear(Training("maml", 1, 0.01), seed=0)
    for weight in (method.head.kernel, method.head.bias):
        weight.assign(np.zeros(weight.shape))
    tasks = four_tasks(1000)
    logits = method.query_logits(tasks, (1,))[:, 0].numpy()
    for support, queries, found in zip(*tasks[:3:2], logits, strict=True):
        means = support.numpy().reshape(2, 5, 2).mean(axis=1)
        expected = queries.numpy() @ (0.01 / 2 * (means[1] - means[0]))
        np.testing.assert_allclose(found[:, 1] - found[:, 0], expected, atol=1e-6)
    assert np.mean(logits.argmax(-1) == tasks.query_labels.numpy()) > 0.99


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return Lab(BUDGETS["smoke"], Store(tmp_path_factory.mktemp("runs")))


@pytest.fixture(scope="module")
def trained(lab):
    """What a short training of HyperMAML gives, kept as the study keeps it."""
    made = learned(toy.HYPER, toy.marks(lab), 0, 3)
    lab.store.keep(toy._name(toy.HYPER, 0, lab), made)
    return made


def test_what_is_kept_are_the_weights_that_answer(trained):
    assert list(trained) == ["2", "4"]
    tasks = four_tasks(1000)
    for seen in trained.values():
        assert len(seen["correct"]) == 3
        assert all(0 <= count <= 30 for count in seen["correct"])
        for number, weights in enumerate(seen["adapted"]):
            logits = tasks.query_images[number].numpy() @ weights["kernel"] + weights["bias"]
            hits = logits.argmax(-1) == tasks.query_labels[number].numpy()
            assert seen["accuracy"][number] == pytest.approx(hits.mean())
    assert trained["2"]["universal"] != trained["4"]["universal"]


def test_what_nobody_trained_has_no_number(lab, trained):
    jobs = {job.label: job.is_done() for job in toy.STUDY.jobs(lab)}
    assert [label for label, is_done in jobs.items() if is_done] == ["HyperMAML"]
    found = toy.STUDY.collect(lab)
    assert len(found.absent) == len(toy.TRAININGS) - 1
    random, four = found.listings
    assert [row["after meta-updates"] for row in random.records] == ["HyperMAML"]
    assert {row["method"] for row in four.records} == {"HyperMAML"}
    assert not found.figures
    assert trained


def test_the_figure_has_a_row_for_each_method(trained):
    rows = [(training.label, trained["4"]) for training in toy.ROWS]
    assert toy_figure.figure(rows).startswith(b"\x89PNG")
