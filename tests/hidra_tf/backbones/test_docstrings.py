"""The examples in the docstrings of public names do what they say."""

import doctest

import pytest

from hidra_tf.backbones import backbone, conv4, keras_models, resnet12


@pytest.mark.parametrize(
    "module", [backbone, conv4, keras_models, resnet12], ids=lambda module: module.__name__
)
def test_examples_run(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
