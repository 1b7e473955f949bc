"""What is minimised, within a task and over tasks, and what is reported."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from hidra_tf.options import check_choice

# Labels [..., N] and logits [..., N, C] → the mean loss [...] over the N images of each task.
Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Softmax cross-entropy, the mean [...] over images: labels [..., N], logits [..., N, C]."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    return tf.reduce_mean(losses, axis=-1)


def one_versus_rest(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Sigmoid cross-entropy of each neuron against the rest, summed over the C neurons.

    The mean [...] over images: labels [..., N], logits [..., N, C]. A logit's derivative is
    σ(z) − y where `cross_entropy` has p − y, so learning rates carry over; but a value that is
    common to all logits of an image does matter here, and with it the master neuron.
    """
    targets = tf.one_hot(labels, tf.shape(logits)[-1], dtype=logits.dtype)
    losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)
    return tf.reduce_mean(tf.reduce_sum(losses, axis=-1), axis=-1)


def squared_error(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Mean square of σ(z) − y over the C neurons and the images [...]: Relation Networks' loss.

    Sung et al. (2018), https://arxiv.org/abs/1711.06025, equation 2, as a mean: labels [..., N],
    logits z [..., N, C], with y = 1 for an image's own class and 0 for the others.
    """
    targets = tf.one_hot(labels, tf.shape(logits)[-1], dtype=logits.dtype)
    errors = tf.reduce_mean(tf.square(tf.sigmoid(logits) - targets), axis=-1)
    return tf.reduce_mean(errors, axis=-1)


# By the names in `options.LOSSES`.
LOSSES: dict[str, Loss] = {
    "softmax": cross_entropy,
    "sigmoid": one_versus_rest,
    "mse": squared_error,
}


def loss_function(loss: str | Loss) -> Loss:
    """The function that a name stands for, or a function of one's own.

    Args:
        loss: a key of `LOSSES`; or a function of labels [..., N] and logits [..., N, C] that
            returns the mean loss [...] over the N images, for any number of leading axes.

    Returns:
        The loss; one's own also checks the shape of what it returns.

    Raises:
        ValueError: if there is no loss of that name; later, if one's own returns another shape.
    """
    if not callable(loss):
        check_choice("loss", loss, LOSSES, "or a function of labels and logits")
        return LOSSES[loss]

    def checked(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        losses = tf.convert_to_tensor(loss(labels, logits))
        if losses.shape.rank != labels.shape.rank - 1:
            raise ValueError(
                f"loss: expected the mean over the last axis of labels {labels.shape}, "
                f"received losses of shape {losses.shape}"
            )
        return losses

    return checked


def accuracy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Share of images [...] whose largest logit is their label's: labels [..., N]."""
    return tf.reduce_mean(tf.cast(_hits(labels, logits), logits.dtype), axis=-1)


def correct(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """The same as a number of images [...], int32, which no rounding touches."""
    return tf.reduce_sum(tf.cast(_hits(labels, logits), tf.int32), axis=-1)


def _hits(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Whether the largest logit is the label's, for every image."""
    return tf.equal(tf.argmax(logits, -1, output_type=labels.dtype), labels)
