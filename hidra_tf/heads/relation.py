"""The relation module of Relation Networks: a class and a query, as feature maps → one score."""

from __future__ import annotations

import keras

from hidra_tf.backbones.conv_block import ConvBlock
from hidra_tf.heads.pair_block import PairBlock
from hidra_tf.seeds import derive

# Units of the first fully connected layer; from this size of maps on, convolutions do not pad.
UNITS, LARGE = 8, 10


def relation_module(
    map_shape: tuple[int, int, int], norm: str, seed: int = 0, dtype: str = "float32"
) -> keras.Model:
    """Makes two convolutional blocks and two fully connected layers, which compare two maps.

    Sung et al. (2018), https://arxiv.org/abs/1711.06025, section 4. The blocks have as many
    channels as one map. As in both published programs, convolutions pad where maps are smaller than
    10 × 10. A block pools where at least 2 × 2 values are left, which all published sizes have; so
    maps of 1 × 1, the features of Conv-4 for 28 × 28 pixels, can be compared too.

    The module is an ordinary Keras model, and so `Backbone` calls it with the same statistics as
    the network that makes the maps. It takes all maps of a task and compares them in all pairs; see
    `PairBlock`.

    Args:
        map_shape: (h, w, c) of one map.
        norm: one of `options.NORMS`.
        seed: the seed of the Glorot-uniform kernels.
        dtype: a Keras dtype policy.

    Returns:
        A model from two inputs, maps [T, C, h, w, c] of the classes and [T, N, h, w, c] of the
        images of T tasks, to scores [T·N·C, 1] without a sigmoid: of the first image with each of
        the classes, then of the next.

    Example:
        >>> relation_module((19, 19, 64), norm="support").output_shape
        (None, 1)
    """
    height, width, channels = map_shape
    maps = hidden = [
        keras.Input((None, *map_shape), dtype=dtype, name=name) for name in ("classes", "images")
    ]
    padding = "same" if max(height, width) < LARGE else "valid"
    smallest = min(height, width)
    for block, kind in ((1, PairBlock), (2, ConvBlock)):
        hidden = kind(
            channels,
            normalised=norm != "none",
            # A bias before batch statistics is subtracted again with the mean.
            use_bias=norm in ("affine", "none"),
            kernel_initializer=_glorot(seed, f"relation_conv_{block}"),
            padding=padding,
            pool=smallest >= 2,
            dtype=dtype,
            name=f"relation_block_{block}",
        )(hidden)
        smallest = min(hidden.shape[1:3])
    hidden = keras.layers.Flatten(dtype=dtype)(hidden)
    for layer, units, activation in ((1, UNITS, "relu"), (2, 1, None)):
        hidden = keras.layers.Dense(
            units,
            activation,
            kernel_initializer=_glorot(seed, f"relation_dense_{layer}"),
            dtype=dtype,
            name=f"relation_dense_{layer}",
        )(hidden)
    return keras.Model(maps, hidden, name="relation_module")


def _glorot(seed: int, name: str) -> keras.initializers.Initializer:
    return keras.initializers.GlorotUniform(derive(seed, name))
