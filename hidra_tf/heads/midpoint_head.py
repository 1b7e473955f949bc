"""The correction of HIDRA's first step that holds at any number of ways."""

from __future__ import annotations

import tensorflow as tf

from hidra_tf.heads.hyper_heads import AnyWayHyperHead
from hidra_tf.heads.hypernetwork import class_means
from hidra_tf.heads.neurons import HeadWeights

# Bounds: of the logarithm of the factor that a task's neurons have in common, of the logarithms of
# their features' factors beside it, and of a bias in units of the midpoint's.
SHARED, SPREAD, BIAS = 8.0, 2.0, 2.0


class MidpointHyperHead(AnyWayHyperHead):
    """A tied head whose corrected first step is that of prototypes at every number of ways.

    HIDRA's one-step neurons (https://arxiv.org/abs/1910.12749) are ψ_c = φ + α/C·d_c with
    d_c = m_c − m̄, where m_c is the mean support embedding of class c and m̄ the mean of these. The
    hypernetwork says with which factor each feature counts, F_c [D] > 0, and how far the bias goes
    from none to that of the midpoint, λ_c:

        ψ_c = φ + α/C·F_c ⊙ d_c,    b_c = b − λ_c/2·(α/C·F_c ⊙ d_c)·(m_c + m̄).

    With λ_c = 1 neuron c is indifferent midway between m_c and m̄. If the factors are the same for
    all classes too, the head finds the nearest class mean in a weighted Euclidean distance, exactly
    and for every C. A network that was trained at one C therefore has nothing to learn anew at
    another.

    Its inputs have the same mean and variance at every C where the classes are drawn independently:
    m_c, and d_c·√(C/(C − 1)), since the variance of d_c is (C − 1)/C of a class mean's. With the
    enhancement it also sees how far the logit of class c, after the first step, lies higher on the
    pictures of the class than on those of all classes, times C/(C − 1); and the mean of this over
    the classes. No gradient passes through these two.

    Its answers are bounded, whatever its weights are. F_c = exp(s + t_c): s in [−8, 8] is common to
    all neurons of a task and changes no prediction, t_c in [−2, 2] is the rest; λ_c in [−2, 2].

    Example:
        >>> from hidra_tf import MidpointHyperHead
        >>> MidpointHyperHead(feature_size=64, layers=2, width=32).initial(ways=7).kernel.shape
        TensorShape([64, 7])

    Args:
        feature_size: the number D of features.
        layers: the number of layers of the hypernetwork, at least 1.
        width: the number of units in its hidden layers.
        enhancement: whether the hypernetwork sees the one-step head's logits.
        head: the kind of the tied head: `master` or `zero`.
        seed: the seed of the initial values.
        dtype: the type of the variables.

    Raises:
        ValueError: if there is no tied head of that kind.
    """

    vectors = 2

    def predictions(self, scores: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """What the one-step head says about each class, as constants: [..., N, C] → [..., C, 2]."""
        ways = tf.shape(scores)[-1]
        means = class_means(scores, labels, ways)
        above = tf.linalg.diag_part(means) - tf.reduce_mean(means, axis=-2)
        above *= _fairness(ways, scores.dtype)
        everywhere = tf.reduce_mean(above, axis=-1, keepdims=True)
        return tf.stop_gradient(tf.stack([above, everywhere + tf.zeros_like(above)], axis=-1))

    def known(self, means: tf.Tensor) -> list[tf.Tensor]:
        """What mean embeddings [..., C, D] tell of each class: two tensors [..., C, D]."""
        fairness = _fairness(tf.shape(means)[-2], means.dtype)
        apart = means - tf.reduce_mean(means, axis=-2, keepdims=True)
        return [means, apart * tf.sqrt(fairness)]

    def correction(
        self, said: HeadWeights, means: tf.Tensor, step: HeadWeights, unit: tf.Tensor
    ) -> HeadWeights:
        """Δψ_c and Δb_c from the hypernetwork's answer."""
        del unit
        shared = tf.reduce_mean(said.kernel, axis=(-2, -1), keepdims=True)
        logarithms = _within(SHARED, shared) + _within(SPREAD, said.kernel - shared)
        # F − 1 times the step: exactly nothing where the hypernetwork says nothing.
        moved = tf.math.expm1(logarithms) * step.kernel
        middle = (means + tf.reduce_mean(means, axis=-2, keepdims=True)) / 2
        prototypes = tf.linalg.matrix_transpose(step.kernel + moved)
        midpoint = -tf.reduce_sum(prototypes * middle, axis=-1)
        return HeadWeights(moved, _within(BIAS, said.bias) * midpoint)


def _fairness(ways: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """C/(C − 1): the variance of independent values over that of their distances from the mean."""
    count = tf.cast(ways, dtype)
    return count / (count - 1)


def _within(bound: float, values: tf.Tensor) -> tf.Tensor:
    """The values where they are small, and never beyond the bound."""
    return bound * tf.tanh(values / bound)
