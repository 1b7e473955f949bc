"""Support sets whose classes have unequal numbers of pictures: every class weighs the same.

The loss of a support set is the mean over its C classes of the mean over the K_c pictures of each,

    L = 1/C Σ_c 1/K_c Σ_{i: y_i = c} ℓ_i = 1/N Σ_i w_i·ℓ_i,   w_i = N / (C·K_{y_i}).

So a class with one picture counts as much as a class with ten, as in training, where all classes
have K pictures. There w_i is the quotient of two equal integers, which is 1 exactly: the loss and
its derivatives of every order are the plain mean's, bit for bit.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator

import tensorflow as tf

_EQUAL_PICTURES = contextvars.ContextVar("equal_pictures", default=False)


@contextlib.contextmanager
def equal_pictures() -> Iterator[None]:
    """Lets every picture of a support set weigh the same, so that large classes weigh more.

    What is traced within it stays so.
    """
    token = _EQUAL_PICTURES.set(True)
    try:
        yield
    finally:
        _EQUAL_PICTURES.reset(token)


def weighing(balanced: bool) -> contextlib.AbstractContextManager[None]:
    """The context in which all classes weigh the same, or else all pictures."""
    return contextlib.nullcontext() if balanced else equal_pictures()


def picture_weights(labels: tf.Tensor, ways: tf.Tensor | int, dtype: tf.DType) -> tf.Tensor:
    """The weights w [..., N], which add up to N; all are 1 within `equal_pictures`.

    Args:
        labels: the classes of the pictures, integers [..., N]; every class has a picture.
        ways: the number C of classes.
        dtype: the type of the weights.
    """
    if _EQUAL_PICTURES.get():
        return tf.ones(tf.shape(labels), dtype)
    belongs = tf.one_hot(labels, ways, dtype=dtype)
    counts = tf.reduce_sum(belongs, axis=-2, keepdims=True)
    own = tf.reduce_sum(belongs * counts, axis=-1)
    return tf.cast(tf.shape(labels)[-1], dtype) / (tf.cast(ways, dtype) * own)


def balanced(
    loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    labels: tf.Tensor,
    logits: tf.Tensor,
    weights: tf.Tensor | None = None,
) -> tf.Tensor:
    """L [...], from a loss that is the mean over pictures.

    Args:
        loss: labels [..., N] and logits [..., N, C] → the mean [...] over the N pictures.
        labels: integers [..., N].
        logits: [..., N, C].
        weights: the pictures' weights [..., N] where they are some of a larger support set; None
            where they are all of it.
    """
    # The mean over one picture is the picture's own loss.
    losses = loss(labels[..., tf.newaxis], logits[..., tf.newaxis, :])
    if weights is None:
        weights = picture_weights(labels, tf.shape(logits)[-1], logits.dtype)
    return tf.reduce_mean(weights * losses, axis=-1)
