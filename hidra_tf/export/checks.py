"""What an exported classifier makes of pictures and labels that cannot be meant."""

from __future__ import annotations

import tensorflow as tf

from hidra_tf.export.counts import class_counts

# How far a resized picture may leave [0, 1] by rounding.
_TOLERANCE = 1e-3


def assert_pictures(images: tf.Tensor) -> tf.Tensor:
    """Pictures, or an error unless all of their numbers are in [0, 1]."""
    inside = tf.reduce_all((images >= -_TOLERANCE) & (images <= 1 + _TOLERANCE))
    message = "images: expected numbers in [0, 1]; divide pictures of 0 to 255 by 255"
    right = tf.debugging.Assert(inside, [message])
    with tf.control_dependencies([right]):
        return tf.identity(images)


def assert_labels(labels: tf.Tensor, ways: tf.Tensor) -> tf.Tensor:
    """Labels, or an error unless every class has a picture, and every picture a class."""
    message = "labels: expected 0 to ways - 1, each at least once, and at least 2 ways; received"
    right = tf.debugging.Assert(_right(labels, ways), [message, labels, "ways", ways])
    with tf.control_dependencies([right]):
        return tf.identity(labels)


def unless_wrong(bias: tf.Tensor, labels: tf.Tensor, ways: tf.Tensor) -> tf.Tensor:
    """The bias [C], or no numbers if the labels cannot be meant.

    TensorFlow Lite has no assertions, but nobody takes such a probability for an answer.
    """
    return tf.where(_right(labels, ways), bias, tf.constant(float("nan"), bias.dtype))


def _right(labels: tf.Tensor, ways: tf.Tensor) -> tf.Tensor:
    counts = class_counts(labels, ways)
    every = tf.reduce_min(counts) > 0.5
    none_outside = tf.reduce_sum(counts) > tf.cast(tf.shape(labels)[0], tf.float32) - 0.5
    return every & none_outside & (ways > 1)
