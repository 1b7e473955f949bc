"""The program from its command line, at its smallest."""

import json
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMALL = ["--rounds=1", "--inner_steps=1", "--ways=2", "--meta_batch=1", "--side=16", "--filters=2"]


def run(*flags):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow  # a minute of `make bench`; its parts are tested one by one beside it
def test_a_run_prints_and_writes_numbers_and_charts(tmp_path):
    variants = "--variants=closed_form,torch_loop"
    groups = "--groups=headline,memory,endurance"
    done = run(groups, variants, *SMALL, "--updates=500", f"--out={tmp_path}")
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["flags"]["rounds"] == 1
    assert results["machine"]["cores"] > 0
    headline = results["groups"]["headline"]
    ours, peers = "HIDRA, closed form", ["PyTorch, loop"] * (util.find_spec("torch") is not None)
    labels = [ours, f"{ours}, bfloat16", *peers]
    assert [row["label"] for row in headline["rows"]] == 2 * labels
    assert all(row["median_ms"] > 0 for row in headline["rows"])
    assert headline["peak_flops"]["float32"] > 1e6
    memory = results["groups"]["memory"]
    assert [row["label"] for row in memory["rows"]] == [ours, *peers]
    assert all(row["peak_mib"] > 0 for row in memory["rows"])
    assert [row["updates"] for row in results["groups"]["endurance"]["rows"]] == [500]
    for group in ("headline", "memory", "endurance"):
        assert (tmp_path / f"{group}.png").read_bytes().startswith(b"\x89PNG")
    assert all(label in done.stdout for label in labels)


def test_an_unknown_group_is_refused():
    done = run("--groups=headline,nothing")
    assert done.returncode != 0
    assert "expected some of headline" in done.stderr
