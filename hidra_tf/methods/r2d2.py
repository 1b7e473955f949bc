"""R2-D2: ridge regression in closed form on features that are learned for it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf

from data_gen.episodes import Episodes
from hidra_tf.adaptation.class_balance import picture_weights
from hidra_tf.adaptation.losses import Loss
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.heads.neurons import HeadWeights
from hidra_tf.methods import Parts
from hidra_tf.methods.frozen import FrozenFeatures
from hidra_tf.methods.interface import Predictions
from hidra_tf.methods.objective import Objective
from hidra_tf.options import check_positive


class R2D2(FrozenFeatures):
    """Ridge Regression Differentiable Discriminator, for any number of ways.

    The N support features with a constant 1 are the rows of X [N, D + 1], and Y [N, C] has a one
    for the class of each. A task is solved by

        W = argmin 1/N·‖X W − Y‖² + λ‖W‖² = (XᵀX + NλI)⁻¹ XᵀY = Xᵀ (XXᵀ + NλI)⁻¹ Y,

    of which the last, Woodbury form is taken where N ≤ D + 1. Logits are a·x W + b. Learned with
    the backbone are log λ, the scale a and the offset b (without an effect under a softmax). Where
    classes differ in their number K_c of pictures, a picture counts N/(C·K_c), so that all classes
    weigh the same. There are no inner steps: whatever number is asked for, the logits are these.

    Bertinetto, Henriques, Torr and Vedaldi (2019), section 3 (https://arxiv.org/abs/1805.08136).
    The published program, too, divides by N, and begins with λ = 50, b = 0 and a = 1e-4, or a = 10
    on Omniglot; unless told otherwise it keeps λ as it is. λ begins at 1 here: after 200
    meta-updates on Omniglot this was better on validation classes (98.0 %, beside 93.8 % for 50).

    Example:
        >>> from hidra_tf import R2D2, Backbone, conv4
        >>> method = R2D2(backbone=Backbone(conv4((28, 28, 1), filters=8), norm="support"))
        >>> [round(float(variable), 3) for variable in method.undecayed]
        [0.0, 10.0, 0.0]

    Args:
        backbone: the backbone f with its weights θ.
        ridge: λ at the beginning, above 0.
        ridge_scale: a at the beginning, above 0.
        loss: the loss of the queries, a key of `losses.LOSSES` or a function; see
            `losses.loss_function`.
        task_map: how tasks under shared statistics are run; see `hidra_tf.methods.task_map`.

    Raises:
        ValueError: if a number is out of range, or a name unknown.
    """

    def __init__(
        self,
        *,
        backbone: Backbone,
        ridge: float = 1.0,
        ridge_scale: float = 10.0,
        loss: str | Loss = "softmax",
        task_map: str = "auto",
    ) -> None:
        super().__init__(backbone=backbone, loss=loss, task_map=task_map)
        check_positive("ridge", ridge)
        check_positive("ridge_scale", ridge_scale)
        self.solver = RidgeSolver(ridge, ridge_scale, backbone.dtype)

    @classmethod
    def assembled(cls, parts: Parts, ridge: float = 1.0, ridge_scale: float = 10.0) -> R2D2:
        """The method from what the registry's `build` is given."""
        return cls(
            backbone=parts.backbone,
            ridge=ridge,
            ridge_scale=ridge_scale,
            loss=parts.inner.loss,
            task_map=parts.task_map,
        )

    @property
    def variables(self) -> list[tf.Variable]:
        """The trained variables: the backbone's θ, then log λ, a and b."""
        return [*super().variables, *self.undecayed]

    @property
    def undecayed(self) -> list[tf.Variable]:
        """The three numbers log λ, a and b, which are no weights."""
        return [self.solver.log_ridge, self.solver.scale, self.solver.offset]

    def task_head(
        self, features: tf.Tensor, labels: tf.Tensor, ways: tf.Tensor | int, steps: int
    ) -> HeadWeights:
        """The solution a·W, whose logits lack b only; see `Method`."""
        del steps
        head = self.solver.fit(features, labels, ways)
        return HeadWeights(self.solver.scale * head.kernel, self.solver.scale * head.bias)

    def solve_features(
        self, episodes: Episodes, at_steps: Sequence[int], objective: Objective
    ) -> Predictions:
        """Logits [T, S, C·Q, C] from features [T, C·K, D] and [T, C·Q, D]."""
        del objective
        head = self.solver.fit(episodes.support_images, episodes.support_labels, episodes.ways)
        logits = self.solver.scale * head.logits(episodes.query_images) + self.solver.offset
        return Predictions(tf.repeat(logits[:, tf.newaxis], len(at_steps), axis=1), {})


class RidgeSolver(tf.Module):
    """Ridge regression with a learned λ, and the learned scale and offset of what it says.

    Args:
        ridge: λ at the beginning, above 0.
        scale: a at the beginning.
        dtype: the type of the variables.

    Attributes:
        log_ridge: log λ, so that λ stays above 0.
        scale: a.
        offset: b.
    """

    def __init__(self, ridge: float, scale: float, dtype: str) -> None:
        super().__init__(name="ridge_solver")
        self.log_ridge = tf.Variable(tf.constant(math.log(ridge), dtype), name="log_ridge")
        self.scale = tf.Variable(tf.constant(scale, dtype), name="scale")
        self.offset = tf.Variable(tf.zeros((), dtype), name="offset")

    def fit(self, features: tf.Tensor, labels: tf.Tensor, ways: tf.Tensor | int) -> HeadWeights:
        """The solution W as a head, kernel [..., D, C] and bias [..., C].

        Args:
            features: of the support images, [..., N, D]; leading axes are tasks.
            labels: integers in 0 … C−1, [..., N]; no class is without images.
            ways: C.
        """
        targets = tf.one_hot(labels, ways, dtype=features.dtype)
        images = tf.cast(tf.shape(labels)[-1], features.dtype)
        shares = picture_weights(labels, ways, features.dtype) / images
        roots = tf.sqrt(shares)[..., tf.newaxis]
        rows = roots * tf.concat([features, tf.ones_like(features[..., :1])], axis=-1)
        targets = roots * targets
        solution = ridge_regression(rows, targets, tf.exp(self.log_ridge))
        return HeadWeights(solution[..., :-1, :], solution[..., -1, :])


@tf.custom_gradient
def ridge_regression(
    rows: tf.Tensor, targets: tf.Tensor, penalty: tf.Tensor
) -> tuple[tf.Tensor, object]:
    """The solution W = (RᵀR + λI)⁻¹ RᵀY = Rᵀ (RRᵀ + λI)⁻¹ Y, by the smaller of the two systems.

    The gradient is written down because TensorFlow does not differentiate a choice between two
    forms where tasks are vectorized. It may be taken once; nothing here asks for its derivative.

    Args:
        rows: R [..., N, M].
        targets: Y [..., N, C].
        penalty: λ, a scalar above 0.

    Returns:
        W [..., M, C].
    """
    few = tf.shape(rows)[-2] <= rows.shape[-1]
    solution = tf.cond(
        few,
        lambda: _product(rows, _outer_solve(rows, targets, penalty), transpose_a=True),
        lambda: _inner_solve(rows, _product(rows, targets, transpose_a=True), penalty),
    )

    def backward(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        # The derivative at Y is u = R (RᵀR + λI)⁻¹ G; `left`·`right`ᵀ is (Y − RW)·((RᵀR + λI)⁻¹G)ᵀ.
        def of_few() -> tuple[tf.Tensor, ...]:
            left = _outer_solve(rows, targets, penalty)
            at_targets = _outer_solve(rows, _product(rows, upstream), penalty)
            right = upstream - _product(rows, at_targets, transpose_a=True)
            return at_targets, left, right, -tf.reduce_sum(at_targets * left)

        def of_many() -> tuple[tf.Tensor, ...]:
            right = _inner_solve(rows, upstream, penalty)
            left = targets - _product(rows, solution)
            return _product(rows, right), left, right, -tf.reduce_sum(right * solution)

        at_targets, left, right, at_penalty = tf.cond(few, of_few, of_many)
        at_rows = _product(left, right, transpose_b=True)
        at_rows -= _product(at_targets, solution, transpose_b=True)
        return at_rows, at_targets, at_penalty

    return solution, backward


_product = tf.linalg.matmul


def _outer_solve(rows: tf.Tensor, right: tf.Tensor, penalty: tf.Tensor) -> tf.Tensor:
    """(RRᵀ + λI)⁻¹ B for R [..., N, M] and B [..., N, C]."""
    return _solve(_product(rows, rows, transpose_b=True), right, penalty)


def _inner_solve(rows: tf.Tensor, right: tf.Tensor, penalty: tf.Tensor) -> tf.Tensor:
    """(RᵀR + λI)⁻¹ B for R [..., N, M] and B [..., M, C]."""
    return _solve(_product(rows, rows, transpose_a=True), right, penalty)


def _solve(products: tf.Tensor, right: tf.Tensor, penalty: tf.Tensor) -> tf.Tensor:
    identity = tf.eye(tf.shape(products)[-1], dtype=products.dtype)
    return tf.linalg.solve(products + penalty * identity, right)
