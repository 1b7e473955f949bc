"""Conv-4 that pools in its first two blocks alone, and so keeps maps that can be compared."""

from __future__ import annotations

import keras

from hidra_tf.backbones.conv4 import conv4_blocks

# Of each block: how its convolution pads, and whether it pools.
_BLOCKS = (("valid", True), ("valid", True), ("same", False), ("same", False))


def conv4_np(
    image_shape: tuple[int, int, int],
    filters: int = 64,
    norm: str = "transductive",
    seed: int = 0,
    dtype: str = "float32",
) -> keras.Model:
    """Makes the encoder of Relation Networks, of which the last two blocks do not pool.

    The first two blocks do not pad, either. Source: Sung et al. (2018),
    https://arxiv.org/abs/1711.06025, section 4; `Conv4NP` and `Conv4SNP` in the program of Chen et
    al. (2019), https://arxiv.org/abs/1904.04232.

    Args:
        image_shape: (height, width, channels), with sides of at least 16 pixels.
        filters: the number of channels of every block, ≥ 1; 64 in both papers.
        norm: one of `options.NORMS`; see `conv4`.
        seed: the seed of the Glorot-uniform kernels, an integer ≥ 0.
        dtype: a Keras dtype policy; see `conv4`.

    Returns:
        A model from images [N, H, W, channels] to features [N, h·w·filters], which are maps
        [h, w, filters], flattened row by row: 19 × 19 of 84 × 84 pixels, 5 × 5 of 28 × 28.

    Raises:
        ValueError: if an argument is not of this kind.

    Example:
        >>> conv4_np((28, 28, 1), filters=64).output_shape
        (None, 1600)
    """
    blocks = conv4_blocks(image_shape, filters, norm, seed, dtype, _BLOCKS)
    features = keras.layers.Flatten(dtype=dtype, name="features")
    return keras.Sequential([*blocks, features], name="conv4_np")
