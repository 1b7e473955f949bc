"""HIDRA's Figure 3: one of MAML's ten output neurons initializes all ten.

The question: what is a MAML model of Omniglot, 10-way 5-shot, worth if its ten output neurons begin
as ten copies of one of them? The paper has ten bars, one for each neuron, and a dashed line for the
regular head. Its text gives two numbers, the mean of the bars (94.49 %) and the line (94.58 %), and
says that some bars are above the line; the bars' own numbers stand nowhere.

Fact 3 says that ten equal neurons under a softmax give the same predictions whichever neuron they
are, after any number of steps. So the bars of one network can differ for one reason alone: they saw
different tasks. Here each head meets the same tasks, and then tasks of its own as well. All steps
are found by differentiation, so that the fact is measured and not built in.

What differs from the paper: right meta-gradients, and what the preset `omniglot_maml_5` names. The
paper does not say after how many steps; 94.58 % stands in its Table 2 among rows after 3 steps.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from experiments.lab import networks
from experiments.lab.drawing import as_png
from experiments.lab.findings import Findings, Found, Line, Table, given
from experiments.lab.lab import Lab
from experiments.lab.probe import Probe
from experiments.lab.store import Store, Test
from experiments.lab.study import Job, test_job
from experiments.studies.figure3_heads import MEAN, OWN, REGULAR, SAME, Heads, spread

STEPS = (1, 2, 3)
PAPER_TASKS = 4000
# The text of section 4.1, in %.
PAPER = {REGULAR: 94.58, MEAN: 94.49}


def tested(lab: Lab) -> Test:
    """MAML at ten ways, as in Table 2."""
    return lab.test("omniglot_maml_5", ["--train_ways=10"])


def probes(test: Test) -> dict[str, Probe]:
    """What is computed of the regular head and of each neuron's."""
    labels = [REGULAR, *map(str, range(1, test.config.train_ways[0] + 1))]
    return {
        label: Probe(
            f"figure3-{number}", (test,), functools.partial(correct_answers, test=test, head=number)
        )
        for number, label in enumerate(labels)
    }


def correct_answers(store: Store, test: Test, head: int) -> dict[str, Any]:
    """How many queries of each task are answered rightly after each of `steps_of(test)`.

    Args:
        store: the store with the trained run.
        test: the run and its test.
        head: 0 for the regular head, n for copies of the n-th neuron.

    Returns:
        The number of `queries` of a task; the correct ones [T, S] on the `same` tasks, and for a
        tied head on tasks of its `own`; the `probabilities` [S, C·Q, C] of the first task's
        queries.
    """
    method = networks.with_inner(networks.restored(store, test.config), exact=False)
    ways, count = test.config.train_ways[0], test.request.tasks
    if head:
        kernel, bias = (part.numpy() for part in method.head.initial(ways))
        method = networks.with_master(method, kernel[:, head - 1], bias[head - 1])
    ask = networks.answering(method, networks.test_tasks(store, test), steps_of(test))
    same = ask(ways, 0, count)
    found = {
        "queries": same.labels.shape[-1],
        "same": same.correct.tolist(),
        "probabilities": same.probabilities[0].tolist(),
    }
    if head:
        found["own"] = ask(ways, head * networks.calls_of(count), count).correct.tolist()
    return found


def steps_of(test: Test) -> tuple[int, ...]:
    """The paper's numbers of steps, within the budget's."""
    return tuple(step for step in STEPS if step <= max(test.request.steps))


def table(heads: Heads, labels: Sequence[str], test: Test, made: Mapping[str, Any] | None) -> Found:
    """All heads on the same tasks after each number of steps, then on tasks of their own."""
    columns = (REGULAR, MEAN, *(label for label in labels if label != REGULAR))
    lines, found = [], []
    for where, step in [*((SAME, step) for step in heads.steps), (OWN, heads.steps[-1])]:
        # On the same tasks, no two tied bars can differ as the paper's do.
        paper = PAPER if where == OWN else {}
        cells = tuple(
            given(column, test, heads.estimate(column, where, step), made, paper.get(column))
            for column in columns
        )
        found.append(cells)
        label = f"{where}, {step} step{'' if step == 1 else 's'}"
        lines.append(Line(label, tuple(one.cell for one in cells)))
    title = "MAML at 10 ways: the regular head, and heads of equal copies of one of its neurons"
    return Found(Table(title, tuple(lines), columns="neuron", digits=3), tuple(found))


