"""The endpoints of an exported classifier, as pure functions of tensors."""

from __future__ import annotations

import tensorflow as tf

from data_gen.episodes import Episodes
from hidra_tf.adaptation.class_balance import weighing
from hidra_tf.export import checks
from hidra_tf.export.counts import pictures_per_class
from hidra_tf.export.exported import Exported
from hidra_tf.export.scaling import scaled_head
from hidra_tf.heads.neurons import HeadWeights

Head = dict[str, tf.Tensor]


class Endpoints:
    """Adapts to a task and answers queries, by the weights of an initialization.

    Pictures are float32 [N, H, W, channels] in [0, 1] (those of 8 bits are to be divided by 255).
    They are resized, and otherwise as they were taken: polarity, crop and standardisation of the
    training are applied here. Where the initialization frames drawings, pictures are to be framed
    before (`data_gen.framing.framed`), and the inputs of files are called `framed_images`. Labels
    are int32 [N] in 0 … C−1, and every class has a picture. A head holds

    - `kernel` [D, C] and `bias` [C], the output layer, divided by the temperature that suits the
      numbers of pictures in the support set, so that probabilities are the softmax of its logits;
    - with `norm=support` the mean and the variance [channels] of every normalisation;
    - where inner steps move the backbone, the weights that they have moved.

    Args:
        source: what is exported.
        asserting: whether wrong labels and pictures are errors; otherwise wrong labels make a head
            that is not a number.
    """

    def __init__(self, source: Exported, asserting: bool = True) -> None:
        self._source, self._start, self._asserting = source, source.start, asserting
        self._method, self._backbone = self._start.method, self._start.backbone
        self._kept = self._method.keeps_features((self._start.steps,))

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the pictures."""
        pictures = self._start.pictures
        return (*pictures.size, pictures.channels)

    @property
    def takes_framed(self) -> bool:
        """Whether drawings are to be framed before; see `data_gen.framing.framed`."""
        return self._start.pictures.frame

    @property
    def head_specs(self) -> dict[str, tf.TensorSpec]:
        """The arrays of a head."""
        size, dtype = self._backbone.feature_size, self._backbone.dtype
        shapes = {"kernel": (size, None), "bias": (None,)}
        model = self._backbone.model
        for variables, places in (
            (model.trainable_variables, self._moved),
            (model.non_trainable_variables, self._measured),
        ):
            shapes |= {name: variables[i].shape for i, name in places.items()}
        return {name: tf.TensorSpec(shape, dtype, name) for name, shape in shapes.items()}

    def adapt(self, images: tf.Tensor, labels: tf.Tensor, ways: tf.Tensor) -> Head:
        """Learns a task of C classes from support pictures [N, H, W, channels]."""
        if self._asserting:
            labels = checks.assert_labels(labels, ways)
        with weighing(self._source.balanced):
            head = self._head(self._seen(images), labels, ways)
        head = self._tempered(head, pictures_per_class(labels, ways, self._backbone.dtype))
        if not self._asserting:
            head["bias"] = checks.unless_wrong(head["bias"], labels, ways)
        return head

    def infer(self, images: tf.Tensor, head: Head) -> dict[str, tf.Tensor]:
        """The `probabilities` [N, C] of queries, each on its own."""
        features = self._backbone.query_features(
            self._weights(head), self._seen(images), self._statistics(head)
        )
        logits = HeadWeights(head["kernel"], head["bias"]).logits(features)
        return {"probabilities": tf.nn.softmax(logits)}

    def learned(self) -> Head:
        """The head of what a classifier has learned."""
        examples, labels = self._source.support
        ways = len(self._source.labels)
        learn = self._output_layer if examples.ndim == 2 else self._head
        with weighing(self._source.balanced):
            shown = tf.constant(examples, self._backbone.dtype)
            head = learn(shown, tf.constant(labels), tf.constant(ways))
        # Of many examples only the means are kept, so that their numbers are told.
        return self._tempered(head, self._source.pictures)

    def _tempered(self, head: Head, pictures: tf.Tensor | float) -> Head:
        """The head whose logits are divided by the temperature for K pictures of each class."""
        divisor = self._source.temperature.at(pictures)
        return head | {name: head[name] / divisor for name in ("kernel", "bias")}

    def _seen(self, images: tf.Tensor) -> tf.Tensor:
        """What the network sees of pictures."""
        if self._asserting:
            images = checks.assert_pictures(images)
        pictures = self._start.pictures
        if pictures.invert:
            images = 1 - images
        return pictures.view(255 * images, self._backbone.dtype)

    def _head(self, seen: tf.Tensor, labels: tf.Tensor, ways: tf.Tensor) -> Head:
        """The head of a task, from pictures as the network sees them."""
        if self._kept:
            features, statistics = self._backbone.support_features(self._method.theta(), seen)
            return self._output_layer(features, labels, ways) | self._named(statistics)
        task = Episodes(seen, labels, seen, labels, ways)
        weights = self._method.task_weights(task, self._start.steps)
        head = {"kernel": weights.head.kernel, "bias": weights.head.bias}
        head |= {name: weights.backbone[i] for i, name in self._moved.items()}
        if not self._measured:
            return head
        _, statistics = self._backbone.support_features(weights.backbone, seen)
        return head | self._named(statistics)

    def _output_layer(self, features: tf.Tensor, labels: tf.Tensor, ways: tf.Tensor) -> Head:
        """The output layer of a task from features, where no step moves them."""

        def learn(features: tf.Tensor) -> HeadWeights:
            return self._method.task_head(features, labels, ways, self._start.steps)

        scaled = self._start.standardized
        kernel, bias = scaled_head(learn, features, labels, ways) if scaled else learn(features)
        return {"kernel": kernel, "bias": bias}

    def _weights(self, head: Head) -> list[tf.Tensor]:
        weights = self._method.theta()
        for place, name in self._moved.items():
            weights[place] = head[name]
        return weights

    def _statistics(self, head: Head) -> list[tf.Tensor] | None:
        if not self._measured:
            return None
        kept = self._backbone.model.non_trainable_variables
        statistics = [tf.convert_to_tensor(variable) for variable in kept]
        for place, name in self._measured.items():
            statistics[place] = head[name]
        return statistics

    def _named(self, statistics: list[tf.Tensor] | None) -> Head:
        return {name: statistics[i] for i, name in self._measured.items()}

    @property
    def _moved(self) -> dict[int, str]:
        """Place among the backbone's variables → name, of those that are a task's own."""
        if self._kept:
            return {}
        own = set(self._backbone.normaliser_places) if _has_step_norms(self._method) else set()
        own |= {i for i, moves in enumerate(self._backbone.adapted) if moves}
        return self._names(self._backbone.model.trainable_variables, sorted(own))

    @property
    def _measured(self) -> dict[int, str]:
        """Place among the model's other variables → name, of statistics of a support set."""
        places = self._backbone.statistics_places if self._backbone.norm == "support" else []
        return self._names(self._backbone.model.non_trainable_variables, places)

    def _names(self, variables: list, places: list[int]) -> dict[int, str]:
        """As `block_1_norm_mean`, by their place in the model."""
        prefix = f"{self._backbone.model.name}/"
        return {i: variables[i].path.removeprefix(prefix).replace("/", "_") for i in places}


def _has_step_norms(method: object) -> bool:
    return getattr(method, "step_norms", None) is not None
