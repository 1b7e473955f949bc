"""Features that are centred and scaled before a head learns, as part of the head."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from hidra_tf.heads.neurons import HeadWeights


def scaled_head(
    learn: Callable[[tf.Tensor], HeadWeights],
    features: tf.Tensor,
    labels: tf.Tensor,
    ways: tf.Tensor | int,
) -> HeadWeights:
    """The head for features as they are, where one is learned from scaled features.

    With f ↦ (f − c)/s of `hidra_tf.classifier.scaling`, logits are f·ψ/s + b − c·ψ/s.

    Args:
        learn: scaled features [N, D] → the head.
        features: features [N, D] as they are.
        labels: integers in 0 … C−1, [N].
        ways: C.
    """
    center, scale = _scaling(features, labels, ways)
    kernel, bias = learn((features - center) / scale)
    kernel = kernel / scale
    return HeadWeights(kernel, bias - tf.linalg.matvec(kernel, center, transpose_a=True))


def _scaling(
    features: tf.Tensor, labels: tf.Tensor, ways: tf.Tensor | int
) -> tuple[tf.Tensor, tf.Tensor]:
    """The center [D] and the scale, computed with 64 bits."""
    wide = tf.cast(features, tf.float64)
    belongs = tf.one_hot(labels, ways, dtype=tf.float64)
    shares = belongs / tf.reduce_sum(belongs, axis=0) / tf.cast(ways, tf.float64)
    weights = tf.reduce_sum(shares, axis=1)
    center = tf.linalg.matvec(wide, weights, transpose_a=True)
    rows = tf.sqrt(weights)[:, tf.newaxis] * (wide - center)
    scale = tf.reduce_max(tf.linalg.svd(rows, compute_uv=False))
    scale = tf.where(scale > 0, scale, 1.0)
    return tf.cast(center, features.dtype), tf.cast(scale, features.dtype)
