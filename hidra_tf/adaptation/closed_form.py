"""The exact first inner step of a tied head, without a gradient tape.

With softmax cross-entropy and C equal output neurons every class has probability 1/C, whatever the
image. Therefore (the four facts of the README)

- the gradient at the features is Σ_c (p_c − y_c)·φ = 0: the backbone does not move, and
- the neurons move to  ψ_c = φ + α/(C·K)·Σ_i (1[y_i = c] − 1/C)·f_i, and the biases to
  b_c = b + α/(C·K)·Σ_i (1[y_i = c] − 1/C) = b.

Where classes have unequal numbers of images, every class weighs the same (`class_balance`), and the
mean features m_k of the classes take the place of single images:
ψ_c = φ + α/C·Σ_k (1[k = c] − 1/C)·m_k.

What the generic step of `InnerLoop` finds by differentiation is written down here; tests compare
the two in float64, values and meta-gradients.
"""

from __future__ import annotations

import tensorflow as tf

from hidra_tf.adaptation.class_balance import picture_weights
from hidra_tf.heads.neurons import HeadWeights


def first_step(
    head: HeadWeights,
    features: tf.Tensor,
    labels: tf.Tensor,
    learning_rate: tf.Tensor | float | tuple[tf.Tensor | float, tf.Tensor | float],
    first_order: bool = False,
) -> HeadWeights:
    """A tied head after one step of SGD on the support loss, the mean over classes.

    Args:
        head: C equal neurons: kernel [D, C], bias [C].
        features: the features f of the N support images, [..., N, D]; leading axes are tasks.
        labels: integers in 0 … C−1, [..., N].
        learning_rate: the rate α of the step; or two rates, of the kernel and of the bias, each a
            number or a tensor of the shape of what it moves, or spread over it.
        first_order: whether the gradient stops at the step, as in first-order MAML.

    Returns:
        Kernel [..., D, C] and bias [..., C].
    """
    ways = tf.shape(head.bias)[-1]
    residual = tf.one_hot(labels, ways, dtype=features.dtype) - 1 / tf.cast(ways, features.dtype)
    residual *= picture_weights(labels, ways, features.dtype)[..., tf.newaxis]
    images = tf.cast(tf.shape(features)[-2], features.dtype)
    kernel_step = tf.linalg.matmul(features, residual, transpose_a=True) / images
    bias_step = tf.reduce_mean(residual, axis=-2)
    if first_order:
        kernel_step, bias_step = tf.stop_gradient(kernel_step), tf.stop_gradient(bias_step)
    rates = learning_rate if isinstance(learning_rate, tuple) else (learning_rate,) * 2
    return HeadWeights(head.kernel + rates[0] * kernel_step, head.bias + rates[1] * bias_step)
