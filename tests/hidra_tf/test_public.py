"""The public names of the library: found, listed, and free until they are used."""

import subprocess
import sys
from pathlib import Path

import pytest

import hidra_tf

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", hidra_tf.__all__)
def test_every_public_name_is_there_and_documented(name):
    assert getattr(hidra_tf, name).__doc__
    assert name in dir(hidra_tf)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Hydra'"):
        hidra_tf.Hydra  # noqa: B018


def test_importing_the_library_imports_no_tensorflow_and_using_it_prints_nothing():
    code = (
        "import sys, hidra_tf; assert 'tensorflow' not in sys.modules; "
        "hidra_tf.Hidra; assert 'tensorflow' in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
