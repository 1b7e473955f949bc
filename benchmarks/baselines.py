"""Meta-updates as they are usually written, to be compared with.

All compute HIDRA or MAML with one Conv-4 (3×3 convolution, bias, γ·x/√1.001 + β, ReLU, 2×2 max
pooling), second-order, without Adam: from episodes to the mean loss and the meta-gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from data_gen.episodes import Episodes

Step = Callable[[Episodes], tuple[tf.Tensor, Sequence[tf.Tensor]]]

BLOCKS = 4
SCALE = 1 / np.sqrt(1.001)


def initial_weights(channels: int, filters: int, features: int, ways: int) -> list[np.ndarray]:
    """Kernel, bias, γ and β of each block, then the head's kernel [D, ways] and bias [ways]."""
    rng = np.random.default_rng(0)
    weights: list[np.ndarray] = []
    for block in range(BLOCKS):
        inputs = channels if block == 0 else filters
        bound = np.sqrt(6 / (9 * (inputs + filters)))
        weights += [
            rng.uniform(-bound, bound, (3, 3, inputs, filters)),
            np.zeros(filters),
            np.ones(filters),
            np.zeros(filters),
        ]
    neuron = rng.uniform(-0.1, 0.1, (features, 1))
    weights += [np.tile(neuron, (1, ways)), np.zeros(ways)]
    return [w.astype(np.float32) for w in weights]


def unrolled(weights: Sequence[np.ndarray], steps: int, learning_rate: float) -> Step:
    """A Python loop over the tasks, unrolled into one compiled graph."""
    theta = [tf.Variable(w) for w in weights]

    @tf.function
    def step(episodes: Episodes) -> tuple[tf.Tensor, Sequence[tf.Tensor]]:
        with tf.GradientTape() as tape:
            losses = [
                _query_loss(theta, task, steps, learning_rate)
                for task in zip(*(tf.unstack(part) for part in episodes[:4]), strict=True)
            ]
            loss = tf.add_n(losses) / len(losses)
        return loss, tape.gradient(loss, theta)

    return step


def mapped(weights: Sequence[np.ndarray], steps: int, learning_rate: float) -> Step:
    """`tf.map_fn` over the tasks, differentiated through, as in the published programs."""
    theta = [tf.Variable(w) for w in weights]

    @tf.function
    def step(episodes: Episodes) -> tuple[tf.Tensor, Sequence[tf.Tensor]]:
        with tf.GradientTape() as tape:
            losses = tf.map_fn(
                lambda task: _query_loss(theta, task, steps, learning_rate),
                episodes[:4],
                fn_output_signature=tf.float32,
            )
            loss = tf.reduce_mean(losses)
        return loss, tape.gradient(loss, theta)

    return step


def _query_loss(
    theta: Sequence[tf.Variable], task: Sequence[tf.Tensor], steps: int, learning_rate: float
) -> tf.Tensor:
    images, labels, query_images, query_labels = task
    weights = [tf.convert_to_tensor(w) for w in theta]
    moving = [i for i in range(len(weights)) if i >= 4 * BLOCKS or i % 4 < 2]
    for _ in range(steps):
        chosen = [weights[i] for i in moving]
        with tf.GradientTape() as tape:
            tape.watch(chosen)
            loss = _loss(weights, images, labels)
        for i, gradient in zip(moving, tape.gradient(loss, chosen), strict=True):
            weights[i] = weights[i] - learning_rate * gradient
    return _loss(weights, query_images, query_labels)


def _loss(weights: Sequence[tf.Tensor], images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    x = images
    for block in range(BLOCKS):
        kernel, bias, gamma, beta = weights[4 * block : 4 * block + 4]
        x = tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), bias) * (gamma * SCALE) + beta
        x = tf.nn.max_pool2d(tf.nn.relu(x), 2, 2, "VALID")
    logits = tf.reshape(x, (tf.shape(x)[0], -1)) @ weights[-2] + weights[-1]
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    )
