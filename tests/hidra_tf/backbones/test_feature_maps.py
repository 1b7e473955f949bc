"""The maps behind features: their shape, and that reshaping brings them back."""

import keras
import numpy as np
import pytest

from data_gen.errors import UserError
from hidra_tf.backbones.conv4 import conv4
from hidra_tf.backbones.conv4_np import conv4_np
from hidra_tf.backbones.feature_maps import map_shape
from hidra_tf.backbones.resnet12 import resnet12

L = keras.layers


@pytest.mark.parametrize(
    ("make", "image", "expected"),
    [
        (conv4, (28, 28, 1), (1, 1, 3)),
        (conv4, (84, 64, 3), (5, 4, 3)),
        (conv4_np, (84, 84, 3), (19, 19, 3)),
        (conv4_np, (28, 20, 1), (5, 3, 3)),
    ],
)
def test_the_features_are_the_maps_row_by_row(make, image, expected):
    model = make(image, filters=3)
    assert map_shape(model) == expected
    images = np.random.default_rng(0).random((2, *image)).astype(np.float32)
    maps = keras.Model(model.inputs[0], model.layers[-1].input)(images)
    np.testing.assert_array_equal(np.reshape(model(images), (2, *expected)), maps)


def test_a_model_inside_of_a_model_is_looked_into():
    images = keras.Input((28, 28, 1))
    assert map_shape(keras.Model(images, conv4_np((28, 28, 1), 2)(images))) == (5, 5, 2)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (resnet12((16, 16, 1), 1), r"received resnet12, whose last layer is \w+ \(\w+\)$"),
        (
            keras.Sequential([keras.Input((8, 8, 1)), L.Flatten(), L.Dense(3, name="last")]),
            r"whose last layer is last \(Dense\)",
        ),
        (keras.Sequential([keras.Input((8, 9)), L.Flatten(name="f")]), r"layer is f \(Flatten\)"),
    ],
)
def test_a_backbone_without_maps_is_refused_and_one_with_maps_is_named(model, message):
    with pytest.raises(UserError, match=rf"^backbone: .*`backbone=conv4_np`; .*{message}"):
        map_shape(model)
