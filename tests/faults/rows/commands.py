"""Whole commands with one mistake, as a user types them: without the flags that make runs tiny."""

from __future__ import annotations

from tests.faults.harness import Row
from tests.faults.recipes import folder, write

_PLACES = (folder("empty"), write("file", "a file"), write("occupied/notes.txt", "mine"))


def _typed(flags: str, says: str) -> Row:
    run = () if "--run_dir" in flags else ("--run_dir=run",)
    shown = flags if len(flags) < 60 else f"{flags[:40]}…"
    return Row(f"typed: {shown}", (*flags.split(), *run), says, _PLACES)


ROWS = [
    _typed("--dataset=glyphs --train_ways=281", "at most 280 ways"),
    _typed("--dataset=glyphs --eval_ways=2-81", "at most 80 ways"),
    _typed("--dataset=glyphs --shots=10 --query_shots=11", r"10 \+ 11 = 21"),
    _typed("--dataset=omniglot --data_dir=empty", "images_background"),
    _typed("--dataset=omniglot --data_dir=empty/no", "images_background"),
    _typed("--dataset=emnist --data_dir=empty", r"emnist_62\.zip"),
    _typed("--dataset=folder --data_dir=empty", "pictures in a folder for each class"),
    _typed("--dataset=glyphs --eval_dataset=cub --data_dir=empty", "CUB_200_2011"),
    _typed("--dataset=glyphs --pretrained=empty", "expected a run at .*empty"),
    _typed("--eval_only", "expected a run at run"),
    _typed("--run_dir=run", "expected a run at run to continue"),
    _typed("--seeds=0,1 --run_dir=run", "expected a run at run/seed0 to continue"),
    _typed("--dataset=glyphs --seeds=0,1 --seed=2", "seeds: expected with no --seed beside it"),
    _typed("--dataset=glyphs --compare_dir=new", "compare_dir: expected with --compare"),
    _typed("--dataset=glyphs --run_dir=file", "is not a run"),
    _typed("--eval_only --run_dir=occupied", "is not a run"),
    _typed("--dataset=glyphs --run_dir=occupied", "is not a run"),
    _typed("--dataset=glyphs --run_dir=/dev/null/run", "/dev/null"),
    _typed("--dataset=glyphs --run_dir=run" + 300 * "x", "name too long"),
]
