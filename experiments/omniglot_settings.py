"""The settings with which methods are compared on Omniglot: equal pictures, and equal trials.

Of each of `ANY_WAY` the same number of settings was tried, three, on validation classes (5 ways, 5
shots, 200 updates of 4 tasks, 32 filters, batch statistics, seed 0, 200 tasks; accuracies in %):

    hidra       α = 0.1: 79.76   α = 0.4: 93.43   α = 1: 93.14
    hyperhidra  α = 0.1: 97.19   α = 0.4: 97.22   α = 1: 96.85
    proto_maml  α = 0.01: 97.66  α = 0.1: 95.81   α = 0.4: 92.89
    anyway      1 × 0.5: 61.31   1 × 0.1: 88.63   5 × 0.1: 93.61
    r2d2        λ = 50: 93.84    λ = 1: 97.96     λ = 0.1: 96.18
    protonet    temperature 0.25: 96.99   1: 97.81   4: 98.16
"""

from __future__ import annotations

from typing import Any

from flags.defaults import settings_of
from hidra_tf.methods import METHODS
from hidra_tf.runs.config import Config

# Each method with what it needs beside the defaults: its own published network or hypernetwork.
TRAININGS: dict[str, dict[str, Any]] = {
    "hidra": {},
    "hyperhidra": {},
    "proto_maml": {},
    "anyway": {},
    "r2d2": {},
    "protonet": {},
    "matching_net": {},
    "relation_net": {"backbone": "conv4_np", "loss": "mse"},
    "maml": {},
    "fomaml": {},
    "reptile": {},
    "anil": {},
    "boil": {},
    "meta_sgd": {},
    "hypermaml": {},
    "hypershot": {"hyper_layers": 2, "hyper_width": 512},
    "finetune": {"val_classifier": "nearest_mean"},
    "baseline_pp": {"val_classifier": "nearest_mean"},
}
# Those that serve any number of ways from one checkpoint, and beside one another in a chart.
ANY_WAY: dict[str, dict[str, Any]] = {
    "hidra": {},
    "hyperhidra": {},
    "proto_maml": {},
    "anyway": {"outputs": 200},
    "r2d2": {},
    "protonet": {"temperature": 4.0},
}


def training(
    method: str,
    ways: tuple[int, ...],
    own: dict[str, Any],
    updates: int,
    norm: str = "running",
    **others: Any,  # noqa: ANN401 — settings of `Config`
) -> Config:
    """The training of a method on as many pictures as `updates` of 4 tasks of 5 ways have.

    Args:
        method: its name.
        ways: the numbers of ways of its tasks.
        own: what it needs beside the defaults, as in `TRAININGS`.
        updates: meta-updates of 4 tasks of 5 ways with 5 + 15 pictures of each class.
        norm: the statistics that normalise the features.
        **others: other settings.
    """
    # The mean number of ways decides how many pictures an update sees.
    steps = updates * 5 * len(ways) // sum(ways)
    if METHODS[method].batches:
        steps = updates * 4 * 5 * 20 // 64
    settings = settings_of("omniglot", method, own.get("backbone", "conv4"))
    settings |= {"meta_batch": 4, "steps": steps, **own}
    return Config(
        **settings, dataset="omniglot", method=method, train_ways=ways, norm=norm, **others
    )
