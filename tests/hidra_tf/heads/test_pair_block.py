"""The block over all pairs of maps, against the same block on pairs that are written out."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.backbones.conv_block import ConvBlock
from hidra_tf.heads.pair_block import PairBlock, moments_of_sums

TASKS, CLASSES, IMAGES, CHANNELS, FILTERS = 2, 3, 4, 2, 5


def pairs_of(classes, images):
    """Every image with every class, the class's channels first."""
    return np.stack(
        [
            np.concatenate([c, x], axis=-1)
            for own, other in zip(classes, images, strict=True)
            for x, c in itertools.product(other, own)
        ]
    )


def made(kind, settings, inputs):
    """A block of which no weight is as initialized, and the same for both kinds."""
    block = kind(FILTERS, kernel_initializer="glorot_uniform", dtype="float64", **settings)
    block(inputs)
    rng = np.random.default_rng(1)
    for variable in block.variables:
        variable.assign(np.abs(rng.normal(size=variable.shape)) - 0.3 * ("gamma" in variable.path))
    block.kernel.assign(rng.normal(size=block.kernel.shape))
    return block


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "settings",
    [
        {"normalised": True, "use_bias": False},
        {"normalised": True, "use_bias": True, "padding": "valid"},
        {"normalised": True, "use_bias": True, "pool": False},
        {"normalised": False, "use_bias": True},
    ],
)
def test_it_is_a_block_on_pairs_written_out(settings, training):
    """Numbers, statistics that are kept, and gradients of weights and maps."""
    rng = np.random.default_rng(0)
    maps = [rng.normal(size=(TASKS, n, 5, 6, CHANNELS)) for n in (CLASSES, IMAGES)]
    together, plain = tf.constant(pairs_of(*maps)), [tf.constant(m) for m in maps]
    found, gradients, kept = [], [], []
    for kind, inputs in ((PairBlock, plain), (ConvBlock, together)):
        block = made(kind, settings, inputs)
        with tf.GradientTape() as tape:
            outputs = block(inputs, training=training)
            loss = tf.reduce_sum(tf.sin(outputs))
        found.append(outputs)
        gradients.append(tape.gradient(loss, [v.value for v in block.trainable_variables]))
        kept.append([v.numpy() for v in block.non_trainable_variables])
        assert outputs.shape[1:] == block.compute_output_shape(tf.nest.map_structure(
            lambda x: tuple(x.shape), inputs))[1:]  # fmt: skip
    assert found[0].shape[0] == TASKS * CLASSES * IMAGES
    assert np.mean(found[0] > 0) > 0.1
    np.testing.assert_allclose(*found, rtol=1e-10, atol=1e-12)
    for ours, theirs in (*zip(*gradients, strict=True), *zip(*kept, strict=True)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10)


def test_statistics_of_sums_are_those_of_the_sums_also_where_parts_are_opposed():
    rng = np.random.default_rng(0)
    classes = 3 + rng.normal(size=(TASKS, CLASSES, 4, 5, FILTERS))
    # Nearly opposed at each place, so that the variance of a sum is far below that of its parts.
    images = 0.1 * rng.normal(size=(TASKS, IMAGES, 4, 5, FILTERS)) - classes.mean(1, keepdims=True)
    sums = classes[:, np.newaxis] + images[:, :, np.newaxis]
    mean, variance = moments_of_sums(tf.constant(classes), tf.constant(images))
    axes = (0, 1, 2, 3, 4)
    np.testing.assert_allclose(mean, sums.mean(axes), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(variance, sums.var(axes), rtol=1e-12)
