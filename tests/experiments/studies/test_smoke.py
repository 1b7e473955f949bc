import pytest

from experiments.lab.budgets import BUDGETS
from experiments.lab.lab import Lab
from experiments.lab.running import run
from experiments.lab.store import Store
from experiments.studies import STUDIES


@pytest.fixture(scope="module")
def lab(tmp_path_factory, shared):
    """One store of runs, as studies share one."""
    return Lab(BUDGETS["smoke"], Store(tmp_path_factory.mktemp("runs"), str(shared / "cache")))


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_a_study_measures_all_of_its_places(lab, tmp_path, name):
    assert run(STUDIES[name], lab, tmp_path)
    text = (tmp_path / name / "smoke.md").read_text()
    assert "Not measured" not in text
    for figure in STUDIES[name].collect(lab).figures:
        assert (tmp_path / name / f"smoke_{figure}.png").read_bytes().startswith(b"\x89PNG")
        assert f"(smoke_{figure}.png)" in text
    # The same command finds nothing left to do.
    assert all(job.is_done() for job in STUDIES[name].jobs(lab))
