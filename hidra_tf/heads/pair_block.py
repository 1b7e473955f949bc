"""A convolutional block over all pairs of two sets of maps, each of which it convolves once."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from hidra_tf.backbones.conv_block import ConvBlock
from hidra_tf.backbones.pooling import max_pool
from hidra_tf.heads.pair_parts import are_parts_allowed, in_parts


@keras.saving.register_keras_serializable(package="hidra_tf")
class PairBlock(ConvBlock):
    """What a `ConvBlock` makes of a class's map and an image's, one behind the other, in all pairs.

    A convolution is linear: that of a pair is the sum of one of the class's map, by the first half
    of the kernel's input channels, and one of the image's map by the second half. So C + N maps
    are convolved for C·N pairs. The statistics of the sums follow from those of their parts; see
    `moments_of_sums`.

    Input: maps [T, C, h, w, c] of the classes and [T, N, h, w, c] of the images of T tasks. Output:
    [T·N·C, h′, w′, filters], all classes for the first image, then for the next. The arguments, the
    weights and the sizes h′ and w′ are those of `ConvBlock`.
    """

    def build(self, input_shape: Sequence[tuple[int | None, ...]]) -> None:
        """Creates the weights of a block whose input has the channels of both maps."""
        classes, images = input_shape
        super().build((None, None, None, classes[-1] + images[-1]))

    def call(self, maps: Sequence[tf.Tensor], training: bool = False) -> tf.Tensor:
        """Computes the features of all pairs; see `TaskNormalization` for `training`."""
        kernels = tf.split(tf.convert_to_tensor(self.kernel), [m.shape[-1] for m in maps], axis=2)
        classes, images = (self._convolved(*both) for both in zip(maps, kernels, strict=True))
        scale, shift = self._affine(classes, images, training)
        of_classes = tf.cast(classes * scale, self.compute_dtype)
        of_images = tf.cast(images * scale + shift, self.compute_dtype)
        # Where statistics are known, the whole network goes in parts: see `RelationNet`.
        if not (training and are_parts_allowed()):
            return self._of_pairs(of_classes, of_images)
        row = self.compute_output_shape([m.shape for m in maps])[1:]
        return in_parts(self._of_pairs, of_classes, of_images, row)

    def compute_output_shape(
        self, input_shape: Sequence[tuple[int | None, ...]]
    ) -> tuple[int | None, ...]:
        """The output's shape; see the class."""
        return super().compute_output_shape((None, *input_shape[0][2:]))

    def _of_pairs(self, classes: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        """Pooled and rectified sums of all pairs of maps [T, C, h, w, F] and [T, N, h, w, F]."""
        sums = classes[:, tf.newaxis] + images[:, :, tf.newaxis]
        sums = tf.reshape(sums, (-1, *sums.shape[3:]))
        return tf.nn.relu(max_pool(sums) if self.pool else sums)

    def _convolved(self, maps: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Maps [T, M, h, w, c] → [T, M, h″, w″, filters], in the type of the weights."""
        flat = tf.reshape(maps, (-1, *maps.shape[2:]))
        flat, small = (tf.cast(x, self.compute_dtype) for x in (flat, kernel))
        outputs = tf.cast(tf.nn.conv2d(flat, small, 1, self.padding.upper()), kernel.dtype)
        return tf.reshape(outputs, tf.concat([tf.shape(maps)[:2], outputs.shape[1:]], axis=0))

    def _affine(
        self, classes: tf.Tensor, images: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Scale and shift [filters] that hold the bias and the normalisation."""
        bias = self._bias()
        if self.norm is None:
            return tf.ones_like(bias), bias
        mean, variance = moments_of_sums(classes, images) if training else self.norm.stored()
        if training:
            mean += bias
            self.norm.store(mean, variance)
        scale, shift = self.norm.as_affine(mean, variance)
        return scale, bias * scale + shift


def moments_of_sums(classes: tf.Tensor, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and biased variance [F] of all sums of two maps, without the sums themselves.

    The mean is that of the classes' maps a plus that of the images' maps b. With their deviations
    from these means, the variance is E[a²] + E[b²] + 2·E[E_c[a]·E_n[b]], where the inner means are
    those over classes and over images at one place of the maps.

    Args:
        classes: a, [T, C, h, w, F].
        images: b, [T, N, h, w, F].
    """
    means = [tf.reduce_mean(maps, axis=(0, 1, 2, 3)) for maps in (classes, images)]
    a, b = classes - means[0], images - means[1]
    squares = sum(tf.reduce_mean(tf.square(maps), axis=(0, 1, 2, 3)) for maps in (a, b))
    at_places = tf.reduce_mean(a, axis=1) * tf.reduce_mean(b, axis=1)
    return sum(means), squares + 2 * tf.reduce_mean(at_places, axis=(0, 1, 2))
