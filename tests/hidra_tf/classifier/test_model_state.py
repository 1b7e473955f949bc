import keras
import numpy as np

from hidra_tf.classifier.model_state import state_of


def test_a_state_changes_with_every_weight_and_setting_and_with_nothing_else():
    layers = [keras.Input((3,)), keras.layers.Dense(2), keras.layers.BatchNormalization()]
    model = keras.Sequential(layers)
    first = state_of(model)
    model(np.ones((5, 3)))
    assert state_of(model) == first
    for variable in model.variables:
        kept = variable.numpy()
        variable.assign(kept + 1)
        assert state_of(model) != first
        variable.assign(kept)
    assert state_of(model) == first
    model.layers[1].momentum = 0.5
    assert state_of(model) != first


def test_types_of_few_bits_and_models_without_weights_have_a_state():
    half = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, dtype="bfloat16")])
    assert state_of(half) != state_of(keras.Sequential([keras.Input((3,)), keras.layers.ReLU()]))
