"""ResNet-12, the deeper backbone of the few-shot literature."""

from __future__ import annotations

import keras
import tensorflow as tf

from hidra_tf.backbones.arguments import check_network, check_norm
from hidra_tf.backbones.drop_block import Digest, DropBlock
from hidra_tf.backbones.normalization import TaskNormalization
from hidra_tf.backbones.pooling import max_pool
from hidra_tf.seeds import derive

_SLOPE = 0.1
# The widths of the four blocks, as multiples of the first one's.
_WIDTHS = (1, 2.5, 5, 10)
# The sides of the squares that are dropped after each block, as in MetaOptNet.
_DROP_SIZES = (1, 1, 5, 5)


def resnet12(
    image_shape: tuple[int, int, int],
    filters: int = 64,
    norm: str = "transductive",
    seed: int = 0,
    dtype: str = "float32",
    drop_block: float = 0.0,
) -> keras.Model:
    """Makes ResNet-12: four residual blocks, and the mean over places.

    Sources: TADAM (Oreshkin et al., 2018, https://arxiv.org/abs/1805.10123) and MetaOptNet (Lee et
    al., 2019, https://arxiv.org/abs/1904.03758).

    Args:
        image_shape: (height, width, channels), with sides of at least 16 pixels.
        filters: the number of channels of the first block, ≥ 1; the others have 2.5, 5 and 10
            times as many. The papers' 64 gives 64, 160, 320 and 640, and 12.4 million weights.
        norm: one of `options.NORMS`; only `none` has no normalisation layers, and biases instead.
        seed: the seed of the He-normal kernels and of the dropped regions, an integer ≥ 0.
        dtype: a Keras dtype policy; see `conv4`.
        drop_block: the share of activations that `DropBlock` drops after each block during
            meta-training, 0 ≤ drop_block < 1; at 0 there are no such layers.

    Returns:
        A model from images [N, H, W, channels] to features [N, D] with D = 10·filters. Keras can
        save it (`model.save("resnet12.keras")`) and load it where this module is imported.

    Raises:
        ValueError: if an argument is not of this kind.

    Example:
        >>> model = resnet12((32, 32, 3), filters=8, drop_block=0.1)
        >>> model.output_shape
        (None, 80)
    """
    check_network("ResNet-12", image_shape, filters, norm, seed, dtype)
    variable_dtype = keras.DTypePolicy(dtype).variable_dtype
    images = keras.Input(image_shape, dtype=variable_dtype)
    digest = Digest(name="digest")(images) if drop_block else None
    hidden = images
    for number, (width, size) in enumerate(zip(_WIDTHS, _DROP_SIZES, strict=True), start=1):
        name = f"block_{number}"
        hidden = ResidualBlock(
            max(1, int(width * filters)), norm, derive(seed, name), dtype=dtype, name=name
        )(hidden)
        if drop_block:
            drop_seed = derive(seed, f"drop_{number}")
            hidden = DropBlock(drop_block, size, drop_seed, dtype=dtype, name=f"drop_{number}")(
                [hidden, digest]
            )
    # A mean over many places, in the precision of statistics.
    features = keras.layers.GlobalAveragePooling2D(dtype=variable_dtype, name="features")(hidden)
    return keras.Model(images, features, name="resnet12")


@keras.saving.register_keras_serializable(package="hidra_tf")
class ResidualBlock(keras.layers.Layer):
    """Three 3×3 convolutions beside a 1×1 convolution, with leaky ReLUs and 2×2 max pooling.

    The output is y = pool(σ(n(c₃(σ(n(c₂(σ(n(c₁(x)))))))) + n(c₀(x)))) with convolutions c,
    normalisations n and σ(x) = max(x, 0.1·x). The pooling comes before the last σ here, which
    gives the same numbers.

    Input [N, H, W, channels], output [N, H // 2, W // 2, filters].

    Args:
        filters: the number of channels of the output.
        norm: one of `options.NORMS`.
        seed: the seed of the kernels.
        **kwargs: name, dtype and the other arguments of a Keras layer.
    """

    def __init__(self, filters: int, norm: str, seed: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        check_norm(norm)
        self.filters, self.norm, self.seed = filters, norm, seed
        names, sides = ("conv_1", "conv_2", "conv_3", "shortcut"), (3, 3, 3, 1)
        self.convolutions = [
            keras.layers.Conv2D(
                filters,
                side,
                padding="same",
                # A bias before a normalisation would double β, or be subtracted with the mean.
                use_bias=norm == "none",
                kernel_initializer=keras.initializers.VarianceScaling(
                    2.0, "fan_out", "untruncated_normal", derive(seed, name)
                ),
                dtype=self.dtype_policy,
                name=name,
            )
            for name, side in zip(names, sides, strict=True)
        ]
        self.norms = [
            TaskNormalization(dtype=self.dtype_policy, name=f"{name}_norm")
            if norm != "none"
            else keras.layers.Identity(dtype=self.dtype_policy)
            for name in names
        ]

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the variables of the convolutions and normalisations."""
        *path, shortcut = self.convolutions
        for convolution in (path[0], shortcut):
            convolution.build(input_shape)
        inside = (*input_shape[:-1], self.filters)
        for layer in (*path[1:], *self.norms):
            layer.build(inside)

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Computes the features of `images`; see `TaskNormalization` for `training`."""
        hidden = self._normalised(0, images, training)
        for position in (1, 2):
            hidden = tf.nn.leaky_relu(hidden, _SLOPE)
            hidden = self._normalised(position, hidden, training)
        hidden += self._normalised(3, images, training)
        return tf.nn.leaky_relu(max_pool(hidden), _SLOPE)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The output's shape: [N, H // 2, W // 2, filters]."""
        count, height, width, _ = input_shape
        return count, height // 2, width // 2, self.filters

    def get_config(self) -> dict[str, object]:
        """The arguments, as Keras saves them."""
        own = {"filters": self.filters, "norm": self.norm, "seed": self.seed}
        return {**super().get_config(), **own}

    def _normalised(self, position: int, images: tf.Tensor, training: bool) -> tf.Tensor:
        convolved, norm = self.convolutions[position](images), self.norms[position]
        # `Identity` takes no argument `training`.
        if isinstance(norm, TaskNormalization):
            return norm(convolved, training=training)
        return convolved
