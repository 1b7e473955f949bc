"""What each of the four facts predicts, and what is measured, on Omniglot.

The question, which the paper does not ask: how much do the kind of head (a master neuron, zeros, a
neuron for each class), the loss (softmax, sigmoid) and the reduction of the inner loss (`mean`,
`per_class`) matter? Four facts answer a good part of it beforehand, for softmax and tied neurons:

1. the first inner step leaves the backbone alone;
2. that step has a closed form, a prototype classifier;
3. the master's value does not matter, zeros would do as well;
4. the step's length depends on the number C of ways as 1/C, unless the loss is summed over classes.

The accuracies are those of one network for each row, at all numbers of ways that its head allows.
Rows that the facts call one and the same method are trained apart, so that their numbers are equal
but for what rounding makes of thousands of meta-updates. On one network and the same tasks, what
is equal is compared exactly: how many answers differ, and by how much probabilities do.

`per_class` is trained with α/5 in the place of α, so that by fact 4 it trains as `mean` does, at 5
ways. What differs from the paper's row HIDRA 5 (α = 0.4) stands in the presets `omniglot_hidra_5`
and `omniglot_maml_5`; no row but the first and MAML's is in the paper, nor 20 ways.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from experiments.lab.findings import Cell, Findings, Line, Table, accuracy
from experiments.lab.lab import Lab
from experiments.lab.probe import Probe
from experiments.lab.store import Store, Test
from experiments.lab.study import Job, TableStudy
from experiments.lab.writing import plain_table
from experiments.studies import facts_checks
from experiments.studies.facts_said import comparisons, movements

WAYS = (2, 5, 10, 20)
STEPS = (1, 3)
# Table 2, α = 0.4: HIDRA 5 after one step; MAML at 5 ways, which stands among rows after three.
PAPER = {("master", 1): {2: 99.82, 5: 99.32, 10: 98.61}, ("per class", 3): {5: 96.85}}


class Form(NamedTuple):
    """A form of the method, which is trained.

    Attributes:
        preset: the preset that it comes from.
        flags: the flags that differ from it.
        says: what the facts say of its accuracies.
    """

    preset: str
    flags: tuple[str, ...]
    says: str


_PER_CLASS = ("--inner_reduction=per_class", "--inner_lr=0.08")
FORMS = {
    "master": Form("omniglot_hidra_5", (), "HIDRA, with which all others are compared"),
    "zeros": Form(
        "omniglot_hidra_5",
        ("--head=zero",),
        "fact 3: a training of the same method, equal but for rounding in training",
    ),
    "master, per_class": Form(
        "omniglot_hidra_5",
        _PER_CLASS,
        "fact 4: the same training at 5 ways, equal there but for rounding; at other ways equal "
        "too after one step, of which only the scale differs (facts 1 and 2), but not after three",
    ),
    "per class": Form("omniglot_maml_5", (), "MAML: no fact holds, and 5 ways are all it can"),
    "master, sigmoid": Form(
        "omniglot_hidra_5",
        ("--loss=sigmoid",),
        "no fact but 4: the master matters, and the first step moves the backbone",
    ),
    "zeros, sigmoid": Form(
        "omniglot_hidra_5",
        ("--loss=sigmoid", "--head=zero"),
        "fact 1 holds, because zeros hand no gradient on; one step then answers as a prototype "
        "classifier does, but is learned under another loss",
    ),
    "master, sigmoid, per_class": Form(
        "omniglot_hidra_5",
        ("--loss=sigmoid", *_PER_CLASS),
        "fact 4 holds for any loss: the training of `master, sigmoid`, equal at 5 ways but for "
        "rounding, and not equal at other ways",
    ),
    "per class, sigmoid": Form(
        "omniglot_maml_5", ("--loss=sigmoid",), "no fact holds, and 5 ways are all it can"
    ),
}


PROBES: dict[str, Callable[[Store, Test], Mapping[str, Any]]] = {
    "master": facts_checks.of_softmax,
    "per class": facts_checks.of_maml,
    "master, sigmoid": facts_checks.of_sigmoid,
}


def tested(lab: Lab, label: str) -> Test:
    """The training of a form, and its test at all numbers of ways that it can."""
    form = FORMS[label]
    test = lab.test(form.preset, form.flags)
    if test.config.is_fixed_way:
        return test
    return lab.test(form.preset, form.flags, ways=WAYS)


def tables(lab: Lab) -> list[Table]:
    """A table for each number of steps, a line for each form."""
    return [
        Table(
            f"Omniglot, trained at 5 ways, after {steps} step{'' if steps == 1 else 's'}",
            tuple(Line(label, tuple(_cells(lab, label, steps))) for label in FORMS),
        )
        for steps in STEPS
    ]


def _cells(lab: Lab, label: str, steps: int) -> Iterator[Cell]:
    test = tested(lab, label)
    paper = PAPER.get((label, steps), {})
    for ways in (5,) if test.config.is_fixed_way else WAYS:
        measure = accuracy(test.ways(ways), test.steps(steps))
        yield Cell(str(ways), test, measure, paper.get(ways))


class Facts(TableStudy):
    """The study; see the module's words."""

    def probes(self, lab: Lab) -> dict[str, Probe]:
        """What is compared on the networks of some forms."""
        return {
            label: Probe(
                f"facts-{compute.__name__}",
                (tested(lab, label),),
                functools.partial(compute, test=tested(lab, label)),
            )
            for label, compute in PROBES.items()
        }

    def jobs(self, lab: Lab) -> list[Job]:
        """All trainings and tests, then the comparisons."""
        probes = self.probes(lab).items()
        return [*super().jobs(lab), *(one.job(f"facts of {label}", lab) for label, one in probes)]

    def collect(self, lab: Lab) -> Findings:
        """The tables of accuracies, and of what was compared."""
        findings = super().collect(lab)
        probes = self.probes(lab).items()
        known = {label: found for label, one in probes if (found := one.known(lab.store))}
        words = (*findings.words, _predicted(), *comparisons(known), *movements(known))
        return Findings(
            tables=findings.tables, figures=findings.figures, words=words, numbers={"checks": known}
        )


def _predicted() -> str:
    rows = [[f"`{label}`", form.says] for label, form in FORMS.items()]
    return plain_table("What the facts say of the rows", ["row", "the facts"], rows)


STUDY = Facts(
    "facts",
    "Beyond the papers: what the four facts predict, and what is measured",
    tables,
    words=(
        "Rows are named by head, loss (softmax unless it says sigmoid) and reduction of the inner "
        "loss (`mean` unless it says `per_class`, then with α/5). All but `per class` serve all "
        "numbers of ways from one network. Probabilities below are those of a softmax over the "
        "logits, under either loss; all steps are found by differentiation unless the closed form "
        "is named.",
    ),
)
