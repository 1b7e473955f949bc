"""The published programs' arithmetic straight from the equations: nothing of this project's in it.

Slow, in float64, and written out task by task, so that `test_golden` has something to compare with
that does not depend on the order in which float32 adds up. What it computes is said in the README
beside the golden files: four blocks whose normalisation is γ·x/√(1 + ε) + β, a linear head, inner
steps of SGD on everything but γ and β, second derivatives, clipping of each variable, Adam.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

BLOCKS = range(1, 5)
BETA_1, BETA_2 = 0.9, 0.999
# Where Adam corrects for its beginning, TensorFlow takes these as float32 numbers, which for 1 − β₂
# is a difference of 1e-5: too much for a comparison in float64. So is the rate's.
POWERS_OF = float(np.float32(BETA_1)), float(np.float32(BETA_2))


class Iteration(NamedTuple):
    """What one meta-update computes, before it moves the weights, and the weights after it.

    Attributes:
        support_loss: before adaptation, mean over tasks.
        query_losses: [U], after 1 … U inner steps, mean over tasks.
        logits: [U, T, C·Q, C], of the queries.
        weights: by their published names; of a hidra file without the head.
    """

    support_loss: np.ndarray
    query_losses: np.ndarray
    logits: np.ndarray
    weights: dict[str, np.ndarray]


class PlainReplay:
    """Replays a golden file, iteration by iteration.

    Args:
        golden: the file, as `np.load` gives it.
    """

    def __init__(self, golden: Any) -> None:
        self._golden = golden
        self._tied = golden["arch"].item() == "hidra"
        self._backbone = {
            name: _double(golden[f"w0/{name}"])
            for i in BLOCKS
            for name in (f"MAML/c_{i}", f"MAML/cb_{i}", f"bn{i}/gamma", f"bn{i}/beta")
        }
        if self._tied:
            self._master = (
                _double(golden["w0/MASTER/MASTER_d_1w"]),
                _double(golden["w0/MASTER/MASTER_d_1b"]),
            )
        else:
            self._head = {n: _double(golden[f"w0/{n}"]) for n in ("MAML/d_1w", "MAML/d_1b")}
        self._updates = 0
        self._moments: dict[str, tuple[tf.Tensor, tf.Tensor]] = {}

    def __call__(self, iteration: int) -> Iteration:
        """The next iteration, whose number is `iteration`."""
        ways = np.atleast_1d(self._golden["ways"])
        ways = int(ways[iteration % len(ways)])
        variables = self._backbone | (self._columns(ways) if self._tied else self._head)
        with tf.GradientTape() as tape:
            tape.watch(variables)
            support, losses, logits = self._tasks(variables, iteration, ways)
            last = losses[-1]
        gradients = tape.gradient(last, variables)
        moved = self._moved(variables, gradients)
        self._backbone = {name: moved[name] for name in self._backbone}
        self._move_head(moved, ways)
        weights = self._backbone if self._tied else self._backbone | self._head
        return Iteration(
            support.numpy(),
            np.array(losses),
            np.array(logits),
            {name: value.numpy() for name, value in weights.items()},
        )

    def _columns(self, ways: int) -> dict[str, tf.Tensor]:
        """As many copies of the master neuron, each a tensor of its own."""
        return {
            f"MAML/d_1{part}{j}": tf.identity(value)
            for j in range(ways)
            for part, value in zip("wb", self._master, strict=True)
        }

    def _move_head(self, moved: dict[str, tf.Tensor], ways: int) -> None:
        """The head after an update; a master neuron moves by its copies' mean."""
        if not self._tied:
            self._head = {name: moved[name] for name in self._head}
            return
        self._master = tuple(
            sum(moved[f"MAML/d_1{part}{j}"] for j in range(ways)) / ways for part in "wb"
        )

    def _tasks(
        self, variables: dict[str, tf.Tensor], iteration: int, ways: int
    ) -> tuple[tf.Tensor, list[tf.Tensor], tf.Tensor]:
        """Means over the tasks: of the first support loss, and of the query loss of each step.

        Third come the query logits, [U, T, C·Q, C].
        """
        parts = [
            [self._golden[f"it{iteration}/{name}"] for name in (f"{s}_images", f"{s}_labels")]
            for s in ("support", "query")
        ]
        tasks = [
            self._task(variables, ways, *(array[t] for part in parts for array in part))
            for t in range(len(parts[0][0]))
        ]
        support, losses, logits = zip(*tasks, strict=True)
        means = [tf.reduce_mean(step) for step in zip(*losses, strict=True)]
        return tf.reduce_mean(support), means, tf.stack([tf.stack(t) for t in logits], axis=1)

    def _task(
        self,
        variables: dict[str, tf.Tensor],
        ways: int,
        support_images: np.ndarray,
        support_labels: np.ndarray,
        query_images: np.ndarray,
        query_labels: np.ndarray,
    ) -> tuple[tf.Tensor, list[tf.Tensor], list[tf.Tensor]]:
        """One task: its first support loss; after each inner step, its query loss and logits."""
        fixed = {name: value for name, value in variables.items() if name.startswith("bn")}
        fast = {name: value for name, value in variables.items() if not name.startswith("bn")}
        first, losses, logits = None, [], []
        for _ in range(self._golden["inner_steps"].item()):
            with tf.GradientTape() as tape:
                tape.watch(fast)
                outputs = self._logits(fast | fixed, ways, support_images)
                loss = _cross_entropy(support_labels, outputs)
            first = loss if first is None else first
            slopes = tape.gradient(loss, fast)
            rate = self._golden["inner_lr"].item()
            fast = {name: value - rate * slopes[name] for name, value in fast.items()}
            logits.append(self._logits(fast | fixed, ways, query_images))
            losses.append(_cross_entropy(query_labels, logits[-1]))
        return first, losses, logits

    def _logits(self, weights: dict[str, tf.Tensor], ways: int, images: np.ndarray) -> tf.Tensor:
        """Pictures [N, H, W, channels] of bytes → logits [N, C]."""
        x = _double(images) / 255
        spread = np.sqrt(1 + self._golden["bn_eps"].item())
        for i in BLOCKS:
            x = tf.nn.conv2d(x, weights[f"MAML/c_{i}"], 1, "SAME") + weights[f"MAML/cb_{i}"]
            x = tf.nn.relu(weights[f"bn{i}/gamma"] * x / spread + weights[f"bn{i}/beta"])
            x = _pooled(x)
        x = tf.reshape(x, (len(images), -1))
        if not self._tied:
            return x @ weights["MAML/d_1w"] + weights["MAML/d_1b"]
        columns = [x @ weights[f"MAML/d_1w{j}"] + weights[f"MAML/d_1b{j}"] for j in range(ways)]
        return tf.concat(columns, axis=1)

    def _moved(
        self, variables: dict[str, tf.Tensor], gradients: dict[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """The variables after an update of Adam with clipped gradients."""
        self._updates += 1
        first, second = (1 - beta**self._updates for beta in POWERS_OF)
        rate = float(np.float32(self._golden["meta_lr"].item())) * np.sqrt(second) / first
        moved = {}
        for name, value in variables.items():
            limit = self._golden["clip_norm"].item()
            slope = gradients[name] * limit / tf.maximum(tf.norm(gradients[name]), limit)
            m, v = self._moments.get(name, (tf.zeros_like(value), tf.zeros_like(value)))
            m, v = BETA_1 * m + (1 - BETA_1) * slope, BETA_2 * v + (1 - BETA_2) * slope**2
            self._moments[name] = m, v
            moved[name] = value - rate * m / (tf.sqrt(v) + self._golden["adam_eps"].item())
        return moved


def _double(array: np.ndarray) -> tf.Tensor:
    return tf.constant(array, tf.float64)


def _pooled(x: tf.Tensor) -> tf.Tensor:
    """The largest of each 2 × 2 pixels; an odd row or column at the end is left out."""
    _, height, width, channels = x.shape
    x = x[:, : height // 2 * 2, : width // 2 * 2]
    x = tf.reshape(x, (-1, height // 2, 2, width // 2, 2, channels))
    return tf.reduce_max(x, axis=(2, 4))


def _cross_entropy(labels: np.ndarray, logits: tf.Tensor) -> tf.Tensor:
    """Mean over the pictures of −log softmax, at the labels."""
    chosen = tf.one_hot(tf.constant(labels, tf.int32), logits.shape[-1], dtype=tf.float64)
    return -tf.reduce_mean(tf.reduce_sum(chosen * tf.nn.log_softmax(logits), axis=-1))
