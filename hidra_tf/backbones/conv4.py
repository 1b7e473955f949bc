"""Conv-4: the four-block convolutional network of the few-shot literature."""

from __future__ import annotations

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
    """The four-block convolutional network of the few-shot literature (Vinyals et al., 2016).

    Each block: 3×3 convolution, normalisation, ReLU, 2×2 max pooling (`ConvBlock`).

    Args:
        image_shape: (height, width, channels), sides of at least 16 pixels.
        filters: channels of every block; the papers use 64 for Omniglot, 32 for mini-ImageNet.
        norm: one of `options.NORMS`; `none` leaves the normalisation layers out.
        seed: of the Glorot-uniform kernels.
        dtype: a Keras dtype policy: float32; mixed_bfloat16 for convolutions in bfloat16 with
            weights, statistics and features in float32; float64 for tests.

    Returns:
        A model [N, H, W, channels] → [N, D] with D = (H // 16)·(W // 16)·filters.

    Raises:
        ValueError: if the images are smaller than 16 × 16 or `norm` is unknown.
    """
    check_network("Conv-4", image_shape, filters, norm, seed, dtype)
    layers: list[keras.layers.Layer] = [
        keras.Input(image_shape, dtype=keras.DTypePolicy(dtype).variable_dtype)
    ]
    for block in range(4):
        layers.append(
            ConvBlock(
                filters,
                normalised=norm != "none",
                # A bias before batch statistics is subtracted again with the mean.
                use_bias=norm in ("affine", "none"),
                kernel_initializer=keras.initializers.GlorotUniform(derive(seed, f"conv_{block}")),
                dtype=dtype,
                name=f"block_{block + 1}",
            )
        )
    layers.append(keras.layers.Flatten(dtype=dtype, name="features"))
    return keras.Sequential(layers, name="conv4")
