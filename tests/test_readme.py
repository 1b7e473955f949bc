"""What the README and the pages in docs/ show must work as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

from flags import parsing

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
TEXT = "\n".join(page.read_text() for page in PAGES)
CACHE_FLAGS = ("clean", "list")


def examples():
    return re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_the_backbone_that_a_user_would_write_can_be_named(tmp_path, monkeypatch):
    from hidra_tf.backbones import registry

    (code,) = (c for c in examples() if "keras.applications" in c)
    (tmp_path / "my_backbones.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    (name,) = re.findall(r"--backbone=(my_backbones:\w+)", TEXT)
    assert registry.build(name, (32, 32, 3)).output_shape == (None, 576)


def test_the_library_example_runs(tmp_path):
    (code,) = (c for c in examples() if "MetaUpdates" in c)
    shorter = code.replace("updates(0, 100)", "updates(0, 2)").replace("tasks=100", "tasks=10")
    assert shorter != code
    done = subprocess.run(
        [sys.executable, "-c", shorter],
        cwd=ROOT,
        env={"HIDRA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # TensorFlow says nothing about itself.
    assert done.stderr == ""
    assert "Row(ways=2" in done.stdout
    assert "Row(ways=10" in done.stdout


def test_every_flag_and_make_target_that_it_names_exists():
    # The cache and the experiments are commands of their own.
    programs = [path.read_text() for path in (ROOT / "experiments").glob("*.py")]
    own = [flag for text in programs for flag in re.findall(r'add_argument\("--(\w+)"', text)]
    known = parsing.help_text("usage") + "".join(f"--{flag}:" for flag in (*CACHE_FLAGS, *own))
    for name in set(re.findall(r"--(?!no)([a-z_0-9]+)", TEXT)) - {"flagfile", "help", "logdir"}:
        assert re.search(rf"--(\[no\])?{name}:", known), name
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"`?make\s([a-z]+)`?", TEXT)):
        assert f"\n{target}:" in makefile, target


def test_every_file_that_they_link_to_or_name_exists():
    for page in PAGES:
        for path in re.findall(r"\]\(([\w/.]+)\)", page.read_text()):
            assert (page.parent / path).exists(), (page.name, path)
    named = re.findall(r"`((?:tests|hidra_tf|examples|experiments)/[\w/.]+)`", TEXT)
    assert len(named) >= 10
    for path in named:
        assert (ROOT / path).exists(), path


def test_every_page_is_reached_from_the_first():
    first = (ROOT / "docs" / "index.md").read_text()
    for page in PAGES[1:]:
        assert page.name == "index.md" or f"({page.name})" in first, page.name
