"""The papers' settings for each data set: what a flag means that is not given."""

from __future__ import annotations

# Omniglot: HIDRA paper, section 4 (32 tasks, one inner step, α = 0.4, β = 1e-3, 64 filters,
# 5 shots); 60,000 meta-updates and 15 query pictures per class from the published program.
# Glyphs: small enough to be trained in about a minute on two cores.
DEFAULTS: dict[str, dict[str, int | float]] = {
    "omniglot": {
        "shots": 5,
        "query_shots": 15,
        "meta_batch": 32,
        "steps": 60_000,
        "inner_steps": 1,
        "inner_lr": 0.4,
        "meta_lr": 1e-3,
        "filters": 64,
    },
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


def describe(name: str) -> str:
    """The default of a setting for each data set, for help texts."""
    values = {dataset: settings[name] for dataset, settings in DEFAULTS.items()}
    if len(set(values.values())) == 1:
        return f"default {next(iter(values.values()))}"
    return "default " + ", ".join(f"{dataset} {value}" for dataset, value in values.items())
