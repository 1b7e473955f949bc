import dataclasses

import keras
import numpy as np
import pytest

from hidra_tf import FewShotClassifier
from hidra_tf.classifier import heads
from hidra_tf.evaluation.ensemble import Ensemble
from tests.hidra_tf.classifier.small import start_of, stripes


@pytest.fixture
def model():
    return keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            keras.layers.Conv2D(3, 5, strides=4),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
        ]
    )


def twin_of(model):
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    return twin


# The kernel, which is shared with the model, and the mean and the variance, which are copied.
@pytest.mark.parametrize("place", [0, 4, 5])
def test_a_model_that_was_trained_in_between_is_seen_as_it_is_now(model, place):
    support, labels = stripes((2, 2, 2))
    first = FewShotClassifier(model, n_steps=2).fit(support, labels)
    assert FewShotClassifier(model, n_steps=2).fit(support, labels)._learner._calls is (
        first._learner._calls
    )
    before = first.predict_proba(support)
    moved = model.variables[place]
    moved.assign(moved + np.random.default_rng(place).uniform(1, 2, moved.shape))
    again = FewShotClassifier(model, n_steps=2).fit(support, labels)
    fresh = FewShotClassifier(twin_of(model), n_steps=2).fit(support, labels)
    np.testing.assert_array_equal(again.predict_proba(support), fresh.predict_proba(support))
    assert again.initialization_.method is not first.initialization_.method
    # A mean shifts all features alike, and they are centred before a head learns.
    assert place == 4 or np.abs(again.predict_proba(support) - before).max() > 1e-4


def test_a_layer_that_is_frozen_or_set_anew_makes_another_method(model):
    methods = [heads.of_model(model, 2, None) for _ in range(2)]
    assert methods[0] is methods[1]
    model.layers[0].trainable = False
    frozen = heads.of_model(model, 2, None)
    assert frozen is not methods[0]
    model.layers[0].activation = keras.activations.tanh
    assert heads.of_model(model, 2, None) is not frozen
    assert heads.of_model(model, 3, None) is not heads.of_model(model, 2, None)
    assert heads.of_model(model, 2, 0.5).inner.learning_rate == 0.5


def test_a_layer_without_a_configuration_is_no_obstacle():
    class Odd(keras.layers.Layer):
        def call(self, given):
            return 2 * given

        def get_config(self):
            raise NotImplementedError

    pictures = keras.Input((16, 16, 1))
    model = keras.Model(pictures, Odd()(keras.layers.Flatten()(pictures)))
    assert heads.of_model(model, 2, None) is not heads.of_model(model, 2, None)


def test_heads_of_vectors_are_one_for_each_size_and_setting():
    one = heads.of_features(3, 2, None)
    assert heads.of_features(3, 2, None) is one
    others = [heads.of_features(*key) for key in ((4, 2, None), (3, 1, None), (3, 2, 0.5))]
    assert one not in others and others[2].inner.learning_rate == 0.5


def test_a_rate_is_that_of_a_twin_with_the_same_weights(model):
    method = heads.of_model(model, 2, None)
    twin = heads.at_rate(method, 0.25)
    assert heads.at_rate(method, 0.25) is twin and heads.at_rate(method, None) is method
    assert (twin.inner.learning_rate, method.inner.learning_rate) == (0.25, 1.0)
    assert twin.backbone is method.backbone
    assert heads.at_rate(twin, 0.5).inner.learning_rate == 0.5


def test_only_a_keras_model_takes_a_function_that_prepares_pictures():
    message = "preprocess: expected None for an initialization"
    with pytest.raises(ValueError, match=message):
        FewShotClassifier(start_of(), preprocess=lambda x: x).fit(*stripes((2, 2)))


def test_several_checkpoints_take_no_other_steps():
    start = start_of()
    ensemble = Ensemble(start.method)
    ensemble.remember()
    several = dataclasses.replace(start, method=ensemble)
    with pytest.raises(ValueError, match="none of them for several checkpoints together"):
        FewShotClassifier(several, n_steps=3).fit(*stripes((2, 2)))


def test_features_have_no_start_before_they_were_seen():
    with pytest.raises(ValueError, match="a classifier of features that has seen some"):
        FewShotClassifier().starting_point()
