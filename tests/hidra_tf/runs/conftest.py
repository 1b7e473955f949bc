"""What the tests of whole runs share."""

import keras
import pytest

from hidra_tf.backbones import registry


@pytest.fixture
def short_conv4(monkeypatch):
    """Conv-4 has one block: most of the time of a tiny run would be that of tracing four."""
    build = registry.build

    def shortened(name, image_shape, **settings):
        whole = build(name, image_shape, **settings)
        flatten = keras.layers.Flatten(name="features")
        return keras.Sequential([keras.Input(image_shape), whole.layers[0], flatten])

    monkeypatch.setattr(registry, "build", shortened)
