"""Heads that bring a hypernetwork along, which updates them in place of a gradient step."""

from __future__ import annotations

import tensorflow as tf

from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.hypernetwork import Hypernetwork, class_means
from hidra_tf.heads.neurons import FixedHead, HeadWeights, MasterHead, ZeroHead
from hidra_tf.options import check_choice

# Heads whose neurons are all equal, by their names in `options.HEADS`.
_TIED = ("master", "zero")


class HyperHead(tf.Module):
    """HyperMAML's universal classifier θ and its hypernetwork H_η, for one number of ways.

    Every class is seen by itself: its mean support embedding and, with the enhancement, the mean
    of the universal classifier's predictions for its images [C] and its one-hot label [C]. The
    predictions are information only: no gradient passes through them (appendix E.1 of
    https://arxiv.org/abs/2205.15745).

    Example:
        >>> from hidra_tf import HyperHead
        >>> HyperHead(feature_size=64, ways=5, layers=2, width=32).hypernetwork.kernels[0].shape
        TensorShape([74, 32])

    Args:
        feature_size: the number D of features.
        ways: the number C of classes.
        layers: the number of layers of the hypernetwork, at least 1.
        width: the number of units in its hidden layers.
        enhancement: whether predictions and labels are appended (appendix B).
        seed: the seed of the initial values.
        dtype: the type of the variables.
    """

    tied = False

    def __init__(
        self,
        feature_size: int,
        ways: int,
        layers: int,
        width: int,
        enhancement: bool = True,
        seed: int = 0,
        dtype: str = "float32",
    ) -> None:
        super().__init__(name="hyper_head")
        self.fixed_ways, self.enhancement = ways, enhancement
        self.neurons = FixedHead(feature_size, ways, seed, dtype)
        inputs = feature_size + (2 * ways if enhancement else 0)
        self.hypernetwork = Hypernetwork(inputs, feature_size + 1, layers, width, seed, dtype)

    @classmethod
    def of(
        cls,
        backbone: Backbone,
        *,
        ways: int,
        layers: int = 3,
        width: int = 256,
        enhancement: bool = True,
        seed: int = 0,
    ) -> HyperHead:
        """A classifier and a hypernetwork for a backbone's features, of their type."""
        size, dtype = backbone.feature_size, backbone.dtype
        return cls(size, ways, layers, width, enhancement, seed, dtype)

    def initial(self, ways: tf.Tensor | int) -> HeadWeights:
        """The universal classifier; `ways` is `fixed_ways`."""
        return self.neurons.initial(ways)

    def predictions(self, head: HeadWeights, features: tf.Tensor) -> tf.Tensor:
        """Ŷ: probabilities [..., N, C] of the universal classifier, as constants."""
        return tf.stop_gradient(tf.nn.softmax(head.logits(features)))

    def update(self, head: HeadWeights, features: tf.Tensor, labels: tf.Tensor) -> HeadWeights:
        """Δ_θ = H(E, Ŷ, Y), equation 5: features [..., N, D] and labels [..., N] of a support set.

        Returns:
            Kernel [..., D, C] and bias [..., C], to be added to the universal classifier's.
        """
        known = [class_means(features, labels, self.fixed_ways)]
        if self.enhancement:
            predicted = self.predictions(head, features)
            true = tf.one_hot(labels, self.fixed_ways, dtype=features.dtype)
            known += [class_means(values, labels, self.fixed_ways) for values in (predicted, true)]
        return _neurons(self.hypernetwork(tf.concat(known, axis=-1)))


