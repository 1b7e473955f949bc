"""What rows ask of the folder and of stdout when the exit code is 0."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from tests.faults.harness import Outcome, Place


def table_of(text: str) -> list[str]:
    """The lines of a table of accuracies."""
    return re.findall(r"^ *\d+ +\d+\.\d+ .*%?.*$", text, re.MULTILINE)


def as_trained(name: str) -> Callable[[Place, Outcome], None]:
    """The table on stdout is the one that the run's training ended with."""

    def check(place: Place, outcome: Outcome) -> None:
        run = place.trained(name)
        expected = table_of(run.with_name(f"{name}.txt").read_text())
        assert expected, "no table to compare with"
        assert table_of(outcome.out) == expected, outcome.out

    return check


def strict_json(place: Place, outcome: Outcome) -> None:
    """All results are JSON, without the constants that JSON has not, and there are some."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    found = list(place.folder.glob("run/results/**/*.json"))
    assert found
    for path in found:
        json.loads(path.read_text(), parse_constant=refuse)


def first_checkpoint(place: Place, outcome: Outcome) -> None:
    """The initial weights are saved, and nothing else was said than what is wrong."""
    assert outcome.err.count("\n") == 1, outcome.err
    assert (place.folder / "run" / "checkpoints" / "ckpt-0.index").exists()


def one_more_result(place: Place, outcome: Outcome) -> None:
    """The evaluation is kept beside the run's own final table."""
    found = [path.name for path in place.folder.glob("run/results/**/*.json")]
    assert len(found) > 1, found
