"""`Backbone`: which statistics each `norm` uses, and which weights the inner loop moves."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.conv4 import conv4
from hidra_tf.options import NORMS, TRANSDUCTIVE

IMAGE = (16, 16, 1)


def images_of(count, seed=0):
    return tf.constant(np.random.default_rng(seed).random((count, *IMAGE)))


def theta_of(backbone):
    return [tf.convert_to_tensor(v) for v in backbone.variables]


def support_features(backbone, images):
    return backbone.support_features(theta_of(backbone), images)[0].numpy()


def query_features(backbone, support, query):
    _, statistics = backbone.support_features(theta_of(backbone), support)
    return backbone.query_features(theta_of(backbone), query, statistics).numpy()


@pytest.mark.parametrize("norm", ["affine", "none", "running"])
def test_per_image_features_depend_on_one_image_alone(norm, make_backbone):
    backbone, images = make_backbone(norm), images_of(4)
    together = support_features(backbone, images)
    alone = [support_features(backbone, images[i : i + 1])[0] for i in range(4)]
    np.testing.assert_allclose(together, alone, rtol=1e-12, atol=1e-14)
    assert backbone.per_image


@pytest.mark.parametrize("norm", ["transductive", "support"])
def test_batch_statistics_make_support_images_depend_on_one_another(norm, make_backbone):
    backbone, images = make_backbone(norm), images_of(4)
    difference = support_features(backbone, images)[:2] - support_features(backbone, images[:2])
    assert np.max(np.abs(difference)) > 1e-3
    assert not backbone.per_image


def other_queries_matter(backbone):
    support, query = images_of(4, seed=1), images_of(6, seed=2)
    company = query_features(backbone, support, query)[:2]
    return np.max(np.abs(company - query_features(backbone, support, query[:2])))


def support_matters(backbone):
    query = images_of(4, seed=2)
    features = [query_features(backbone, images_of(4, seed), query) for seed in (3, 4)]
    return np.max(np.abs(features[0] - features[1]))


@pytest.mark.parametrize("norm", NORMS)
def test_queries_see_one_another_only_when_transductive(norm, make_backbone):
    difference = other_queries_matter(make_backbone(norm))
    assert difference > 1e-3 if norm in TRANSDUCTIVE else difference < 1e-13


@pytest.mark.parametrize("norm", NORMS)
def test_queries_see_the_support_set_only_with_its_statistics(norm, make_backbone):
    difference = support_matters(make_backbone(norm))
    assert difference > 1e-3 if norm == "support" else difference == 0


@pytest.mark.parametrize("norm", NORMS)
def test_the_support_set_as_queries_has_the_features_of_the_support_set(norm, make_backbone):
    backbone, images = make_backbone(norm), images_of(4)
    np.testing.assert_allclose(
        query_features(backbone, images, images), support_features(backbone, images), atol=1e-12
    )


@pytest.mark.parametrize("norm", NORMS)
def test_calls_change_no_variable(norm, make_backbone):
    """No statistics leak from one task into the next."""
    backbone = make_backbone(norm)
    before = [v.numpy() for v in backbone.model.variables]
    query_features(backbone, images_of(4, seed=1), images_of(4, seed=2))
    for old, new in zip(before, backbone.model.variables, strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_given_weights_are_used_and_not_the_models(make_backbone):
    backbone, images = make_backbone("none"), images_of(2)
    doubled = [2 * v for v in theta_of(backbone)[:-2]]
    features, _ = backbone.support_features([*doubled, *theta_of(backbone)[-2:]], images)
    assert np.max(np.abs(features - support_features(backbone, images))) > 1e-3


@pytest.mark.parametrize("norm", ["transductive", "support", "affine"])
def test_gamma_and_beta_alone_stay_out_of_the_inner_loop(norm, make_backbone):
    backbone = make_backbone(norm)
    fixed = [v.path for v, on in zip(backbone.variables, backbone.adapted, strict=True) if not on]
    assert len(fixed) == 8
    assert all(path.endswith(("/gamma", "/beta")) for path in fixed)


@pytest.mark.parametrize("norm", NORMS)
def test_all_weights_adapt_where_the_normalisation_is_to_adapt(norm, make_backbone):
    backbone = make_backbone(norm, adapt_norm=True)
    assert backbone.adapted == [True] * len(backbone.variables)


def test_any_keras_model_can_be_a_backbone():
    inputs = keras.Input(IMAGE)
    hidden = keras.layers.Dense(5)(keras.layers.Flatten()(inputs))
    backbone = Backbone(keras.Model(inputs, keras.layers.Add()([hidden, hidden])), "none")
    assert backbone.feature_size == 5
    assert backbone.adapted == [True, True]
    images = tf.zeros((3, *IMAGE))
    assert support_features(backbone, images).shape == (3, 5)


def model_of(features):
    images = keras.Input(IMAGE)
    return keras.Model(images, features(keras.layers.Flatten()(images)))


class Subclassed(keras.Model):
    def call(self, images):
        return images


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        (lambda: conv4(IMAGE, 2), {"norm": "batch"}, "norm must be one of .*; received 'batch'"),
        (lambda: conv4(IMAGE, 2), {"norm": None}, "norm must be one of .*; received None"),
        (
            lambda: conv4(IMAGE, 2),
            {"norm": "none"},
            "norm is none, but the model has",
        ),
        (
            lambda: conv4(IMAGE, 2),
            {"adapt_norm": 1},
            "expected True or False, received 1",
        ),
        (lambda: "conv4", {}, "model: expected a Keras model, received str"),
        (lambda: conv4, {}, "model: expected a Keras model, received function"),
        (
            lambda: keras.Sequential([keras.layers.Dense(2)], name="bare"),
            {},
            r"expected a functional or built sequential model, received bare \(Sequential\)",
        ),
        (
            lambda: Subclassed(name="own"),
            {},
            r"sequential model, received own \(Subclassed\)",
        ),
        (
            lambda: keras.Sequential([keras.Input(IMAGE), keras.layers.Conv2D(2, 3)]),
            {},
            r"model: expected features \[N, D\], received \(None, 14, 14, 2\)",
        ),
        (lambda: model_of(lambda x: [x]), {}, r"features \[N, D\], received \[\(None, 256\)\]"),
        (lambda: model_of(lambda x: {"x": x}), {}, r"features \[N, D\], received \{'x': "),
        (lambda: model_of(lambda x: keras.ops.cast(x, "int32")), {}, "of floats, received int32"),
    ],
)
def test_a_wrong_argument_is_refused_in_one_line(model, arguments, message):
    with pytest.raises(ValueError, match=message) as caught:
        Backbone(model(), **{"norm": "transductive", **arguments})
    assert "\n" not in str(caught.value)
