import csv
import json

import numpy as np
import pytest

from experiments.lab import writing
from experiments.studies import figure4
from experiments.studies.figure4_alike import alike, cosines

WAYS, FEATURES = 5, 16


def test_neurons_at_right_angles_have_nothing_in_common():
    found = alike(3 * np.eye(WAYS, FEATURES))
    assert (found.cosine, found.lowest, found.highest) == (0, 0, 0)
    assert found.length == pytest.approx(3)
    # ‖mean‖² = 9/C, and what is left of each neuron is 9 − 9/C.
    assert found.common == pytest.approx(1 / WAYS)
    assert found.deviation == pytest.approx(3 * np.sqrt(1 - 1 / WAYS))
    assert found.centred == pytest.approx(-1 / (WAYS - 1))


def test_neurons_that_are_nearly_equal_are_found_to_be():
    shared = np.ones(FEATURES)
    found = alike(shared + 1e-3 * np.eye(WAYS, FEATURES))
    assert found.lowest > 1 - 1e-6
    assert found.common > 1 - 1e-6
    assert found.deviation == pytest.approx(1e-3 * np.sqrt(1 - 1 / WAYS))
    # Their differences are as far from each other as those of any other neurons.
    assert found.centred == pytest.approx(-1 / (WAYS - 1))


def test_cosines_are_those_of_pairs():
    neurons = np.random.default_rng(0).normal(size=(3, 7))
    expected = np.dot(neurons[0], neurons[2]) / np.sqrt(
        np.sum(neurons[0] ** 2) * np.sum(neurons[2] ** 2)
    )
    assert cosines(neurons)[0, 2] == pytest.approx(expected)


def test_random_heads_share_as_much_as_chance_gives():
    found = figure4.random_heads(10, 64, draws=300)
    assert np.mean([one.cosine for one in found]) == pytest.approx(0, abs=5e-3)
    assert np.mean([one.common for one in found]) == pytest.approx(0.1, abs=5e-3)
    # A uniform draw of Glorot's bound has the variance 2/(C + D).
    assert np.mean([one.length for one in found]) == pytest.approx(np.sqrt(64 * 2 / 74), rel=1e-2)


def test_the_study_from_runs_to_its_files(smoke_lab, lay_down, tmp_path):
    tests = figure4.tested(smoke_lab)
    methods = {label: lay_down(smoke_lab, test) for label, test in tests.items()}
    # No number of a test is needed to look at weights.
    writing.write("figure4", figure4.STUDY.collect(smoke_lab), smoke_lab, tmp_path)
    made = json.loads((tmp_path / "figure4" / "smoke.json").read_text())
    kernel = methods[figure4.MAML].head.kernel.numpy()
    np.testing.assert_allclose(made["neurons"][figure4.MAML], kernel.T)
    master = methods[figure4.HIDRA].head.kernel.numpy()
    np.testing.assert_allclose(made["neurons"][figure4.HIDRA], [master])
    assert made["after"] == alike(kernel.T.astype(np.float64))._asdict()
    assert made["after"] != made["before"]
    with (tmp_path / "figure4" / "smoke_similarity.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["neuron"] for row in rows] == ["1", "2", "3"]
    for i, row in enumerate(rows):
        own = [float(row[f"cosine with {j + 1}"]) for j in range(3)]
        np.testing.assert_allclose(own, made["cosines"][i], atol=1e-12)
    text = (tmp_path / "figure4" / "smoke.md").read_text()
    assert "(3 neurons)" in text
    assert text.count("with what it was before training") == 2
    assert (tmp_path / "figure4" / "smoke_figure4.png").read_bytes()[1:4] == b"PNG"


def test_nothing_is_said_of_what_was_not_trained(smoke_lab):
    findings = figure4.STUDY.collect(smoke_lab)
    assert not findings.figures
    assert not findings.listings
    assert not findings.words
    assert findings.absent == ("MAML at 10 ways",)
    assert [job.label for job in figure4.STUDY.jobs(smoke_lab)] == [figure4.MAML, figure4.HIDRA]
