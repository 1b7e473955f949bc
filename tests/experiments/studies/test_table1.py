import pytest

from experiments.lab import writing
from experiments.studies import table1

WAYS = range(2, 16)
ROWS = {"HIDRA 2", "HIDRA 5", "HIDRA 8", "HIDRA 10", "HIDRA 4-6", "HIDRA 2-10", "MAML"}


def told(test, ways, steps, task):
    """Each place of the table has an accuracy of its own."""
    return 10 * ways + steps + 300 * (test.config.method == "maml")


def test_every_published_number_stands_in_its_place(made_up, published):
    lab = made_up(wanted=lambda config: False)
    for table in table1.tables(lab):
        cells = {line.label: line.cells for line in table.lines}
        assert set(cells) == ROWS | {"random"}
        for label in ROWS:
            preset = "maml_5" if label == "MAML" else label.lower().replace(" ", "_")
            numbers = published(f"mini_imagenet_{preset}")
            assert [(int(cell.column), cell.paper) for cell in cells[label]] == list(
                zip(WAYS, numbers, strict=True)
            )
        assert {cell.paper for cell in cells["random"]} == {None}
    text = writing.markdown(table1.STUDY.collect(lab), lab)
    rows = [line for line in text.splitlines() if "| paper |" in line]
    assert len(rows) == 2 * len(ROWS)
    assert sum(row.count(".") for row in rows) == 2 * len(ROWS) * len(WAYS)


def test_what_nobody_measured_has_no_number(made_up):
    found = table1.STUDY.collect(made_up(wanted=lambda config: config.train_ways == (8,)))
    for table in found.tables:
        for label, cells in table.by_label():
            here = [int(one.cell.column) for one in cells if one.ours is not None]
            assert here == {"HIDRA 8": list(WAYS), "MAML": [8]}.get(label, []), label
        assert set(table.missing()) >= {"HIDRA 2", "random"}
        assert "MAML (2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15)" in table.missing()


def test_each_number_is_of_its_ways_and_steps(made_up):
    lab = made_up(told)
    found = table1.STUDY.collect(lab)
    for table, steps in zip(found.tables, (5, 10), strict=True):
        for label, cells in table.by_label():
            for ways, one in zip(WAYS, cells, strict=True):
                expected = (10 * ways + steps + 300 * (label == "MAML")) / 10
                assert one.ours.mean == pytest.approx(expected)
                if label == "MAML":
                    assert one.cell.test.config.train_ways == (ways,)
    assert sorted(found.figures) == ["figure1", "figure5"]
    assert all(image.startswith(b"\x89PNG") for image in found.figures.values())
    text = writing.markdown(found, lab)
    assert "random: nothing trained, seed 0, 200 test tasks" in text
    assert "Not measured" not in text


def test_maml_has_a_training_for_each_number_of_ways_and_the_others_one_each(made_up):
    jobs = table1.STUDY.jobs(made_up())
    assert len(jobs) == 6 + 14 + 1
    assert [job.label for job in jobs if "MAML" in job.lines] == [f"MAML at {w} ways" for w in WAYS]


@pytest.mark.parametrize(
    ("budget", "tasks", "steps"), [("short", 200, (5, 10)), ("paper", 4000, tuple(range(1, 11)))]
)
def test_only_the_full_budget_has_all_tasks_and_steps(made_up, budget, tasks, steps):
    for table in table1.tables(made_up(budget=budget)):
        for line in table.lines:
            requests = {cell.test.request for cell in line.cells}
            assert {(one.tasks, one.steps) for one in requests} == {(tasks, steps)}
