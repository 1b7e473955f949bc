"""The rooms of the README: a module imports only from rooms before it."""

import ast
import functools
import re
from pathlib import Path

import pytest

from hidra_tf.methods import METHODS

ROOT = Path(__file__).parents[1]
PACKAGES = ("data_gen", "hidra_tf", "flags")  # each may import from those before it
LISTED = ("data_gen", "hidra_tf")  # whose modules the README lists
# Who imports one of these knows of flags or files.
READERS = {
    "absl", "flags", "io", "main", "os", "pathlib", "shutil", "tempfile", "tensorboard", "tqdm",
    "zipfile",
}  # fmt: skip
RUNS = "hidra_tf.runs"
AFTER_RUNS = {f"hidra_tf.{name}" for name in ("shipped", "classifier", "answers", "export", "app")}


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


PATHS = [
    ROOT / "main.py",
    *(path for package in PACKAGES for path in ROOT.glob(f"{package}/**/*.py")),
]
TREES = {name_of(path): ast.parse(path.read_text()) for path in PATHS}


@functools.cache
def imports(name):
    """All modules that a module imports, anywhere in it, by the names they have in `TREES`."""
    found = set()
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}: a relative import"
            parts = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {part if part in TREES else node.module for part in parts}
    return found


def reached(names):
    """The modules that importing some modules imports."""
    found, waiting = set(), set(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        if name in TREES:
            waiting |= imports(name) - found
    return found


def rooms(package):
    """Module → number of its row in the README's list of a package."""
    layout = (ROOT / "README.md").read_text().split("## How the code is laid out")[1]
    (rows,) = re.findall(rf"^{package}/ .*\n((?:  .*\n)+)", layout, re.MULTILINE)
    lists = re.findall(r"^  (\w+/?(?:, \w+/?)*)(?:  |$)", rows, re.MULTILINE)
    return {
        f"{package}.{name.rstrip('/')}": row
        for row, names in enumerate(lists)
        for name in names.split(", ")
    }


def room(name):
    """The module as the README lists it: a folder by its name."""
    return ".".join(name.split(".")[:2])


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_packages_before_it(package):
    later = {"main", *PACKAGES[PACKAGES.index(package) + 1 :]}
    for name in TREES:
        if name.split(".")[0] == package:
            assert not {module.split(".")[0] for module in imports(name)} & later, name


@pytest.mark.parametrize("package", LISTED)
def test_the_readme_lists_every_module(package):
    assert set(rooms(package)) == {room(name) for name in TREES if name.startswith(f"{package}.")}


@pytest.mark.parametrize("package", LISTED)
def test_a_module_imports_only_from_its_row_of_the_list_or_rows_before_it(package):
    rows = rooms(package)
    for name in TREES:
        for module in imports(name) if room(name) in rows else ():
            assert rows.get(room(module), 0) <= rows[room(name)], f"{name} imports {module}"


def test_no_module_imports_itself_by_a_detour():
    # Methods are imported by their registry only when one is built, and import from it.
    for name in TREES.keys() - {"hidra_tf.methods"}:
        assert name not in reached(imports(name)), name


def test_all_rooms_before_runs_know_nothing_of_flags_files_and_terminal():
    # Only the silent import of TensorFlow deals with the terminal.
    outside = {RUNS, "hidra_tf.quiet"} | AFTER_RUNS
    library = {n for n in TREES if n.startswith("hidra_tf.") and room(n) not in outside}
    assert {"hidra_tf.training.updates", "hidra_tf.evaluation.evaluator"} <= library
    known = reached(library)
    assert {"data_gen.episodes", "tensorflow"} <= known
    assert not {name for name in known if room(name) == RUNS}
    assert not {name.split(".")[0] for name in known} & READERS


def compared(tree):
    """The string constants that something is compared with, by operators or by `match`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare | ast.MatchValue):
            for part in ast.walk(node):
                if isinstance(part, ast.Constant):
                    yield part.value


def test_only_the_registry_tells_one_method_from_another():
    for name in TREES.keys() - {"hidra_tf.methods"}:
        assert not METHODS.keys() & set(compared(TREES[name])), name
        if room(name) != "hidra_tf.methods":
            own = {module for module in imports(name) if module.startswith("hidra_tf.methods.")}
            assert own <= {"hidra_tf.methods.interface"}, name


@pytest.mark.parametrize("package", ["data_gen", "hidra_tf"])
def test_the_library_does_not_know_how_flags_are_spelled(package):
    for name, tree in TREES.items():
        # What a run prints is for the command line that called it; `__main__` is one.
        command = room(name) == RUNS or name.endswith(".__main__")
        if name.split(".")[0] == package and not command:
            texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
            spelled = [text for text in texts if re.search(r"(?<![\w-])--[a-z]", str(text))]
            assert not spelled, name


# A module or a function of more lines is to be divided; also one of the experiments.
MEASURED = ("data_gen", "hidra_tf", "flags", "experiments")
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 250, 60


@pytest.mark.parametrize("package", MEASURED)
def test_modules_and_functions_are_short(package):
    paths = list(ROOT.glob(f"{package}/**/*.py"))
    assert len(paths) > 5
    for path in paths:
        text, name = path.read_text(), path.relative_to(ROOT).as_posix()
        assert len(text.splitlines()) <= MOST_LINES, name
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = node.end_lineno - node.lineno + 1
                assert lines <= MOST_LINES_OF_A_FUNCTION, f"{name}: {node.name} has {lines}"
