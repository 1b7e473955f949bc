"""What every backbone of `options.BACKBONES` has to be; a new one is a new row of the grid."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from data_gen.errors import UserError
from hidra_tf import methods
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones import registry
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.options import BACKBONES, NORMS

IMAGE = (16, 16, 1)
# Each with the length of its features of such images with 2 filters.
GRID = {"conv4": 2, "conv4_gap": 2, "conv4_np": 8, "resnet12": 20}

every = pytest.mark.parametrize("name", GRID)
norms = pytest.mark.parametrize("norm", NORMS)


def build(name, norm="transductive", **settings):
    return registry.build(name, IMAGE, **{"filters": 2, "norm": norm, **settings})


def images_of(count, dtype="float32"):
    return tf.constant(np.random.default_rng(0).random((count, *IMAGE)), dtype)


def features_of(backbone, images):
    theta = [tf.convert_to_tensor(v) for v in backbone.variables]
    return backbone.support_features(theta, images)[0].numpy()


def test_every_backbone_has_a_row():
    assert GRID.keys() == BACKBONES.keys()


@every
@norms
def test_features_are_floats_of_one_length_that_differ_between_pictures(name, norm):
    backbone = Backbone(build(name, norm), norm)
    features = features_of(backbone, images_of(4))
    assert features.shape == (4, GRID[name])
    assert features.dtype == np.float32
    assert len({row.tobytes() for row in features}) == 4


@every
@norms
def test_of_its_weights_gamma_and_beta_alone_stay_out_of_the_inner_loop(name, norm):
    backbone = Backbone(build(name, norm), norm)
    fixed = [v.path for v, on in zip(backbone.variables, backbone.adapted, strict=True) if not on]
    assert bool(fixed) == (norm != "none")
    assert all(path.endswith(("/gamma", "/beta")) for path in fixed)


@every
@norms
def test_a_picture_depends_on_others_by_batch_statistics_alone(name, norm):
    backbone = Backbone(build(name, norm, dtype="float64"), norm)
    images = images_of(4, "float64")
    difference = np.max(
        np.abs(features_of(backbone, images)[:2] - features_of(backbone, images[:2]))
    )
    assert difference < 1e-12 if backbone.per_image else difference > 1e-5
    assert backbone.per_image == (norm in ("affine", "none", "running"))


@every
def test_the_seed_decides_every_kernel(name):
    def kernels(seed):
        model = build(name, seed=seed)
        return [v.numpy().tobytes() for v in model.trainable_variables if "kernel" in v.path]

    assert kernels(1) == kernels(1)
    assert not {*kernels(1)} & {*kernels(2)}


def moved(model, seed=1):
    """The model with no weight as initialized: zeros put ReLUs on their kinks."""
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        variable.assign(variable.numpy() + 0.3 * rng.normal(size=variable.shape))
    return model


@every
@pytest.mark.parametrize("norm", ["transductive", "affine"])
def test_second_derivatives_are_those_of_finite_differences(
    name, norm, check_meta_gradient, make_episodes
):
    backbone = Backbone(moved(build(name, norm, dtype="float64")), norm)
    method = methods.build("maml", backbone, InnerLoop(2, 0.1), (2,))
    check_meta_gradient(method, make_episodes(2, shots=2, query_shots=2))


@every
@norms
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_what_is_saved_is_loaded_with_equal_features(name, norm, dtype, tmp_path):
    model = moved(build(name, norm, dtype=dtype))
    model.save(tmp_path / "backbone.keras")
    loaded = keras.models.load_model(tmp_path / "backbone.keras")
    assert loaded is not model
    assert {v.dtype for v in loaded.variables} == {"float32"}
    ours, theirs = (Backbone(m, norm) for m in (model, loaded))
    assert ours.adapted == theirs.adapted
    np.testing.assert_array_equal(
        features_of(theirs, images_of(3)), features_of(ours, images_of(3))
    )


@every
@pytest.mark.parametrize(
    "settings",
    [{"filters": 0}, {"norm": "batch"}, {"seed": -1}, {"dtype": "float"}],
    ids=lambda settings: next(iter(settings)),
)
def test_a_wrong_setting_is_refused_in_one_line(name, settings):
    with pytest.raises(UserError, match=f"^{name}: {next(iter(settings))}") as caught:
        build(name, **settings)
    assert "\n" not in str(caught.value)
