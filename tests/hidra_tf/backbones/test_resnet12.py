"""ResNet-12 against its formula in plain operations, and as a backbone."""

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.meta_training import meta_training
from hidra_tf.backbones.resnet12 import resnet12
from hidra_tf.methods import build
from hidra_tf.options import NORMS

IMAGE = (16, 16, 3)


def images_of(count, seed=0):
    return tf.constant(np.random.default_rng(seed).random((count, *IMAGE)))


def theta_of(backbone):
    return [tf.convert_to_tensor(v) for v in backbone.variables]


def plain(model, images, norm):
    """The network as the papers draw it: leaky ReLU, then pooling."""

    def convolve(block, name, images):
        convolution = next(c for c in block.convolutions if c.name == name)
        outputs = tf.nn.conv2d(images, convolution.kernel, 1, "SAME")
        if norm == "transductive":
            mean, variance = tf.nn.moments(outputs, [0, 1, 2])
            return (outputs - mean) / tf.sqrt(variance + 1e-3)
        return outputs / np.sqrt(1.001) if norm == "affine" else outputs + convolution.bias

    for number in range(1, 5):
        block, hidden = model.get_layer(f"block_{number}"), images
        for name in ("conv_1", "conv_2"):
            hidden = tf.nn.leaky_relu(convolve(block, name, hidden), 0.1)
        hidden = convolve(block, "conv_3", hidden) + convolve(block, "shortcut", images)
        images = tf.nn.max_pool2d(tf.nn.leaky_relu(hidden, 0.1), 2, 2, "VALID")
    return tf.reduce_mean(images, [1, 2])


@pytest.mark.parametrize("norm", ["transductive", "affine", "none"])
def test_features_are_those_of_the_formula(norm):
    backbone = Backbone(resnet12(IMAGE, 2, norm, dtype="float64"), norm)
    images = images_of(3)
    features, _ = backbone.support_features(theta_of(backbone), images)
    assert np.all(np.any(features, axis=1))
    np.testing.assert_allclose(features, plain(backbone.model, images, norm), rtol=1e-9, atol=1e-12)


def test_the_papers_widths():
    model = resnet12((84, 84, 3))
    widths = [model.get_layer(f"block_{number}").output.shape[-1] for number in range(1, 5)]
    assert widths == [64, 160, 320, 640]
    assert model.output_shape == (None, 640)


@pytest.mark.parametrize("shape", [(15, 16, 1), (16, 15, 1)])
def test_images_that_are_too_small_are_refused(shape):
    with pytest.raises(ValueError, match=f"16 × 16 pixels, received {shape[0]} × {shape[1]}"):
        resnet12(shape)


def test_an_unknown_norm_is_refused():
    with pytest.raises(ValueError, match="received 'batch'"):
        resnet12(IMAGE, norm="batch")


def test_seeds_decide_every_kernel():
    def kernels(seed):
        model = resnet12(IMAGE, 2, seed=seed)
        return [v.numpy().tobytes() for v in model.trainable_variables if "kernel" in v.path]

    assert kernels(3) == kernels(3)
    assert len({*kernels(3), *kernels(4)}) == 32


@pytest.mark.parametrize("norm", NORMS)
def test_gamma_and_beta_alone_stay_out_of_the_inner_loop(norm):
    backbone = Backbone(resnet12(IMAGE, 2, norm), norm)
    fixed = [v.path for v, on in zip(backbone.variables, backbone.adapted, strict=True) if not on]
    assert len(fixed) == (0 if norm == "none" else 32)
    assert all(path.endswith(("/gamma", "/beta")) for path in fixed)


def test_bfloat16_keeps_weights_and_features_in_float32():
    images, features = tf.cast(images_of(4), tf.float32), []
    for dtype in ("mixed_bfloat16", "float32"):
        backbone = Backbone(resnet12(IMAGE, 4, dtype=dtype), "transductive")
        assert {v.dtype for v in backbone.model.variables} == {"float32"}
        features.append(backbone.support_features(theta_of(backbone), images)[0])
        assert features[-1].dtype == tf.float32
    error = np.linalg.norm(features[0] - features[1]) / np.linalg.norm(features[1])
    assert 0 < error < 0.05


@pytest.mark.parametrize("norm", ["transductive", "affine"])
def test_second_derivatives_are_those_of_finite_differences(
    norm, check_meta_gradient, make_episodes
):
    model = resnet12((16, 16, 1), 1, norm, dtype="float64")
    method = build("maml", Backbone(model, norm), InnerLoop(2, 0.1), (2,))
    check_meta_gradient(method, make_episodes(2, shots=2, query_shots=2))


def test_dropped_regions_differ_between_pictures_and_are_the_same_again():
    backbone = Backbone(resnet12(IMAGE, 2, drop_block=0.3), "transductive")
    whole = Backbone(resnet12(IMAGE, 2), "transductive")
    images = tf.cast(images_of(3), tf.float32)

    def features(backbone):
        return backbone.support_features(theta_of(backbone), images)[0].numpy()

    np.testing.assert_array_equal(features(backbone), features(whole))
    with meta_training():
        first, second = features(backbone), features(backbone)
    np.testing.assert_array_equal(first, second)
    assert np.max(np.abs(first - features(whole))) > 1e-3