def drawn(heads: Heads) -> bytes:
    """The bars of all tied heads and the regular head's dashed line, on either kind of tasks."""
    figure = Figure(figsize=(10.8, 4.2), layout="constrained")
    step, shown = heads.steps[-1], []
    panels = figure.subplots(1, 2, sharey=True)
    for axes, where in zip(panels, (SAME, OWN), strict=True):
        bars = {label: heads.estimate(label, where, step) for label in heads.tied_labels}
        for number, (label, one) in enumerate(bars.items()):
            axes.bar(label, one.mean, yerr=one.ci95, color=f"C{number % 10}", capsize=3, width=0.7)
            shown += [one.mean - (one.ci95 or 0), one.mean + (one.ci95 or 0)]
        line = heads.estimate(REGULAR, where, step)
        if line is not None:
            axes.axhline(line.mean, color="black", linestyle="--", label="the regular head")
            axes.legend(frameon=False, loc="upper right")
            shown.append(line.mean)
        axes.set(title=f"tied heads on {where}, {step} steps", xlabel="the neuron that is copied")
        axes.spines[["top", "right"]].set_visible(False)
    if shown:
        room = 0.3 * (max(shown) - min(shown)) or 1.0
        panels[0].set(ylim=(min(shown) - room, max(shown) + room), ylabel="accuracy, %")
    return as_png(figure)


class Figure3:
    """The study; see the module's words."""

    name = "figure3"
    title = "HIDRA, Figure 3: one of MAML's ten output neurons initializes all ten"

    def jobs(self, lab: Lab) -> list[Job]:
        """The training and its test, then one job for each head."""
        test = tested(lab)
        first = test_job("MAML at 10 ways", test, lab)
        return [first, *(probe.job(label, lab) for label, probe in probes(test).items())]

    def collect(self, lab: Lab) -> Findings:
        """What is known of the heads so far."""
        test = tested(lab)
        found = {label: probe.known(lab.store) for label, probe in probes(test).items()}
        known = {label: one for label, one in found.items() if one is not None}
        heads = Heads(known, steps_of(test))
        of_all = table(heads, list(found), test, lab.store.known(test))
        if len(known) < len(found):
            return Findings((of_all,), words=(ABOUT,))
        numbers = spread(heads, PAPER_TASKS)
        words = (ABOUT, *said(numbers, len(heads.tied_labels), test.request.tasks))
        figures = {"figure3": drawn(heads)}
        return Findings((of_all,), figures=figures, words=words, numbers={"spread": numbers})


ABOUT = (
    "The paper's text has the regular head's accuracy and the mean of its ten bars, not the bars. "
    "It does not say whether the bars met the same tasks. Its numbers stand here beside tied heads "
    "on tasks of their own, because on the same tasks bars cannot differ (fact 3). The regular "
    "head met the same tasks only, and its number stands in all lines. One network was looked at, "
    "that of the first seed, with every step found by differentiation."
)


def said(numbers: Mapping[str, float], bars: int, tasks: int) -> list[str]:
    """What the numbers of `spread` say, as paragraphs."""
    same = (
        f"**On the same tasks**, after any number of steps, accuracies of the {bars} tied heads "
        f"differ by at most {numbers['same_range']:.4f} points: between two of them, right answers "
        f"of tasks differ by {numbers['same_counts']:.0f} in sum, out of "
        f"{numbers['all_counts']:.0f} answers. Probabilities in the first task differ by at most "
        f"{numbers['probabilities']:.1e}. Fact 3 allows for nothing but rounding. The regular head "
        f"minus their mean is {numbers['regular']:+.3f} ± {numbers['regular_ci95']:.3f} points "
        "there, paired over tasks."
    )
    own = (
        f"**On tasks of their own**, the accuracies of the {bars} tied heads have a standard "
        f"deviation of {numbers['own_deviation']:.3f} points and a range of "
        f"{numbers['own_range']:.3f}. Single tasks have a standard deviation of "
        f"{numbers['task_deviation']:.2f} points, from which {numbers['expected']:.3f} follows for "
        f"means of {tasks} tasks. The ratio of the two is {numbers['ratio']:.2f}; if nothing but "
        f"sampling is at work, it is between {numbers['ratio_low']:.2f} and "
        f"{numbers['ratio_high']:.2f} with a probability of 95 %."
    )
    gap = PAPER[MEAN] - PAPER[REGULAR]
    paper = (
        f"**The paper** has {PAPER_TASKS} tasks in a bar. If a task varies as here, sampling alone "
        f"gives its bars a standard deviation of {numbers['expected_of_paper']:.3f} points; the "
        "paper's network is a weaker one if ours is above 94.5 %, and then varies more. The mean "
        f"of its bars minus its regular head is {gap:+.2f} points, where sampling alone has a "
        f"standard deviation of {numbers['expected_difference']:.3f} points."
    )
    return [same, own, paper]


STUDY = Figure3()
