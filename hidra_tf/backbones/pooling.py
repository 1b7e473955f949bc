"""2×2 max pooling whose second derivative is as fast as its first."""

from __future__ import annotations

import tensorflow as tf

from hidra_tf.backbones.fused_normalization import channel_sum

_WINDOW = {"ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "padding": "VALID"}


@tf.custom_gradient
def max_pool(images: tf.Tensor) -> tuple[tf.Tensor, object]:
    """Takes the largest value of each 2×2 window.

    Input [N, H, W, channels], output [N, H // 2, W // 2, channels].

    The numbers and both derivatives are those of `tf.nn.max_pool2d`, bit for bit. Of equal values
    in a window, the first one takes the gradient on a CPU. TensorFlow's own second derivative
    (MaxPoolGradGrad) searches every window again, slowly; this one marks the positions with the
    fast kernel of the first derivative and sums over the window by an average pooling.
    """
    pooled = tf.nn.max_pool2d(images, 2, 2, "VALID")

    @tf.custom_gradient
    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, object]:
        return _spread(images, pooled, upstream), lambda u: _gather(images, pooled, u)

    return pooled, gradient


@tf.custom_gradient
def shifted_relu_pool(images: tf.Tensor, shift: tf.Tensor) -> tuple[tf.Tensor, object]:
    """Computes `max_pool(relu(images + shift))`; its derivatives pass over the small arrays only.

    Before the pooling, shift and ReLU cost nothing, since TensorFlow computes them within the
    convolution that makes the images; but their derivatives are cheaper behind it, where three of
    four values are gone. The largest value of a window stays the largest under both.

    Args:
        images: [N, H, W, channels].
        shift: [channels], of any type of floats.

    Returns:
        [N, H // 2, W // 2, channels].
    """
    rectified = tf.nn.relu(tf.nn.bias_add(images, tf.cast(shift, images.dtype)))
    pooled = tf.nn.max_pool2d(rectified, 2, 2, "VALID")

    @tf.custom_gradient
    def gradient(upstream: tf.Tensor) -> tuple[tuple[tf.Tensor, tf.Tensor], object]:
        active = tf.raw_ops.ReluGrad(gradients=upstream, features=pooled)
        first = (
            _spread(rectified, pooled, active),
            channel_sum(active, shift.dtype),
        )

        def second(of_images: tf.Tensor, of_shift: tf.Tensor) -> tf.Tensor:
            gathered = _gather(rectified, pooled, of_images) + tf.cast(of_shift, images.dtype)
            return tf.raw_ops.ReluGrad(gradients=gathered, features=pooled)

        return first, second

    return pooled, gradient


def _spread(images: tf.Tensor, pooled: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
    """Puts each value of `upstream` where its window has its first maximum, zeros elsewhere."""
    return tf.raw_ops.MaxPoolGrad(orig_input=images, orig_output=pooled, grad=upstream, **_WINDOW)


def _gather(images: tf.Tensor, pooled: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """The adjoint of `_spread`: from each window of `values`, takes the one at the maximum."""
    chosen = _spread(images, pooled, tf.ones_like(pooled))
    # Three of four values are 0, so quarter and fourfold are exact.
    return 4 * tf.nn.avg_pool2d(chosen * values, 2, 2, "VALID")
