"""Meta-updates in TensorFlow as they are usually written, to be compared with.

All compute MAML from a tied head (the meta-gradients of HIDRA, neuron by neuron) with one Conv-4,
second-order, without Adam: from episodes to the mean loss and the meta-gradients. A block is a 3×3
convolution, a normalisation, ReLU and 2×2 max pooling; γ and β are not adapted to a task. The
normalisation is one of

- `affine`: γ·x/√1.001 + β, after a bias;
- `transductive`: γ·(x − μ)/√(σ² + 0.001) + β with each set's own μ and σ², which need no bias.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from benchmarks.inputs import BLOCKS, EPSILON, PER_BLOCK, adapted
from data_gen.episodes import Episodes

Step = Callable[[Episodes], tuple[tf.Tensor, Sequence[tf.Tensor]]]


def unrolled(
    weights: Sequence[np.ndarray], steps: int, learning_rate: float, norm: str = "affine"
) -> Step:
    """A Python loop over the tasks, unrolled into one compiled graph."""
    theta = [tf.Variable(w) for w in weights]

    @tf.function
    def step(episodes: Episodes) -> tuple[tf.Tensor, Sequence[tf.Tensor]]:
        with tf.GradientTape() as tape:
            losses = [
                _query_loss(theta, task, steps, learning_rate, norm)
                for task in zip(*(tf.unstack(part) for part in episodes[:4]), strict=True)
            ]
            loss = tf.add_n(losses) / len(losses)
        return loss, tape.gradient(loss, theta)

    return step


def mapped(
    weights: Sequence[np.ndarray], steps: int, learning_rate: float, norm: str = "affine"
) -> Step:
    """`tf.map_fn` over the tasks, differentiated through, as in the published programs."""
    theta = [tf.Variable(w) for w in weights]

    @tf.function
    def step(episodes: Episodes) -> tuple[tf.Tensor, Sequence[tf.Tensor]]:
        with tf.GradientTape() as tape:
            losses = tf.map_fn(
                lambda task: _query_loss(theta, task, steps, learning_rate, norm),
                episodes[:4],
                fn_output_signature=theta[0].dtype,
            )
            loss = tf.reduce_mean(losses)
        return loss, tape.gradient(loss, theta)

    return step


def _query_loss(
    theta: Sequence[tf.Variable],
    task: Sequence[tf.Tensor],
    steps: int,
    learning_rate: float,
    norm: str,
) -> tf.Tensor:
    images, labels, query_images, query_labels = task
    weights = [tf.convert_to_tensor(w) for w in theta]
    moving = [i for i, moves in enumerate(adapted(norm)) if moves]
    for _ in range(steps):
        chosen = [weights[i] for i in moving]
        with tf.GradientTape() as tape:
            tape.watch(chosen)
            loss = _loss(weights, images, labels, norm)
        for i, gradient in zip(moving, tape.gradient(loss, chosen), strict=True):
            weights[i] = weights[i] - learning_rate * gradient
    return _loss(weights, query_images, query_labels, norm)


def _loss(
    weights: Sequence[tf.Tensor], images: tf.Tensor, labels: tf.Tensor, norm: str
) -> tf.Tensor:
    x = images
    for block in range(BLOCKS):
        first = PER_BLOCK[norm] * block
        kernel, *bias, gamma, beta = weights[first : first + PER_BLOCK[norm]]
        x = tf.nn.conv2d(x, kernel, 1, "SAME")
        x = _normalised(tf.nn.bias_add(x, *bias) if bias else x, gamma, norm) + beta
        x = tf.nn.max_pool2d(tf.nn.relu(x), 2, 2, "VALID")
    logits = tf.reshape(x, (tf.shape(x)[0], -1)) @ weights[-2] + weights[-1]
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    )


def _normalised(x: tf.Tensor, gamma: tf.Tensor, norm: str) -> tf.Tensor:
    if norm == "affine":
        return x * (gamma * (1 / np.sqrt(1 + EPSILON)))
    # Written out: `tf.nn.moments` has a wrong second derivative.
    centred = x - tf.reduce_mean(x, (0, 1, 2))
    variance = tf.reduce_mean(tf.square(centred), (0, 1, 2))
    return centred * (gamma * tf.math.rsqrt(variance + EPSILON))
