import pytest

from tests.hidra_tf.classifier.small import start_of


@pytest.fixture(scope="session")
def support_start():
    return start_of("support")


@pytest.fixture(scope="session")
def affine_start():
    return start_of("affine")
