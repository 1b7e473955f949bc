"""Backbones f_θ: Keras models that are called with weights given from outside."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf

from hidra_tf.backbones.arguments import check_features, check_norm
from hidra_tf.backbones.meta_training import meta_update
from hidra_tf.backbones.normalization import TaskNormalization
from hidra_tf.backbones.observation import MOMENTUM, Observed

Statistics = list[tf.Tensor] | None


class Backbone:
    """A Keras model as a pure function of weights and images.

    `norm` says which statistics the model's normalisation layers use:

    - `transductive`: the support images of a task are normalised by the statistics of the support
      set, and its query images by those of the query set.
    - `support`: both are normalised by the statistics of the support set, so that no query image
      depends on another.
    - `joint`: both are normalised by the statistics of all pictures of the task together. Only
      methods whose tasks are solved on features that no step changes can do this.
    - `running`: in meta-training, as `transductive`, or as `joint` where no step changes the
      features; meanwhile running means of these statistics are kept, which normalise all pictures
      outside of meta-training, so that no image depends on another. Most of the literature tests
      so (Ioffe and Szegedy, 2015, https://arxiv.org/abs/1502.03167).
    - `affine`: statistics are never computed. The layers keep those that the model came with, for
      Conv-4 and ResNet-12 a mean of 0 and a variance of 1. The published HIDRA and MAML programs
      do this.
    - `none`: the model has no normalisation layers.

    Args:
        model: a built model that maps images [N, H, W, channels], or vectors [N, size], to
            features [N, D]; it may have no weights, as one that returns its vectors. A model that
            others wrote goes through `hidra_tf.backbones.keras_models.with_task_normalization`
            first.
        norm: one of `options.NORMS`.
        adapt_norm: whether the inner loop moves γ and β of the normalisation layers; the outer
            loop learns them in any case. The published programs differ. HIDRA's, and the MAML
            beside it, train γ and β in the outer loop only (False). The programs that follow the
            MAML of Chen et al. (https://arxiv.org/abs/1904.04232) move them in the inner loop too
            (True): HyperMAML's (https://arxiv.org/abs/2205.15745) and that of Unicorn-MAML, with
            its rows of MAML with ResNet-12 (https://arxiv.org/abs/2106.16245).

    Raises:
        ValueError: if the arguments are not of this kind, or do not fit together.

    Example:
        >>> import tensorflow as tf
        >>> from hidra_tf.backbones.conv4 import conv4
        >>> backbone = Backbone(conv4((28, 28, 1), filters=8), norm="support")
        >>> theta = [tf.convert_to_tensor(v) for v in backbone.variables]
        >>> support, query = tf.zeros((5, 28, 28, 1)), tf.zeros((15, 28, 28, 1))
        >>> features, statistics = backbone.support_features(theta, support)
        >>> features.shape
        TensorShape([5, 8])
        >>> backbone.query_features(theta, query, statistics).shape
        TensorShape([15, 8])
    """

    def __init__(self, model: keras.Model, norm: str, adapt_norm: bool = False) -> None:
        check_norm(norm)
        if not isinstance(adapt_norm, bool):
            raise ValueError(f"adapt_norm: expected True or False, received {adapt_norm!r}")
        _check_model(model)
        layers = [one for one in model._flatten_layers() if isinstance(one, TaskNormalization)]
        normalisers = {id(variable) for one in layers for variable in one.trainable_variables}
        if layers and norm == "none":
            raise ValueError("norm is none, but the model has normalisation layers")
        if not layers and norm == "running":
            raise ValueError("norm is running, but the model has no normalisation layers")
        self.model = model
        self.norm = norm
        self.adapted = [
            adapt_norm or id(variable) not in normalisers for variable in self.variables
        ]
        self.normaliser_places = [
            i for i, variable in enumerate(self.variables) if id(variable) in normalisers
        ]
        measured = {id(v) for one in layers for v in (one.mean, one.variance)}
        variables = enumerate(model.non_trainable_variables)
        self._measured = [i for i, variable in variables if id(variable) in measured]
        self._seen: Observed | None = None

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
        """The type of the weights, and of the features."""
        return (self.variables or self.model.outputs)[0].dtype

    @property
    def statistics_places(self) -> list[int]:
        """The places of means and variances among the model's non-trainable variables."""
        return list(self._measured)

    @property
    def running(self) -> list[keras.Variable]:
        """The running means and variances that meta-updates move; none but with `running`."""
        kept = self._measured if self.norm == "running" else ()
        return [self.model.non_trainable_variables[i] for i in kept]

    @property
    def statistics(self) -> list[tf.Variable]:
        """The same as variables of TensorFlow."""
        return [variable.value for variable in self.running]

    @property
    def per_image(self) -> bool:
        """Whether the features of an image depend on that image alone, at this moment."""
        return self.norm in ("affine", "none") or self._uses_running

    @property
    def _uses_running(self) -> bool:
        return self.norm == "running" and meta_update() is None

    @contextlib.contextmanager
    def observed(self) -> Iterator[Observed]:
        """Notes the batch statistics and the features of the passes within it.

        Whoever asks again within it shares what is noted.
        """
        before, self._seen = self._seen, self._seen or Observed()
        try:
            yield self._seen
        finally:
            self._seen = before

    def keep(self, statistics: Sequence[tf.Tensor]) -> None:
        """Moves the running `statistics` towards those of a meta-batch, by a tenth of the way."""
        for kept, new in zip(self.statistics, statistics, strict=True):
            kept.assign_add(MOMENTUM * (new - kept))

    def support_features(
        self, weights: Sequence[tf.Tensor], images: tf.Tensor
    ) -> tuple[tf.Tensor, Statistics]:
        """Computes the features of a support set, and the statistics to be used for its queries.

        Args:
            weights: θ, in the order of `variables`.
            images: [N, H, W, channels], with values in [0, 1].

        Returns:
            Features [N, D], and the argument `statistics` for `query_features`.
        """
        features, statistics = self.model.stateless_call(
            list(weights), self._first_statistics(), images, training=not self.per_image
        )
        features = tf.cast(features, self.dtype)
        if self._seen is not None:
            self._seen.note_support([statistics[i] for i in self._measured], features)
        return features, statistics if self.norm == "support" else None

    def query_features(
        self, weights: Sequence[tf.Tensor], images: tf.Tensor, statistics: Statistics
    ) -> tf.Tensor:
        """Computes the features of query images.

        Args:
            weights: θ, in the order of `variables`.
            images: [N, H, W, channels], with values in [0, 1].
            statistics: the second value that `support_features` returned.

        Returns:
            Features [N, D].
        """
        known = self._first_statistics() if statistics is None else statistics
        by_batches = self.norm != "support" and not self.per_image
        features, measured = self.model.stateless_call(
            list(weights), known, images, training=by_batches
        )
        features = tf.cast(features, self.dtype)
        if self._seen is not None:
            self._seen.note_query([measured[i] for i in self._measured], features)
        return features

    def task_features(
        self, weights: Sequence[tf.Tensor], support_images: tf.Tensor, query_images: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes the features of a whole task whose support set does not change the weights.

        Args:
            weights: θ, in the order of `variables`.
            support_images: [M, H, W, channels], with values in [0, 1].
            query_images: [N, H, W, channels].

        Returns:
            Support features [M, D] and query features [N, D].
        """
        if self.norm in ("joint", "running"):
            together = tf.concat([support_images, query_images], axis=0)
            features = self.query_features(weights, together, None)
            shots = tf.shape(support_images)[0]
            return features[:shots], features[shots:]
        support, statistics = self.support_features(weights, support_images)
        return support, self.query_features(weights, query_images, statistics)

    def _first_statistics(self) -> list[tf.Tensor]:
        """The statistics that the model keeps; mean 0 and variance 1 unless it brought others."""
        return [tf.convert_to_tensor(v) for v in self.model.non_trainable_variables]


def adapting(backbone: Backbone, adapted: bool) -> Backbone:
    """A backbone that shares all variables, of which the inner loop moves everything or nothing."""
    twin = copy.copy(backbone)
    twin.adapted = [adapted] * len(backbone.adapted)
    return twin


def _check_model(model: keras.Model) -> None:
    if not isinstance(model, keras.Model):
        raise ValueError(f"model: expected a Keras model, received {type(model).__name__}")
    if getattr(model, "outputs", None) is None:
        raise ValueError(
            "model: expected a functional or built sequential model, received "
            f"{model.name} ({type(model).__name__})"
        )
    try:
        check_features(model)
    except ValueError as error:
        raise ValueError(f"model: {error}") from error
    if any(isinstance(x, keras.layers.BatchNormalization) for x in model._flatten_layers()):
        raise ValueError(
            "BatchNormalization has a wrong second derivative; "
            "use hidra_tf.backbones.keras_models.with_task_normalization(model)"
        )
