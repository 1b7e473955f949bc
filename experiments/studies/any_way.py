"""2 to 200 ways from one HIDRA checkpoint, beside a MAML model made for each number of ways."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.lab import drawing
from experiments.lab.differences import paired
from experiments.lab.findings import Cell, Found, Line, Table, accuracy
from experiments.lab.lab import Lab
from experiments.lab.store import Test
from experiments.lab.study import TableStudy

WAYS = (2, 5, 10, 20, 50, 100, 200)
# There is a MAML model for each of these.
SPECIALISTS = (2, 5, 10, 20)
HIDRA = {"HIDRA 5": "omniglot_hidra_5", "HIDRA 10": "omniglot_hidra_10"}
# As many as in training, which is where HIDRA is best in the paper, and where MAML is.
STEPS, MAML_STEPS = 1, (1, 3)


def tables(lab: Lab) -> list[Table]:
    """The accuracies, and the differences on the tasks that both met."""
    hidra = {label: _hidra(lab, preset) for label, preset in HIDRA.items()}
    maml = {ways: lab.test("omniglot_maml_5", [f"--train_ways={ways}"]) for ways in SPECIALISTS}
    lines = [_of_hidra(label, test, lab) for label, test in hidra.items()]
    lines += [_of_maml(maml, steps) for steps in MAML_STEPS]
    differences = tuple(
        _difference(label, test, maml, steps)
        for label, test in hidra.items()
        for steps in MAML_STEPS
    )
    return [
        Table("α = 0.4; HIDRA after 1 step, one checkpoint for all ways", tuple(lines)),
        Table("On the same tasks", differences, "percentage points"),
    ]


def _hidra(lab: Lab, preset: str) -> Test:
    ways = tuple(sorted({_tested(ways, lab) for ways in WAYS}))
    return lab.test(preset, ways=ways, steps=(STEPS,))


def _tested(ways: int, lab: Lab) -> int:
    """The number of ways, or the largest of tiny networks, whose data set has fewer classes."""
    return min(ways, 3) if lab.budget.tiny else ways


def _of_hidra(label: str, test: Test, lab: Lab) -> Line:
    return Line(label, tuple(Cell(str(w), test, accuracy(_tested(w, lab), STEPS)) for w in WAYS))


def _of_maml(tests: dict[int, Test], steps: int) -> Line:
    cells = (
        Cell(str(ways), test, accuracy(test.config.train_ways[0], test.steps(steps)))
        for ways, test in tests.items()
    )
    return Line(f"MAML after {_steps(steps)}", tuple(cells))


def _difference(label: str, hidra: Test, maml: dict[int, Test], steps: int) -> Line:
    cells = []
    for ways, test in maml.items():
        measure = paired(test.config.train_ways[0], STEPS, test.steps(steps))
        cells.append(Cell(str(ways), hidra, measure, beside=test))
    return Line(f"{label} minus MAML after {_steps(steps)}", tuple(cells))


def _steps(count: int) -> str:
    return f"{count} step{'' if count == 1 else 's'}"


def figures(found: Sequence[Found], lab: Lab) -> dict[str, bytes]:
    """Accuracy over the number of ways, on a logarithmic scale; up to 20 ways once more."""
    del lab
    lines = found[0].by_label()
    most = SPECIALISTS[-1]
    few = [(label, [c for c in cells if int(c.cell.column) <= most]) for label, cells in lines]
    groups = [("Omniglot, 5-shot", lines), (f"up to {most} ways", few)]
    return {"ways": drawing.panels(groups, paper=False, logarithmic=True)}


STUDY = TableStudy(
    "any_way",
    "One HIDRA checkpoint at 2 to 200 ways, and a MAML model for each number of ways up to 20",
    tables,
    figures,
    (
        "HIDRA was trained with 5, or with 10, classes per task, and meets numbers of ways that it "
        "was not trained with; each MAML model was trained with the number of ways that it is "
        "tested at. Both have the presets of Table 2, so that features are scaled and shifted but "
        "not normalised by any statistics (`norm=affine`). All met the same tasks: a difference is "
        "a mean over tasks of the difference on each, whose interval is mostly narrower than "
        "those of the two accuracies. This comparison is in neither paper.",
    ),
)
