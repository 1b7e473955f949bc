"""MAML with right meta-gradients at 2 to 15 ways, beside the paper's collapse above 7.

The question: why does MAML fall to chance from 8 ways on in HIDRA's Table 1 (mini-ImageNet, 5-shot,
four blocks of 32 filters)? The paper takes it for a property of MAML. Its program differs from the
paper in two respects that may be the cause: its meta-gradients are wrong (the second derivative of
fused batch normalisation inside `tf.map_fn` in TensorFlow 1), and its command takes inner steps of
α = 0.4, where the text says 0.01. Here the meta-gradients are right, and both rates are trained, so
that the two causes are told apart: if α = 0.4 collapses here too, it is enough of a cause; if
neither collapses, the gradients are the likely one.

The accuracy is that after as many steps as in training, 5. Each cell is a training of its own;
those with α = 0.01 are Table 1's. What else differs from the paper stands in the preset
`mini_imagenet_maml_5`. With the budget `short`, a training has 1000 meta-updates in place of
60,000, and is made at 2, 5, 7, 8, 10 and 15 ways only: a collapse of late updates would not be
seen.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure

from experiments.lab.drawing import as_png, measured
from experiments.lab.findings import Cell, Findings, Found, Line, Measured, Table, accuracy
from experiments.lab.lab import Lab
from experiments.lab.store import Test, with_seeds
from experiments.lab.study import Job, TableStudy, test_job
from hidra_tf.runs.trainer import NonFiniteLossError

# Table 1, row MAML, at these ways.
WAYS = tuple(range(2, 16))
PAPER = (
    81.13, 70.06, 62.62, 55.5, 50.09, 34.27, 12.5, 11.11, 10.4, 9.09, 8.33, 7.69, 7.143, 6.667,
)  # fmt: skip
# Of a budget that is no full one: both ends, the paper's edge, and what other studies train too.
FEW = (2, 5, 7, 8, 10, 15)
# The text's, and that of the published command.
RATES = ("0.01", "0.4")


def tables(lab: Lab) -> list[Table]:
    """A line for each rate, with all numbers of ways, whether the budget trains them or not."""
    lines = tuple(Line(f"α = {rate}", tuple(_cells(lab, rate))) for rate in RATES)
    return [Table("MAML on mini-ImageNet, 5-shot: a training for each number of ways", lines)]


def _cells(lab: Lab, rate: str) -> Iterator[Cell]:
    for ways, published in zip(WAYS, PAPER, strict=True):
        flags = [f"--train_ways={ways}", f"--inner_lr={rate}"]
        test = lab.test("mini_imagenet_maml_5", flags)
        # Small budgets train fewer ways, and test fewer steps, than are asked for.
        measure = accuracy(test.ways(ways), test.steps(test.config.own_steps))
        yield Cell(str(ways), test, measure, published)


def drawn(found: Sequence[Found], lab: Lab) -> dict[str, bytes]:
    """Ours for either rate, the paper's, and chance."""
    del lab
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.subplots()
    axes.plot(WAYS, PAPER, color="black", linestyle=":", marker=".", label="the paper's MAML")
    axes.plot(WAYS, [100 / ways for ways in WAYS], color="grey", linewidth=1, label="chance")
    for label, cells in found[0].by_label():
        measured(axes, cells, label=f"MAML here, {label}")
    axes.set(xlabel="ways (classes per task)", ylabel="accuracy, %", ylim=(0, None))
    axes.set_title("MAML on mini-ImageNet, one training for each number of ways")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return {"collapse": as_png(figure)}


class Collapse(TableStudy):
    """The study; see the module's words. A training whose loss diverges is a result, too."""

    def jobs(self, lab: Lab) -> list[Job]:
        """One job for each training of each seed, at the numbers of ways of the budget."""
        few = WAYS if lab.budget.tasks is None else FEW
        found: dict[Test, str] = {}
        for line in self.tables(lab)[0].lines:
            for cell in line.cells:
                for test in with_seeds(cell.test, lab.seeds) if int(cell.column) in few else ():
                    found.setdefault(test, f"{line.label} at {cell.column} ways")
        return [_job(label, test, lab) for test, label in found.items()]

    def collect(self, lab: Lab) -> Findings:
        """The table, and what it says of chance and of trainings that diverged."""
        findings = super().collect(lab)
        words = (
            *findings.words,
            *at_chance(findings.tables[0]),
            *_diverged(self.tables(lab), lab),
        )
        return dataclasses.replace(findings, words=words)


def _job(label: str, test: Test, lab: Lab) -> Job:
    """The job of a training, which is done too when its loss has become infinite."""
    plain, name = test_job(label, test, lab), _note(test, lab)

    def do() -> None:
        try:
            plain.do()
        except NonFiniteLossError as error:
            lab.store.keep(name, {"problem": str(error).split(" (")[0]})

    return Job(label, lambda: plain.is_done() or lab.store.kept(name) is not None, do)


def _note(test: Test, lab: Lab) -> str:
    """The name under which it is kept that a training diverged."""
    return f"diverged/{lab.store.run(test.config).name}"


def at_chance(found: Found) -> list[str]:
    """Which of our networks are no better than chance; nothing before one was measured."""
    lines = [(label, [one for one in cells if one.ours]) for label, cells in found.by_label()]
    texts = []
    for label, cells in lines:
        low = [one.cell.column for one in cells if _is_chance(one)]
        if cells:
            which = f"at {', '.join(low)}" if low else f"at none of {len(cells)} numbers of"
            texts.append(
                f"With {label}, the accuracy is within its interval of chance {which} ways."
            )
    return texts


def _is_chance(one: Measured) -> bool:
    return one.ours.mean - (one.ours.ci95 or 0) <= 100 / int(one.cell.column)


def _diverged(found: Sequence[Table], lab: Lab) -> list[str]:
    """Which trainings ended because their loss became infinite or no number."""
    texts = []
    for line in found[0].lines:
        for cell in line.cells:
            for test in with_seeds(cell.test, lab.seeds):
                note = lab.store.kept(_note(test, lab))
                if note is not None and lab.store.known(test) is None:
                    texts.append(
                        f"The training with {line.label} at {cell.column} ways, seed "
                        f"{test.config.seed}, diverged: {note['problem']}."
                    )
    return list(dict.fromkeys(texts))


STUDY = Collapse(
    "collapse",
    "Beyond the papers: MAML with right meta-gradients at 2 to 15 ways, and α as a cause",
    tables,
    drawn,
    (
        "The paper's MAML is at chance from 8 ways on (100 divided by the number of ways). Its "
        "program has wrong meta-gradients and α = 0.4; here the meta-gradients are right under "
        "either α. Accuracies are those after as many steps as in training. A budget that is no "
        f"full one trains at {', '.join(map(str, FEW))} ways only, and its trainings are too short "
        "to show a collapse of late meta-updates.",
    ),
)
