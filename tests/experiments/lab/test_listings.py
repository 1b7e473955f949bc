import csv
import json

import pytest

from data_gen.errors import UserError
from experiments.lab import writing
from experiments.lab.budgets import BUDGETS
from experiments.lab.findings import Findings, Listing
from experiments.lab.lab import Lab
from experiments.lab.running import run
from experiments.lab.store import Store
from experiments.lab.study import Job

RECORDS = (
    {"method": "hidra", "s to 99 %": 1234.567, "updates": 3000},
    {"method": "maml", "s to 99 %": "not reached", "updates": None},
)


@pytest.fixture
def lab(tmp_path):
    return Lab(BUDGETS["smoke"], Store(tmp_path / "runs"))


def test_a_listing_is_a_table_a_file_and_part_of_the_numbers(lab, tmp_path):
    listings = (
        Listing("times", "Seconds", RECORDS, digits=1),
        Listing("curves", "Curves", ({"step": 0},), shown=False),
        Listing("nothing", "Nothing yet", ()),
    )
    writing.write("some", Findings(listings=listings, absent=("reptile",)), lab, tmp_path)
    text = (tmp_path / "some" / "smoke.md").read_text()
    assert "| method | s to 99 % | updates |\n|---|---|---|\n| hidra | 1,234.6 | 3000 |\n" in text
    assert "| maml | not reached | – |" in text
    assert "Curves" not in text
    assert "Nothing" not in text
    assert "Not measured with this budget: reptile." in text
    with (tmp_path / "some" / "smoke_times.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["s to 99 %"] for row in rows] == ["1234.567", "not reached"]
    assert sorted(file.name for file in (tmp_path / "some").glob("*.csv")) == [
        "smoke_curves.csv",
        "smoke_times.csv",
    ]
    numbers = json.loads((tmp_path / "some" / "smoke.json").read_text())
    assert numbers["times"] == [dict(record) for record in RECORDS]
    assert numbers["missing"] == ["reptile"]


class Jobs:
    """A study of two jobs of one line, and one of another, which share the second."""

    name, title = "some", "Some"

    def __init__(self):
        self.done = []

    def jobs(self, lab):
        lines = {
            "MAML at 2 ways": ("MAML",),
            "MAML at 5 ways": ("MAML", "both"),
            "HIDRA": ("both",),
        }
        return [
            Job(label, lambda: False, lambda label=label: self.done.append(label), of)
            for label, of in lines.items()
        ]

    def collect(self, lab):
        return Findings()


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ([], ["MAML at 2 ways", "MAML at 5 ways", "HIDRA"]),
        (["MAML"], ["MAML at 2 ways", "MAML at 5 ways"]),
        (["MAML at 5 ways"], ["MAML at 5 ways"]),
        (["both"], ["MAML at 5 ways", "HIDRA"]),
        (["HIDRA", "MAML at 2 ways"], ["MAML at 2 ways", "HIDRA"]),
    ],
)
def test_lines_are_chosen_whole_or_by_a_place(lab, tmp_path, only, expected):
    study = Jobs()
    run(study, lab, tmp_path, only)
    assert study.done == expected


def test_a_label_that_no_line_has_is_refused_before_anything_is_done(lab, tmp_path):
    study = Jobs()
    labels = "MAML; MAML at 2 ways; both; MAML at 5 ways; HIDRA"
    with pytest.raises(UserError, match=f"^only: expected some of {labels}; received reptile$"):
        run(study, lab, tmp_path, ["HIDRA", "reptile"])
    assert study.done == []
