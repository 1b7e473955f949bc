"""The papers' settings for each data set: what a flag means that is not given."""

from __future__ import annotations

import dataclasses

from data_gen import STROKES
from hidra_tf import methods
from hidra_tf.runs.config import Config

# Omniglot: HIDRA paper, section 4 (32 tasks, one inner step, α = 0.4, β = 1e-3, 64 filters,
# 5 shots); 60,000 meta-updates and 15 query pictures per class from the published program.
# mini-ImageNet: the same places (4 tasks, five inner steps, α = 0.01, 32 filters).
# CUB: HyperMAML paper, section 4 (64 filters, 16 query pictures per class, its MAML); tasks, inner
# steps, α and meta-updates as for mini-ImageNet. EMNIST, which is only tested on: the same paper's.
# CIFAR-FS and folder: no paper here, as mini-ImageNet.
# Glyphs: small enough to be trained in about a minute on two cores.
_OMNIGLOT: dict[str, int | float] = {
    "shots": 5,
    "query_shots": 15,
    "meta_batch": 32,
    "steps": 60_000,
    "inner_steps": 1,
    "inner_lr": 0.4,
    "meta_lr": 1e-3,
    "filters": 64,
}
_MINI_IMAGENET: dict[str, int | float] = {
    **_OMNIGLOT,
    "meta_batch": 4,
    "inner_steps": 5,
    "inner_lr": 0.01,
    "filters": 32,
}
DEFAULTS: dict[str, dict[str, int | float]] = {
    "omniglot": _OMNIGLOT,
    "mini_imagenet": _MINI_IMAGENET,
    "cub": {**_MINI_IMAGENET, "query_shots": 16, "filters": 64},
    "cifar_fs": _MINI_IMAGENET,
    "emnist": {**_OMNIGLOT, "query_shots": 16},
    "folder": _MINI_IMAGENET,
    "glyphs": {
        "shots": 5,
        "query_shots": 15,
        "meta_batch": 4,
        "steps": 1000,
        "inner_steps": 1,
        "inner_lr": 0.4,
        "meta_lr": 1e-3,
        "filters": 32,
    },
}

# The defaults of `Config`, for what the tables here do not say.
_USUAL = {field.name: field.default for field in dataclasses.fields(Config)}

# Of backbones other than Conv-4, which the settings above are for: ResNet-12's.
FILTERS = 64

# Where the papers are silent about a method. Tried on validation classes of Omniglot alone.
METHODS: dict[str, dict[str, int | float | str]] = {
    # β = 1 is the published one: all the way to the mean of the adapted weights. Steps on
    # validation classes as for `fomaml` below: five of 0.1 reach 90.04 %, five of 0.3 89.43 %.
    "reptile": {"inner_steps": 5, "inner_lr": 0.1, "meta_lr": 1.0},
    # Chen et al. (2019): 100 steps of 0.01 for a task's new classifier, theirs with momentum. On
    # validation classes of Omniglot, 5 ways, 5 shots, 200 tasks, after 1250 updates with 32
    # filters: 98.98 % with 0.01, 98.63 % with 0.1, 97.33 % with 1.
    "finetune": {"inner_steps": 100, "inner_lr": 0.01},
    # The published program's: 100 passes over the support set, at this rate with momentum.
    "baseline_pp": {"inner_steps": 100, "inner_lr": 0.01},
    # One step, at the published program's rate for Conv-4 (0.3 for ResNet-12).
    "boil": {"inner_steps": 1, "inner_lr": 0.5},
    # One step, as in the paper. The first α on validation classes as for `fomaml` below: 0.05
    # reaches 91.81 %, 0.1 92.58 %, 0.4 82.21 %.
    "meta_sgd": {"inner_steps": 1, "inner_lr": 0.1},
    # The one update that a hypernetwork makes.
    "hypermaml": {"inner_steps": 1},
    # A run that was begun before there were two forms lacks the setting, and means `Config`'s.
    "hyperhidra": {"inner_steps": 1, "correction": "midpoint"},
    # Sendera et al. (2022): the size of their rows of Omniglot → EMNIST, in whose rows of CUB the
    # width is 128. Other hypernetworks have the settings' own defaults.
    "hypershot": {"hyper_layers": 2, "hyper_width": 512},
    # Lee et al. (2024): α = 0.5, and the one step in training of the work whose settings they take.
    "anyway": {"inner_steps": 1, "inner_lr": 0.5},
}
# The settings that depend on the method; their flags have no other default.
OF_METHODS = {name for own in METHODS.values() for name in own}
# The same as `METHODS`, on drawings only.
METHODS_ON_STROKES: dict[str, dict[str, int | float]] = {
    # Without second derivatives, MAML's one step of 0.4 is too long. On validation classes of
    # Omniglot, 5 ways, 5 shots, after 200 meta-updates of 4 tasks with 32 filters: 47.41 % with
    # it, 84.49 % with one of 0.1, 94.63 % with five.
    "fomaml": {"inner_steps": 5, "inner_lr": 0.1},
    # Both on validation classes of Omniglot, 5 ways, 5 shots, after 200 meta-updates of 4 tasks
    # with 32 filters. One step of 0.5, the paper's: 61.3 %; one of 0.1: 88.6 %; five of 0.1:
    # 93.6 %.
    "anyway": {"inner_steps": 5, "inner_lr": 0.1},
    # One step of 0.4: 92.9 %; of 0.1: 95.8 %; of 0.01: 97.7 %.
    "proto_maml": {"inner_steps": 1, "inner_lr": 0.01},
}


def settings_of(
    dataset: str, method: str, backbone: str = "conv4", optimizer: str | None = None
) -> dict[str, int | float | str]:
    """The values of the flags that are not given; an `optimizer` of None is the method's own."""
    settings = {**DEFAULTS[dataset], **METHODS.get(method, {})}
    if dataset in STROKES:
        settings |= METHODS_ON_STROKES.get(method, {})
    if optimizer not in (None, methods.METHODS[method].optimizer):
        # A method's own β is for its own optimizer: Reptile's takes Adam to chance.
        settings["meta_lr"] = DEFAULTS[dataset]["meta_lr"]
    return settings if backbone == "conv4" else {**settings, "filters": FILTERS}


def describe(name: str) -> str:
    """The default of a setting for each data set, or method, for help texts."""
    values = {dataset: settings[name] for dataset, settings in DEFAULTS.items() if name in settings}
    usual = [] if values else [str(_USUAL[name])]
    values |= {method: own[name] for method, own in METHODS.items() if name in own}
    values |= {
        f"{m} on drawings": own[name] for m, own in METHODS_ON_STROKES.items() if name in own
    }
    if len(set(values.values())) == 1 and not usual:
        return f"default {next(iter(values.values()))}"
    alike: dict[int | float, list[str]] = {}
    for dataset, value in values.items():
        alike.setdefault(value, []).append(dataset)
    groups = [f"{value} for {', '.join(datasets)}" for value, datasets in alike.items()]
    return f"default {'; '.join([*usual, *groups])}"
