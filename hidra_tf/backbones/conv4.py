"""Conv-4: the four-block convolutional network of the few-shot literature."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from hidra_tf.backbones.arguments import check_network
from hidra_tf.backbones.conv_block import ConvBlock
from hidra_tf.seeds import derive


def conv4(
    image_shape: tuple[int, int, int],
    filters: int = 64,
    norm: str = "transductive",
    seed: int = 0,
    dtype: str = "float32",
) -> keras.Model:
    """Makes the four-block convolutional network of the few-shot literature.

    Each block is a 3×3 convolution, a normalisation, a ReLU and 2×2 max pooling (`ConvBlock`).
    Source: Vinyals et al. (2016), https://arxiv.org/abs/1606.04080.

    Args:
        image_shape: (height, width, channels), with sides of at least 16 pixels.
        filters: the number of channels of every block, ≥ 1; the papers use 64 for Omniglot and 32
            for mini-ImageNet.
        norm: one of `options.NORMS`. The network is the same for all of them, but that `none` has
            no normalisation layers, and only `none` and `affine` have biases.
        seed: the seed of the Glorot-uniform kernels, an integer ≥ 0.
        dtype: a Keras dtype policy: `float32`; `mixed_bfloat16` for convolutions in bfloat16 with
            weights, statistics and features in float32; or `float64` for tests.

    Returns:
        A model from images [N, H, W, channels] to features [N, D] with
        D = (H // 16)·(W // 16)·filters. Keras can save it (`model.save("conv4.keras")`) and load
        it where this module is imported.

    Raises:
        ValueError: if an argument is not of this kind.

    Example:
        >>> model = conv4((28, 28, 1), filters=64)
        >>> model.output_shape
        (None, 64)
    """
    blocks = conv4_blocks(image_shape, filters, norm, seed, dtype)
    features = keras.layers.Flatten(dtype=dtype, name="features")
    return keras.Sequential([*blocks, features], name="conv4")


def conv4_gap(
    image_shape: tuple[int, int, int],
    filters: int = 64,
    norm: str = "transductive",
    seed: int = 0,
    dtype: str = "float32",
) -> keras.Model:
    """Makes Conv-4 with a mean over the places of its last block: features of one length.

    The program of HyperMAML (https://arxiv.org/abs/2205.15745) has it for pictures of 84 × 84
    pixels, and so have the programs that pre-train Conv-4 (Ye et al., 2020,
    https://arxiv.org/abs/1812.03664).

    Args:
        image_shape: as of `conv4`.
        filters: as of `conv4`.
        norm: as of `conv4`.
        seed: as of `conv4`.
        dtype: as of `conv4`.

    Returns:
        A model from images [N, H, W, channels] to features [N, filters].

    Raises:
        ValueError: if an argument is not of this kind.

    Example:
        >>> conv4_gap((84, 84, 3), filters=64).output_shape
        (None, 64)
    """
    blocks = conv4_blocks(image_shape, filters, norm, seed, dtype)
    # The mean is taken in the precision of the weights.
    features = keras.layers.GlobalAveragePooling2D(
        dtype=keras.DTypePolicy(dtype).variable_dtype, name="features"
    )
    return keras.Sequential([*blocks, features], name="conv4_gap")


def conv4_blocks(
    image_shape: tuple[int, int, int],
    filters: int,
    norm: str,
    seed: int,
    dtype: str,
    shapes: Sequence[tuple[str, bool]] = (("same", True),) * 4,
) -> list[keras.layers.Layer]:
    """The input and the four blocks, which all kinds of Conv-4 have.

    Args:
        image_shape: as of `conv4`.
        filters: as of `conv4`.
        norm: as of `conv4`.
        seed: as of `conv4`.
        dtype: as of `conv4`.
        shapes: of each block, how its convolution pads and whether it pools; see `ConvBlock`.
    """
    check_network("Conv-4", image_shape, filters, norm, seed, dtype)
    layers: list[keras.layers.Layer] = [
        keras.Input(image_shape, dtype=keras.DTypePolicy(dtype).variable_dtype)
    ]
    for number, (padding, pool) in enumerate(shapes):
        layers.append(
            ConvBlock(
                filters,
                normalised=norm != "none",
                # A bias before batch statistics is subtracted again with the mean.
                use_bias=norm in ("affine", "none"),
                kernel_initializer=keras.initializers.GlorotUniform(derive(seed, f"conv_{number}")),
                padding=padding,
                pool=pool,
                dtype=dtype,
                name=f"block_{number + 1}",
            )
        )
    return layers
