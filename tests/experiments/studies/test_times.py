import re

import pytest

from experiments.lab import inference_time, writing
from experiments.studies import times
from experiments.studies.of_hypermaml import PLUS_MINUS

MAML = "omniglot_emnist_maml_1shot_table4"


class Timed:
    """An evaluator that notes what it is asked for, and takes a second longer each time."""

    def __init__(self, config, method, splits, request):
        del config, method, splits
        self.steps, self.asked, self.seconds = request.steps, [], {}

    def rows(self, tasks):
        self.asked.append(tasks)
        self.seconds = {5: float(len(self.asked))}
        return iter(())


@pytest.fixture
def evaluators(monkeypatch):
    """All evaluators that a timing makes; nothing is loaded, built or run."""
    made = []

    def make(*given):
        made.append(Timed(*given))
        return made[-1]

    monkeypatch.setattr(inference_time, "make_evaluator", make)
    monkeypatch.setattr(inference_time, "build_method", lambda *_: None)
    return made


@pytest.fixture
def lab(made_up, monkeypatch):
    """A lab that has no trained network."""
    made = made_up(wanted=lambda config: False)
    monkeypatch.setattr(made.store, "load", lambda *_: None)
    return made


def test_each_number_of_steps_is_timed_by_itself_and_warm(lab, evaluators):
    timings = [job for job in times.STUDY.jobs(lab) if "table4: seconds" in job.lines]
    for job in timings:
        assert not job.is_done()
        job.do()
        assert job.is_done()
    assert [one.steps for one in evaluators] == [
        *((steps,) for steps in (0, 1, 2, 3, 4, 5, 10, 25, 50, 100)),
        (1,),
    ]
    # A few tasks build the graph, and are not counted.
    assert all(one.asked == [10, 600, 600, 600] for one in evaluators)
    assert inference_time.known(lab.test(MAML), 3, lab).seconds == (2.0, 3.0, 4.0)


def test_seconds_are_for_600_tasks_and_untrained_networks_have_no_accuracy(lab):
    kept = {"seconds": [0.3, 0.1, 0.2], "tasks": 10, "machine": "a processor", "load": 1.5}
    lab.store.keep(inference_time._name(lab.test(MAML), 2, lab), kept)
    found = times.STUDY.collect(lab)
    row = found.listings[0].records[2]
    assert (row["model"], row["steps"], row["paper's seconds"]) == ("MAML", 2, "7.30 ± 0.11")
    assert (row["seconds"], row["fastest"], row["load"]) == (
        pytest.approx(12),
        pytest.approx(6),
        1.5,
    )
    assert (row["accuracy, %"], row["±"]) == (None, None)
    assert "a processor" in found.listings[0].title
    assert found.figures["seconds"].startswith(b"\x89PNG")
    others = [r for one in found.listings for r in one.records if r is not row]
    assert {r["seconds"] for r in others} == {None}
    # 11 + 9 timings of Tables 4 and 8 without CUB, of which one is there.
    assert len(found.absent) == 19


def test_accuracies_stand_beside_where_networks_were_trained(made_up):
    lab = made_up(lambda test, ways, steps, task: 500 + steps)
    table4, _, cub = times.STUDY.collect(lab).listings
    assert [row["accuracy, %"] for row in table4.records[:10]] == pytest.approx(
        [50 + steps / 10 for steps in times.EMNIST]
    )
    assert {row["accuracy, %"] for row in cub.records} == {None}


def test_all_published_times_and_accuracies_are_there(lab):
    text = writing.markdown(times.STUDY.collect(lab), lab)
    tables = text.split("Not measured")[0]
    # Seconds and accuracies of 11 rows of Table 4, and of 9 for each data set of Table 8.
    assert len(re.findall(r"\d+\.\d+ ± \d+\.\d+", tables)) == 2 * (11 + 9 + 9)
    assert PLUS_MINUS in text
    first = times.STUDY.collect(lab).listings[0].records[0]
    assert first["paper's accuracy"] == "19.978 ± 0.348"
