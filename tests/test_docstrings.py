"""The examples in the library's docstrings run, and public names have one and name their paper."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

import hidra_tf

ROOT = Path(__file__).parents[1]
FILES = sorted(f for folder in ("data_gen", "hidra_tf") for f in (ROOT / folder).rglob("*.py"))
WITH_EXAMPLES = [file for file in FILES if ">>> " in file.read_text()]
# Public names that are shown in the examples of others, or as their results.
WITHOUT = {"Row", "DataRequest"}
PAPER = r"https://(arxiv\.org/abs|doi\.org)/"
# What is no paper's idea.
OWN = {"Row", "Backbone", "conv4", "resnet12", "with_task_normalization"}
OWN |= {"load", "DataRequest", "EpisodeSampler", "ZeroHead", "RandomHead", "AnyWayHyperHead"}
OWN |= {"export_saved_model", "export_tflite", "initializations"}


def name_of(file):
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("file", WITH_EXAMPLES, ids=name_of)
def test_the_examples_of_a_module_run(file):
    module = importlib.import_module(name_of(file))
    failed, tried = doctest.testmod(module)
    assert tried > 0
    assert failed == 0


def public(names):
    return [name for name in hidra_tf.__all__ if name not in names]


@pytest.mark.parametrize("name", public(WITHOUT))
def test_a_public_name_shows_how_it_is_used(name):
    assert ">>> " in getattr(hidra_tf, name).__doc__


@pytest.mark.parametrize("name", public(OWN))
def test_a_public_name_says_which_paper_it_is_from(name):
    assert re.search(PAPER, getattr(hidra_tf, name).__doc__)
