"""How many pictures the classes of a support set have."""

from __future__ import annotations

import tensorflow as tf


def class_counts(labels: tf.Tensor, ways: tf.Tensor | int, dtype: str = "float32") -> tf.Tensor:
    """The number of pictures of each class, [C]."""
    return tf.reduce_sum(tf.one_hot(labels, ways, dtype=dtype), axis=0)


def pictures_per_class(labels: tf.Tensor, ways: tf.Tensor | int, dtype: str) -> tf.Tensor:
    """The harmonic mean of the numbers of pictures, which a `Temperature` depends on."""
    counts = class_counts(labels, ways, dtype)
    # The interpreter within TensorFlow 2.21 divides a constant number by such a vector wrongly.
    shares = tf.ones_like(counts) / counts
    return 1 / tf.reduce_mean(shares)
