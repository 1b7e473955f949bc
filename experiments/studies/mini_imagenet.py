"""The mini-ImageNet columns of HyperMAML's Tables 1 and 6."""

from __future__ import annotations

from experiments.lab.findings import Cell, Line, Table, accuracy
from experiments.lab.lab import Lab
from experiments.lab.study import TableStudy
from experiments.studies.of_hypermaml import PLUS_MINUS, SHOTS, UNKNOWN, Row, lines

_PRESETS = "mini_imagenet_"
PRETRAINING = f"{_PRESETS}pretraining"
# The published accuracies in % at 1 and 5 shots, in the order of Table 6; the rows of Table 1 that
# Table 6 does not have are the last two.
ROWS = (
    Row("ML-LSTM", (43.44, 0.77), (60.60, 0.71)),
    Row("SNAIL", (45.10, None), (55.20, None)),
    Row("LLAMA", (49.40, 1.83), UNKNOWN),
    Row("VERSA", (48.53, 1.84), (67.37, 0.86)),
    Row("Amortized VI", (44.13, 1.78), (55.68, 0.91)),
    Row("Meta-Mixture", (49.60, 1.50), (64.60, 0.92)),
    Row("SimpleShot", (49.69, 0.19), (66.92, 0.17)),
    Row("Feature Transfer", (39.51, 0.23), (60.51, 0.55), f"{_PRESETS}finetune"),
    Row("Baseline++", (47.15, 0.49), (66.18, 0.18), f"{_PRESETS}baseline_pp"),
    Row("MatchingNet", (48.25, 0.65), (62.71, 0.44), f"{_PRESETS}matching_net"),
    Row("ProtoNet", (44.19, 1.30), (64.07, 0.65), f"{_PRESETS}protonet"),
    Row("RelationNet", (48.76, 0.17), (64.20, 0.28), f"{_PRESETS}relation_net"),
    Row("DKT + CosSim", (48.64, 0.45), (62.85, 0.37)),
    Row("DKT + BNCosSim", (49.73, 0.07), (64.00, 0.09)),
    Row("GPLDLA", (52.58, 0.19), UNKNOWN),
    Row("VAMPIRE", (51.54, 0.74), (64.31, 0.74)),
    Row("PLATIPUS", (50.13, 1.86), UNKNOWN),
    Row("ABML", (45.00, 0.60), UNKNOWN),
    Row("OVE PG GP + Cosine (ML)", (50.02, 0.35), (64.58, 0.31)),
    Row("OVE PG GP + Cosine (PL)", (48.00, 0.24), (67.14, 0.23)),
    Row("Reptile", (49.97, 0.32), (65.99, 0.58), f"{_PRESETS}reptile"),
    Row("R2-D2", (48.70, 0.60), (65.50, 0.60), f"{_PRESETS}r2d2"),
    Row("VSM", (54.73, 1.60), (68.01, 0.90)),
    Row("PPA", (54.53, 0.40), UNKNOWN),
    Row("DFSVLwF", (56.20, 0.86), UNKNOWN),
    Row("FEAT", (55.15, 0.20), (71.61, 0.16)),
    Row("HyperShot", (52.42, 0.46), (68.78, 0.29), f"{_PRESETS}hypershot"),
    Row("HyperShot + finetuning", (53.18, 0.45), (69.62, 0.28)),
    Row("MAML", (45.39, 0.49), (61.58, 0.53), f"{_PRESETS}maml"),
    Row("MAML++", (52.15, 0.26), (68.32, 0.44), f"{_PRESETS}mamlpp"),
    Row("iMAML-HF", (49.30, 1.88), UNKNOWN),
    Row("SignMAML", (42.90, 1.50), (60.70, 0.70)),
    Row("Bayesian MAML", (53.80, 1.46), (64.23, 0.69)),
    Row("Unicorn-MAML", (54.89, None), UNKNOWN, f"{_PRESETS}hidra_unicorn", SHOTS[:1]),
    Row("Meta-SGD", (50.47, 1.87), (64.03, 0.94), f"{_PRESETS}meta_sgd"),
    Row("MetaNet", (49.21, 0.96), UNKNOWN),
    Row("PAMELA", (53.50, 0.89), (70.51, 0.67)),
    Row("HyperMAML", (53.41, 0.21), (68.76, 0.17), f"{_PRESETS}hypermaml"),
    Row("MLH", (49.41, 0.96), (67.16, 0.42)),
    Row("HyperTransformer", (54.10, None), (68.50, None)),
)
# Rows that begin with the backbone of the pre-training.
PRETRAINED = ("HyperMAML", "Unicorn-MAML")
WORDS = (
    PLUS_MINUS,
    "Measured are the rows with a preset in `flags/paper`; the others stand here to compare. "
    "HyperMAML and Unicorn-MAML begin with the backbone that the first table's training leaves, "
    "as in the paper, which takes its from Ye et al. (2020); with more than one seed, all begin "
    "with that of the first. With the budget `short`, a training has 4,000 tasks (1000 updates × 4 "
    "tasks, or as many updates of fewer tasks), and those on minibatches 25,000 updates of 16 "
    "pictures, where the published ones have 40,000 to 500,000 tasks: numbers below the paper's "
    "are to be expected, and do not speak against it. The columns of CUB are not run, since its "
    "pictures were not at hand (`flags/paper/cub_*.flags`).",
)


def pretrained(lab: Lab) -> tuple[str, ...]:
    """The flag by which a training begins with the backbone of the pre-training."""
    return (f"--pretrained={lab.store.run(lab.test(PRETRAINING).config)}",)


def tables(lab: Lab) -> list[Table]:
    """The pre-training, and the tables' rows."""
    first = Line(
        "new heads on the pre-trained backbone",
        tuple(
            Cell(shots, lab.test(PRETRAINING, shots=(int(shots),)), accuracy()) for shots in SHOTS
        ),
    )
    rows = lines(lab, ROWS, flags=dict.fromkeys(PRETRAINED, pretrained(lab)))
    return [
        Table("Pre-training on the 64 training classes, 5-way", (first,), columns="shots"),
        Table("Tables 1 and 6, mini-ImageNet, 5-way", rows, columns="shots"),
    ]


STUDY = TableStudy(
    "mini_imagenet",
    "HyperMAML, Tables 1 and 6: mini-ImageNet, 1- and 5-shot",
    tables,
    words=WORDS,
)
