"""Matching Networks: a query has the labels of the support pictures that it attends to."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from data_gen.episodes import Episodes
from data_gen.errors import UserError
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.full_context import FullContext
from hidra_tf.methods import Parts
from hidra_tf.methods.frozen import FrozenFeatures
from hidra_tf.methods.interface import Predictions
from hidra_tf.methods.objective import Objective

# Of the program of Chen et al. (2019): what multiplies the cosines, what is added to a norm that
# divides, and what is added to a probability before its logarithm.
SCALE, NORM_EPSILON, LOG_EPSILON = 100.0, 1e-5, 1e-6


class MatchingNet(FrozenFeatures):
    """Matching Networks, for any number of ways.

        a(x, x_i) = softmax_i(100·relu(cos(f(x), g(x_i)))),    P(y | x) = Σ_i a(x, x_i)·1[y_i = y]

    Vinyals et al. (2016), https://arxiv.org/abs/1606.04080; factor, ReLU and ε are those of the
    program of Chen et al. (2019), https://arxiv.org/abs/1904.04232. The logits are log(P + 1e-6),
    so that their softmax cross-entropy is that program's loss −log(P + 1e-6), but for the constant
    log(1 + C·1e-6). There are no inner steps.

    The paper sums the attention over the pictures of a class. Where classes have unequal numbers of
    support pictures, the mean takes the place of the sum, so that every class weighs the same; for
    equal numbers the two are the same.

    Example:
        >>> from hidra_tf import Backbone, FullContext, MatchingNet, conv4
        >>> backbone = Backbone(conv4((28, 28, 1), filters=8), norm="support")
        >>> method = MatchingNet(backbone=backbone, contexts=FullContext.of(backbone))
        >>> method.check_ways(20)

    Args:
        backbone: the backbone f with its weights θ.
        contexts: the full context embeddings, with which the order of the support pictures
            matters; None for the features as they are.
        task_map: how tasks under shared statistics are run; see `hidra_tf.methods.task_map`.

    Raises:
        UserError: if full context embeddings are to be vectorized: TensorFlow cannot differentiate
            their loop over the support set then.
    """

    def __init__(
        self, *, backbone: Backbone, contexts: FullContext | None = None, task_map: str = "auto"
    ) -> None:
        super().__init__(backbone=backbone, task_map=task_map)
        if contexts is not None and task_map == "vectorized":
            raise UserError(
                "task_map: expected loop or unrolled with `full_context`, received vectorized"
            )
        self.contexts = contexts

    @classmethod
    def assembled(cls, parts: Parts, full_context: bool = False) -> MatchingNet:
        """The method from what the registry's `build` is given."""
        contexts = FullContext.of(parts.backbone, seed=parts.seed) if full_context else None
        return cls(backbone=parts.backbone, contexts=contexts, task_map=parts.task_map)

    @property
    def variables(self) -> list[tf.Variable]:
        """The backbone's θ, then the variables of the full context embeddings."""
        own = self.contexts.trainable_variables if self.contexts else ()
        return [*super().variables, *own]

    def solve_features(
        self, episodes: Episodes, at_steps: Sequence[int], objective: Objective
    ) -> Predictions:
        """Logits [T, S, C·Q, C] from features [T, C·K, D] and [T, C·Q, D]."""
        del objective
        support, queries = episodes.support_images, episodes.query_images
        if self.contexts is not None:
            support, queries = self.contexts(support, queries)
        cosines = tf.linalg.matmul(_unit(queries), _unit(support), transpose_b=True)
        belongs = tf.one_hot(episodes.support_labels, episodes.ways, dtype=support.dtype)
        attention = tf.nn.softmax(SCALE * tf.nn.relu(cosines) - _log_counts(belongs))
        logits = tf.math.log(tf.linalg.matmul(attention, belongs) + LOG_EPSILON)
        return Predictions(tf.repeat(logits[:, tf.newaxis], len(at_steps), axis=1), {})


def _unit(features: tf.Tensor) -> tf.Tensor:
    """Features [..., D] over their norm; where they are 0, with a gradient that is a number."""
    squares = tf.reduce_sum(tf.square(features), axis=-1, keepdims=True)
    return features / (tf.sqrt(tf.maximum(squares, 1e-24)) + NORM_EPSILON)


def _log_counts(belongs: tf.Tensor) -> tf.Tensor:
    """The logarithm [T, 1, N] of how many pictures each picture's class has.

    Taken from the scores, it divides the attention by these numbers before it is normalised.
    """
    counts = tf.reduce_sum(belongs, axis=-2, keepdims=True)
    return tf.math.log(tf.linalg.matmul(counts, belongs, transpose_b=True))
