"""The examples of CONTRIBUTING.md, put where they belong in a copy of the program."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
# Where the lines for a registry or a grid belong.
PLACES = {
    "METHODS": "hidra_tf/methods/registry.py",
    "ROWS": "tests/hidra_tf/methods/conftest.py",
    "HEADS": "hidra_tf/options.py",
    "BACKBONES": "hidra_tf/options.py",
    "GRID": "tests/hidra_tf/backbones/test_every_backbone.py",
    "DATASETS": "data_gen/__init__.py",
    "DEFAULTS": "flags/defaults.py",
}
TINY = "--filters=2 --meta_batch=1 --steps=2 --shots=1 --query_shots=2 --val_tasks=5 --eval_tasks=5"


def blocks():
    """First word of the comment that opens each example → the example."""
    return dict(re.findall(r"```python\n# (\S+)\n(.*?)```", TEXT, re.DOTALL))


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A copy of the program with all examples in it."""
    copy = tmp_path_factory.mktemp("extended")
    for name in ("data_gen", "hidra_tf", "flags", "tests"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("main.py", "pyproject.toml"):
        shutil.copy(ROOT / name, copy)
    for place, code in blocks().items():
        if "/" in place:
            (copy / place).write_text(code)
            continue
        file = copy / PLACES[place]
        text, found = re.subn(
            rf"^({place}\b[^\n]*= \{{)", rf"\1\n{code.rstrip()}\n", file.read_text(), flags=re.M
        )
        assert found == 1, place
        file.write_text(text)
    return copy


def run(folder, *arguments):
    environment = {**os.environ, "HIDRA_CACHE_DIR": str(folder / "cache")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_example_names_its_place():
    assert len(blocks()) == TEXT.count("```python") == 11
    assert {name for name in blocks() if "/" not in name} == PLACES.keys()


def test_the_method_backbone_and_data_set_train_and_are_evaluated(extended):
    flags = ["--dataset=stripes", "--method=cosine", "--backbone=conv4_max", *TINY.split()]
    shown = run(extended, "main.py", *flags, "--train_ways=2-4", "--eval_ways=2,8")
    assert "24 / 8 / 8 classes" in shown
    assert re.search(r"\n +8 +\d+\.\d\d ± ", shown)


def test_the_head_trains_and_is_evaluated_at_any_number_of_ways(extended):
    flags = ["--dataset=stripes", "--method=maml", "--head=mean", *TINY.split()]
    assert re.search(r"\n +8 +\d+\.\d\d ± ", run(extended, "main.py", *flags, "--eval_ways=2,8"))


def test_the_rows_make_the_grids_test_the_examples(extended):
    files = ["tests/hidra_tf/methods/test_methods.py", PLACES["GRID"]]
    chosen = "(cosine and derivatives) or (conv4_max and features_are) or grid or has_a_row"
    shown = run(extended, "-m", "pytest", "-n", "0", "-k", chosen, *files)
    assert re.search(r"\b10 passed", shown), shown