class AnyWayHyperHead(tf.Module):
    """A tied head and a hypernetwork for any number of ways, whatever the order of the classes.

    Every class is seen beside the others: its mean support embedding m_c, mean and variance of the
    other classes' mean embeddings, and with the enhancement what the head after HIDRA's exact
    first step says about its images: the class's own logit, and the size of the others'. No
    gradient passes through these.

    HIDRA's one-step neurons are prototypes, ψ_c = φ + α/C·d_c with d_c = m_c − m̄. They stay
    prototypes here: the hypernetwork says how much each feature counts, g_c [D], and which bias
    goes with it, h_c, of which the one step has none:

        Δψ_c = α/C·g_c ⊙ d_c,    Δb_c = α/C·D·h_c.

    In the unit α/C neither what goes in nor what comes out depends on C by itself, and C is not
    told: a network trained at one C would learn nothing about the others from it. All the same this
    form holds only near the C that it was trained at: the mean of the other classes varies more the
    fewer they are, and the biases follow it (docs/methods.md). `MidpointHyperHead` is the form for
    new runs; this one is kept for the runs that have it.

    Example:
        >>> from hidra_tf import AnyWayHyperHead
        >>> AnyWayHyperHead(feature_size=64, layers=2, width=32).initial(ways=7).kernel.shape
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

    tied = True
    fixed_ways = None
    # The vectors [D] that the hypernetwork sees of each class.
    vectors = 3

    def __init__(
        self,
        feature_size: int,
        layers: int,
        width: int,
        enhancement: bool = True,
        head: str = "master",
        seed: int = 0,
        dtype: str = "float32",
    ) -> None:
        super().__init__(name="any_way_hyper_head")
        self.enhancement = enhancement
        check_choice("head", head, _TIED)
        self.neurons = (
            ZeroHead(feature_size, dtype)
            if head == "zero"
            else MasterHead(feature_size, seed, dtype)
        )
        inputs = self.vectors * feature_size + (2 if enhancement else 0)
        self.hypernetwork = Hypernetwork(
            inputs, feature_size + 1, layers, width, seed, dtype, silent=True
        )

    @classmethod
    def of(
        cls,
        backbone: Backbone,
        *,
        layers: int = 3,
        width: int = 256,
        enhancement: bool = True,
        head: str = "master",
        seed: int = 0,
    ) -> AnyWayHyperHead:
        """A tied head and a hypernetwork for a backbone's features, of their type."""
        size, dtype = backbone.feature_size, backbone.dtype
        return cls(size, layers, width, enhancement, head, seed, dtype)

    def initial(self, ways: tf.Tensor | int) -> HeadWeights:
        """C equal neurons: kernel [D, C], bias [C]."""
        return self.neurons.initial(ways)

    def predictions(self, scores: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """What the one-step head says about each class, as constants: [..., N, C] → [..., C, 2]."""
        ways = tf.shape(scores)[-1]
        means = class_means(scores, labels, ways)
        own = tf.linalg.diag_part(means)
        squares = tf.reduce_sum(means**2, axis=-1) - own**2
        rest = tf.sqrt(tf.maximum(squares, 0) / tf.cast(ways - 1, scores.dtype))
        return tf.stop_gradient(tf.stack([own, rest], axis=-1))

    def update(
        self, step: HeadWeights, unit: tf.Tensor, features: tf.Tensor, labels: tf.Tensor
    ) -> HeadWeights:
        """Δ, to be added to the head after its first step.

        Args:
            step: what that step added, kernel [..., D, C] and bias [..., C]: without the master,
                which says nothing about the classes.
            unit: α/C, that step's factor.
            features: [..., N, D] of the support set.
            labels: [..., N].
        """
        means = class_means(features, labels, tf.shape(step.bias)[-1])
        known = self.known(means)
        if self.enhancement:
            # Of the size of a single feature's square, so that no input drowns the others.
            scores = step.logits(features) / (unit * features.shape[-1])
            known.append(self.predictions(scores, labels))
        said = _neurons(self.hypernetwork(tf.concat(known, axis=-1)))
        return self.correction(said, means, step, unit)

    def known(self, means: tf.Tensor) -> list[tf.Tensor]:
        """What mean embeddings [..., C, D] tell of each class: some tensors [..., C, D]."""
        return [means, *_rest(means)]

    def correction(
        self, said: HeadWeights, means: tf.Tensor, step: HeadWeights, unit: tf.Tensor
    ) -> HeadWeights:
        """Δ from the hypernetwork's answer, one neuron of kernel and bias for each class."""
        size = means.shape[-1]
        return HeadWeights(said.kernel * step.kernel, unit * size * said.bias)


def _rest(means: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and variance of the other classes, for each class: [..., C, D] → twice [..., C, D]."""
    others = tf.cast(tf.shape(means)[-2] - 1, means.dtype)
    mean, square = (
        (tf.reduce_sum(values, axis=-2, keepdims=True) - values) / others
        for values in (means, means**2)
    )
    return mean, square - mean**2


def _neurons(outputs: tf.Tensor) -> HeadWeights:
    """What the hypernetwork says of each class [..., C, D + 1] → kernel and bias."""
    return HeadWeights(tf.linalg.matrix_transpose(outputs[..., :-1]), outputs[..., -1])
