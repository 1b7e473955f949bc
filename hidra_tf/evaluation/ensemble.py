"""Several checkpoints of one method that answer together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import tensorflow as tf

from data_gen.batches import Batch
from data_gen.episodes import Episodes
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.methods.interface import MetaGradients, Method, Predictions

Result = TypeVar("Result")


class Ensemble(Method):
    """Members of one method with different weights, whose logits are averaged.

    Each of the E members adapts to a task by itself. The logits of a query are the means of those
    of the members, and so are `metrics`. MAML++ is tested with its five best checkpoints in this
    way (Antoniou, Edwards and Storkey, 2019, https://arxiv.org/abs/1810.09502).

    An ensemble is for evaluation and is not trained. Its predictions write the weights of one
    member after the other into the method, which is left with those of the last.

    Example:
        >>> import keras
        >>> from hidra_tf import Backbone, Ensemble, ProtoNet
        >>> layers = [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(8)]
        >>> method = ProtoNet(backbone=Backbone(keras.Sequential(layers), norm="none"))
        >>> ensemble = Ensemble(method)
        >>> for scale in (1.0, 2.0):
        ...     _ = method.variables[0].assign(scale * method.variables[0])
        ...     ensemble.remember()
        >>> ensemble.members
        2

    Args:
        method: the method that the members share, with whatever weights.
    """

    def __init__(self, method: Method) -> None:
        super().__init__(method.backbone)
        self.method, self.metrics = method, method.metrics
        self._kept: list[tf.Tensor] = []

    def remember(self) -> None:
        """Adds a member, with the weights and running statistics that the method has now.

        All members must be there before the first prediction of a compiled function.
        """
        new = [tf.identity(variable)[tf.newaxis] for variable in self._moved]
        old = self._kept or [part[:0] for part in new]
        self._kept = [tf.concat(pair, axis=0) for pair in zip(old, new, strict=True)]

    @property
    def members(self) -> int:
        """E, the number of members."""
        return len(self._kept[0]) if self._kept else 0

    @property
    def variables(self) -> list[tf.Variable]:
        """Those of the method."""
        return self.method.variables

    @property
    def backbones(self) -> list[Backbone]:
        """Those of the method."""
        return self.method.backbones

    @property
    def _moved(self) -> list[tf.Variable]:
        """All in which members differ."""
        return [*self.method.variables, *self.method.statistics]

    def check_ways(self, ways: int) -> None:
        """Raises `UserError` if tasks of `ways` classes cannot be learned."""
        self.method.check_ways(ways)

    def loss(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """The method's loss [...], here of averaged logits."""
        return self.method.loss(labels, logits)

    def meta_gradients(self, batch: Episodes | Batch, step: tf.Tensor | int = 0) -> MetaGradients:
        """Raises `NotImplementedError`: members were trained before."""
        raise NotImplementedError("an ensemble is not trained")

    def predictions(self, episodes: Episodes, at_steps: Sequence[int]) -> Predictions:
        """The means over the members' predictions, each after an adaptation of its own."""
        return self._mean(lambda _: self.method.predictions(episodes, at_steps))

    def needs_features_only(self, at_steps: Sequence[int]) -> bool:
        """Whether it is so for each member."""
        return self.method.needs_features_only(at_steps)

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Features [N, E, D] of images [N, H, W, channels], those of each member."""
        found = self._of_each(lambda _: self.method.features(images), self.backbone.dtype)
        return tf.transpose(found, (1, 0, 2))

    def predictions_of_features(self, episodes: Episodes, at_steps: Sequence[int]) -> Predictions:
        """The same means from features [T, C·K, E, D] and [T, C·Q, E, D] in place of images."""

        def of_member(i: tf.Tensor) -> Predictions:
            own = episodes._replace(
                support_images=episodes.support_images[:, :, i],
                query_images=episodes.query_images[:, :, i],
            )
            return self.method.predictions_of_features(own, at_steps)

        return self._mean(of_member)

    def _mean(self, function: Callable[[tf.Tensor], Predictions]) -> Predictions:
        dtype = self.backbone.dtype
        found = self._of_each(function, Predictions(dtype, dict.fromkeys(self.metrics, dtype)))
        return tf.nest.map_structure(lambda values: tf.reduce_mean(values, axis=0), found)

    def _of_each(self, function: Callable[[tf.Tensor], Result], signature: object) -> Result:
        """What a function of a member's number returns while the method has its weights: [E, ...].

        One member after the other, since all of them write into the same variables.
        """
        if not self.members:
            raise ValueError("expected at least one member, received none")

        def of_member(given: tuple[tf.Tensor, list[tf.Tensor]]) -> Result:
            number, values = given
            for variable, value in zip(self._moved, values, strict=True):
                variable.assign(value)
            return function(number)

        return tf.map_fn(
            of_member,
            (tf.range(self.members), self._kept),
            parallel_iterations=1,
            fn_output_signature=signature,
        )
