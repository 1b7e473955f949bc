"""HyperMAML's tables of accuracies and norms: what is published, what is asked for, and where."""

import re

import pytest

from experiments.lab import writing
from experiments.lab.budgets import BUDGETS
from experiments.lab.lab import Lab
from experiments.studies import ablation, cross_domain, mini_imagenet, update_size
from tests.experiments.studies.conftest import PRESETS, MadeUp

STUDIES = (cross_domain.STUDY, mini_imagenet.STUDY, ablation.STUDY)
# Published means of each study: of those, how many are of methods that are measured.
COUNTS = {"cross_domain": (52, 16), "mini_imagenet": (71, 25), "ablation": (5, 5)}


def cells_of(study, lab):
    """Label, cell of each place of a study's tables."""
    for table in study.tables(lab):
        for line in table.lines:
            yield from ((line.label, cell) for cell in line.cells)


def number_of(preset):
    """The first accuracy that a preset's comment names, with its ±."""
    text = (PRESETS / f"{preset}.flags").read_text()
    mean, interval = re.search(r"^# (\d+\.\d+)(?: ± (\d+\.\d+))? %", text, re.M).groups()
    return float(mean), None if interval is None else float(interval)


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_all_published_numbers_are_there(study, made_up):
    lab = made_up(wanted=lambda config: False)
    cells = [cell for _, cell in cells_of(study, lab) if cell.paper is not None]
    measured = [cell for cell in cells if cell.test is not None]
    assert (len(cells), len(measured)) == COUNTS[study.name]
    text = writing.markdown(study.collect(lab), lab)
    assert "| ours |" not in text
    rows = [line for line in text.splitlines() if "| paper |" in line]
    shown = sum(len(re.findall(r"\| \d+\.\d\d", row)) for row in rows)
    assert shown == len(cells)


@pytest.mark.parametrize("study", STUDIES[:2], ids=lambda study: study.name)
def test_published_numbers_are_those_of_the_presets(study, made_up, monkeypatch):
    asked = []
    real = Lab.test

    def noting(lab, preset, *flags, **request):
        asked.append(preset)
        return real(lab, preset, *flags, **request)

    monkeypatch.setattr(Lab, "test", noting)
    cells = [c for _, c in cells_of(study, made_up()) if c.test is not None and c.paper is not None]
    named = [preset for preset in asked if preset != mini_imagenet.PRETRAINING]
    # This preset's comment begins with the other number that the paper has for it, in Table 5.
    other = {"omniglot_emnist_hypermaml_switch_enhancement": (79.07, 1.09)}
    expected = [other.get(preset) or number_of(preset) for preset in named]
    assert [(cell.paper, cell.paper_interval) for cell in cells] == expected


def test_rows_of_other_methods_are_not_called_missing(made_up):
    found = cross_domain.STUDY.collect(made_up(wanted=lambda config: config.method == "maml"))
    emnist, cub = found.tables
    assert cub.missing() == []
    assert len(emnist.missing()) == 7
    assert not {"MAML", "DKT", "Bayesian MAML"} & set(emnist.missing())
    ours = [label for label, cells in emnist.by_label() if any(one.ours for one in cells)]
    assert ours == ["MAML"]


def test_each_number_is_of_its_method_and_shots(made_up):
    def told(test, ways, steps, task):
        return 100 * test.config.shots + len(test.config.method)

    for study in STUDIES:
        for label, cells in (
            row for t in study.collect(made_up(told)).tables for row in t.by_label()
        ):
            for one in cells:
                if one.cell.test is None:
                    assert one.ours is None, label
                else:
                    config = one.cell.test.config
                    shots = int(one.cell.column)
                    assert one.ours.mean == pytest.approx(
                        (100 * config.shots + len(config.method)) / 10
                    )
                    assert (one.cell.test.request.shots or (config.shots,)) == (shots,)


def test_pretrained_rows_begin_with_the_stores_own_pretraining_which_comes_first(made_up):
    lab = made_up()
    first, second = mini_imagenet.STUDY.jobs(lab)[:2]
    pretraining = mini_imagenet.tables(lab)[0].lines[0]
    assert {*first.lines, *second.lines} == {pretraining.label}
    run = lab.store.run(pretraining.cells[0].test.config)
    begun = {
        label
        for label, cell in cells_of(mini_imagenet.STUDY, lab)
        if cell.test is not None and cell.test.config.pretrained == str(run)
    }
    assert begun == {"HyperMAML", "Unicorn-MAML"}


def test_the_ablation_has_all_four_variants(made_up):
    settings = {
        label: (cell.test.config.switch, cell.test.config.enhancement, cell.test.config.meta_lr)
        for label, cell in cells_of(ablation.STUDY, made_up())
        if cell.test.config.method == "hypermaml"
    }
    assert settings == {
        "neither": (None, False, 1e-4),
        "enhancement": (None, True, 1e-4),
        "switch": ((24, 269), False, 1e-2),
        "switch and enhancement": ((24, 269), True, 1e-2),
    }
    for label, cell in cells_of(ablation.STUDY, made_up()):
        preset = ablation.ROWS[label][0]
        if preset.startswith("hypermaml"):
            numbers = (cell.paper, cell.paper_interval)
            assert numbers == number_of(f"omniglot_emnist_{preset}")


class Moved(MadeUp):
    """A store whose tests say how far the head was moved."""

    def known(self, test):
        made = super().known(test)
        for row in made["rows"]:
            norms = {"head_update/weight": 10.0 + row["steps"], "head_update/bias": 0.5}
            row["metrics"] = {n: {"mean": norm, "ci95": 0.1} for n, norm in norms.items()}
        return made


def test_update_sizes_are_those_after_the_first_update(tmp_path):
    lab = Lab(BUDGETS["short"], Moved(tmp_path, lambda *_: 0), "/data")
    (table,) = update_size.STUDY.collect(lab).tables
    numbers = {
        label: [(one.cell.column, one.cell.paper, one.ours.mean) for one in cells]
        for label, cells in table.by_label()
    }
    assert numbers == {
        "MAML": [("weight", 2.53, 11.0), ("bias", 1.47, 0.5)],
        "HyperMAML": [("weight", 113.28, 11.0), ("bias", 27.72, 0.5)],
    }
