"""HyperMAML's Table 3: how far one update moves the weights and biases of the head."""

from __future__ import annotations

from experiments.lab.findings import Cell, Line, Table, metric
from experiments.lab.lab import Lab
from experiments.lab.study import TableStudy
from experiments.studies.of_hypermaml import PLUS_MINUS

PRESETS = {
    "MAML": "omniglot_emnist_maml_1shot_table4",
    "HyperMAML": "omniglot_emnist_hypermaml_switch_enhancement",
}
# The published norms and their ±: method → what is moved → number.
PAPER = {
    "MAML": {"weight": (2.53, 0.29), "bias": (1.47, 0.14)},
    "HyperMAML": {"weight": (113.28, 0.63), "bias": (27.72, 0.68)},
}
WORDS = (
    PLUS_MINUS,
    "Norms (Frobenius) of what the first update adds to the kernel and to the bias of the head, "
    "means over test tasks. MAML's is a gradient step of α = 0.1. A softmax does not see what an "
    "update adds to all classes alike; such a part counts here, as in the paper. Networks differ "
    "in the size of their features, and the norm of a useful update with it, so that the "
    "two methods' norms say little without their accuracies (study `ablation`).",
)


def tables(lab: Lab) -> list[Table]:
    """One table, of which the paper's rows are the columns."""
    made = []
    for method, published in PAPER.items():
        test = lab.test(PRESETS[method])
        cells = (
            Cell(what, test, metric(f"head_update/{what}", steps=1), *number)
            for what, number in published.items()
        )
        made.append(Line(method, tuple(cells)))
    title = "The size of one update, Omniglot → EMNIST, 5-way 1-shot"
    return [Table(title, tuple(made), unit="norm", columns="update of")]


STUDY = TableStudy(
    "update_size",
    "HyperMAML, Table 3: how far one update moves the head",
    tables,
    words=WORDS,
)
