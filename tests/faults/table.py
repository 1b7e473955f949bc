"""The table of bad inputs: what a careless, a hurried or a malicious user may do.

A row (`harness.Row`) is a name, a command line, steps that prepare its folder, and what the answer
has to be. To add one, write it into the theme under `rows/` that it belongs to; to try it alone,

    python -m pytest -n 0 tests/faults -k "words of its name"
"""

from __future__ import annotations

from tests.faults.rows import (
    backbones,
    caches,
    combinations,
    commands,
    config,
    datasets,
    flags,
    library,
    own_pictures,
    pictures,
    results,
    runs,
    terminal,
)

__all__ = ["ROWS"]

THEMES = (flags, commands, combinations, backbones, runs, config, results, pictures, datasets,
          caches, terminal, library, own_pictures)  # fmt: skip
ROWS = [row for theme in THEMES for row in theme.ROWS]
