"""When flags of your own pictures and of the page have an effect.

`flags.answers` and `flags.page` say what goes together.
"""

from __future__ import annotations

from flags.situation import ALWAYS, Rule, beside

OWN_PICTURES: dict[str, tuple[Rule, ...]] = {
    "adapt": ALWAYS,
    "predict": ALWAYS,
    "initialization": (beside("adapt", "app"),),
    "classifier": (beside("predict", "adapt"),),
    "save": (beside("adapt"),),
    "output_dir": (beside("predict"),),
    "unknown_below": (beside("predict", "save"),),
    "frame": (beside("adapt", "app"),),
}

PAGE: dict[str, tuple[Rule, ...]] = {
    "app": ALWAYS,
    "host": (beside("app"),),
    "port": (beside("app"),),
}
