"""The block that Conv-4 is made of, computed as cheaply as its formula allows."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from hidra_tf.backbones.normalization import TaskNormalization, is_plain
from hidra_tf.backbones.pooling import max_pool, shifted_relu_pool

_SIDE = 3


@keras.saving.register_keras_serializable(package="hidra_tf")
class ConvBlock(keras.layers.Layer):
    """A 3×3 convolution, a normalisation, 2×2 max pooling and a ReLU; the numbers of four layers.

    It needs fewer passes over the largest arrays than four layers do:

    - If the normalisation's statistics are known beforehand, it is one scale and one shift per
      channel: the kernel is multiplied by the scale, and the convolution's bias is the shift.
    - The same holds for batch statistics if the images have few channels: the statistics of a
      convolution's output follow from mean and covariance of the 3×3 patches of its input, which
      are then cheaper to compute than the output.
    - Shift and ReLU are differentiated behind the pooling, where a quarter of the values is left.

    Input [N, H, W, channels], output [N, H // 2, W // 2, filters]; without padding, H − 2 and W − 2
    take the place of H and W, and without pooling they are not halved.

    Args:
        filters: the number of channels of the output.
        normalised: whether there is a normalisation.
        use_bias: whether the convolution adds a bias.
        kernel_initializer: the initializer of the kernel [3, 3, channels, filters], or what
            `keras.initializers.get` makes one of.
        padding: `same` if the convolution pads with zeros, else `valid`.
        pool: whether there is the pooling.
        **kwargs: name, dtype and the other arguments of a Keras layer.
    """

    def __init__(
        self,
        filters: int,
        normalised: bool,
        use_bias: bool,
        kernel_initializer: str | dict | keras.initializers.Initializer,
        padding: str = "same",
        pool: bool = True,
        **kwargs: object,
    ) -> None:
        # Images are cast where they are used: statistics of patches need them as they come.
        super().__init__(autocast=False, **kwargs)
        self.filters, self.use_bias = filters, use_bias
        self.padding, self.pool = padding, pool
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.norm = TaskNormalization(dtype=self.dtype_policy, name="norm") if normalised else None

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the kernel, the bias if there is one, and the normalisation's variables."""
        self.kernel = self.add_weight(
            shape=(_SIDE, _SIDE, input_shape[-1], self.filters),
            initializer=self.kernel_initializer,
            autocast=False,
            name="kernel",
        )
        self.bias = (
            self.add_weight(shape=(self.filters,), initializer="zeros", autocast=False, name="bias")
            if self.use_bias
            else None
        )
        if self.norm is not None:
            self.norm.build((None, None, None, self.filters))

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Computes the features of `images`; see `TaskNormalization` for `training`."""
        kernel, shift = self._folded(images, training)
        images, kernel = (tf.cast(x, self.compute_dtype) for x in (images, kernel))
        outputs = tf.nn.conv2d(images, kernel, 1, self.padding.upper())
        if shift is not None and self.pool:
            return shifted_relu_pool(outputs, shift)
        if shift is not None:
            return tf.nn.relu(tf.nn.bias_add(outputs, tf.cast(shift, outputs.dtype)))
        outputs += tf.cast(self._bias(), outputs.dtype)
        outputs = self.norm(outputs, training=training)
        return tf.nn.relu(max_pool(outputs) if self.pool else outputs)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The output's shape; see the class."""
        lost = 0 if self.padding == "same" else _SIDE - 1
        factor = 2 if self.pool else 1
        height, width = ((side - lost) // factor for side in input_shape[1:3])
        return input_shape[0], height, width, self.filters

    def get_config(self) -> dict[str, object]:
        """The arguments, as Keras saves them."""
        own = {
            "filters": self.filters,
            "normalised": self.norm is not None,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "padding": self.padding,
            "pool": self.pool,
        }
        return {**super().get_config(), **own}

    def _bias(self) -> tf.Tensor:
        """The bias [filters]; zeros if there is none."""
        if self.bias is None:
            return tf.zeros(self.filters, self.variable_dtype)
        return tf.convert_to_tensor(self.bias)

    def _has_small_patches(self, images: tf.Tensor) -> bool:
        return _SIDE**2 * images.shape[-1] < self.filters

    def _folded(self, images: tf.Tensor, training: bool) -> tuple[tf.Tensor, tf.Tensor | None]:
        """The kernel and the shift [filters] that hold the whole normalisation.

        The shift is None where the normalisation needs the convolution's outputs first.
        """
        kernel = tf.convert_to_tensor(self.kernel)
        if self.norm is None:
            return kernel, self._bias()
        if is_plain() or (training and not self._has_small_patches(images)):
            return kernel, None
        if training:
            images = tf.cast(images, kernel.dtype)
            mean, variance = output_moments(images, kernel, self.padding)
            self.norm.store(mean + self._bias(), variance)
        scale, shift = self.norm.as_affine(*self.norm.stored())
        return kernel * scale, self._bias() * scale + shift


def output_moments(
    images: tf.Tensor, kernel: tf.Tensor, padding: str = "same"
) -> tuple[tf.Tensor, tf.Tensor]:
    """Computes mean and biased variance of a convolution's output without the output itself.

    An output is the product of the kernel k and a 3×3 patch p of the (zero-padded) image, so its
    mean is kᵀE[p] and its variance kᵀCov[p]k.

    Args:
        images: [N, H, W, channels].
        kernel: [3, 3, channels, filters].
        padding: `same` if the convolution pads with zeros, else `valid`.

    Returns:
        The mean [filters] and the variance [filters].
    """
    flat = tf.reshape(kernel, (-1, kernel.shape[-1]))
    patches = _patches(images, padding)
    n = tf.cast(tf.shape(patches)[0], patches.dtype)
    mean = tf.reduce_mean(patches, axis=0)
    centred = patches - mean
    covariance = tf.linalg.matmul(centred, centred, transpose_a=True) / n
    variance = tf.reduce_sum(flat * tf.linalg.matmul(covariance, flat), axis=0)
    return tf.linalg.matvec(flat, mean, transpose_a=True), variance


def _patches(images: tf.Tensor, padding: str) -> tf.Tensor:
    """The 3×3 patches around every pixel of the output, [N·H·W, 9·channels]."""
    size = _SIDE**2 * images.shape[-1]
    # A convolution with unit kernels copies faster than `tf.image.extract_patches`.
    units = np.eye(size).reshape(_SIDE, _SIDE, -1, size)
    kernel = tf.constant(units, images.dtype)
    return tf.reshape(tf.nn.conv2d(images, kernel, 1, padding.upper()), (-1, size))
