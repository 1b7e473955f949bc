"""Backbones f_θ: Keras models, called with weights that are given from outside."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import keras
import tensorflow as tf

from hidra_tf.backbones.normalization import TaskNormalization
from hidra_tf.options import NORMS

Statistics = list[tf.Tensor] | None


class Backbone:
    """A Keras model as a pure function of weights and images.

    `norm` says which statistics the model's normalisation layers use:

    - `transductive`: support and query images of a task each by their own batch's.
    - `support`: both by the support set's, so that no query image sees another.
    - `affine`: by none, ever (mean 0 and variance 1), as the published programs do.
    - `none`: there are no such layers.

    Args:
        model: maps [N, H, W, channels] to [N, D]; built. One that others wrote goes through
            `hidra_tf.backbones.keras_models.with_task_normalization` first.
        norm: one of `options.NORMS`.
        adapt_norm: whether γ and β take part in the inner loop. The published programs train
            them in the outer loop only.
    """

    def __init__(self, model: keras.Model, norm: str, adapt_norm: bool = False) -> None:
        if norm not in NORMS:
            raise ValueError(f"norm must be one of {', '.join(NORMS)}; received {norm!r}")
        layers = model._flatten_layers()
        if any(isinstance(layer, keras.layers.BatchNormalization) for layer in layers):
            raise ValueError(
                "BatchNormalization has a wrong second derivative; "
                "use hidra_tf.backbones.keras_models.with_task_normalization(model)"
            )
        normalisers = {
            id(variable)
            for layer in layers
            if isinstance(layer, TaskNormalization)
            for variable in layer.trainable_variables
        }
        if normalisers and norm == "none":
            raise ValueError("norm is none, but the model has normalisation layers")
        self.model = model
        self.norm = norm
        self.adapted = [
            adapt_norm or id(variable) not in normalisers for variable in self.variables
        ]

    @property
    def variables(self) -> list[keras.Variable]:
        """The trainable variables θ."""
        return self.model.trainable_variables

    @property
    def feature_size(self) -> int:
        """D, the length of one feature vector."""
        return self.model.output_shape[-1]

    @property
    def dtype(self) -> str:
        """Of the weights, and of the features."""
        return (self.variables or self.model.outputs)[0].dtype

    @property
    def per_image(self) -> bool:
        """Whether the features of an image depend on that image alone."""
        return self.norm in ("affine", "none")

    def support_features(
        self, weights: Sequence[tf.Tensor], images: tf.Tensor
    ) -> tuple[tf.Tensor, Statistics]:
        """Features of a support set, and the statistics to be used for its queries.

        Args:
            weights: θ, in the order of `variables`.
            images: [N, H, W, channels].

        Returns:
            Features [N, D], and what `query_features` takes as `statistics`.
        """
        features, statistics = self.model.stateless_call(
            list(weights), self._first_statistics(), images, training=not self.per_image
        )
        return tf.cast(features, self.dtype), statistics if self.norm == "support" else None

    def query_features(
        self, weights: Sequence[tf.Tensor], images: tf.Tensor, statistics: Statistics
    ) -> tf.Tensor:
        """Features [N, D] of query images [N, H, W, channels]; see `support_features`."""
        known = self._first_statistics() if statistics is None else statistics
        features, _ = self.model.stateless_call(
            list(weights), known, images, training=self.norm == "transductive"
        )
        return tf.cast(features, self.dtype)

    def _first_statistics(self) -> list[tf.Tensor]:
        """The statistics before any picture was seen: mean 0 and variance 1."""
        return [tf.convert_to_tensor(v) for v in self.model.non_trainable_variables]


def adapting(backbone: Backbone, adapted: bool) -> Backbone:
    """The same backbone, variables and all, of which the inner loop moves everything or nothing."""
    twin = copy.copy(backbone)
    twin.adapted = [adapted] * len(backbone.adapted)
    return twin
