"""A classifier as a SavedModel."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from hidra_tf.classifier.estimator import FewShotClassifier
from hidra_tf.classifier.initialization import Initialization
from hidra_tf.export.endpoints import Endpoints
from hidra_tf.export.exported import Exported, exported
from hidra_tf.runs.place.whole import written


def export_saved_model(
    source: Initialization | FewShotClassifier, folder: str | os.PathLike
) -> None:
    """Writes a classifier that learns and answers wherever TensorFlow runs, without Python.

    Its endpoints, which are its signatures too, take any number of classes and pictures:

    - `adapt(images, labels, ways)` → a head, a dictionary of arrays;
    - `infer(images, head)` → `probabilities` [N, C], each picture on its own;
    - `classify(support_images, support_labels, query_images)` → `probabilities`: both at once;
    - `predict(images)` → `probabilities` and `labels` [C], where the classifier has learned
      classes.

    Where drawings are framed (`frame`), this is left to whoever calls: the signatures' inputs are
    then `framed_images`, `framed_support_images` and `framed_query_images`.

    See `hidra_tf.export.endpoints.Endpoints` for pictures, labels and heads; a wrong number among
    them is an error. Inner steps are in the graph; where they move the backbone, the head holds
    the weights that they have moved.

    Args:
        source: a classifier, or the initialization of one.
        folder: the folder, which is made; if it is there already, it must be empty.

    Raises:
        UserError: if the folder cannot be written, or if the source cannot be exported: one whose
            predictions depend on other queries, one for a fixed number of classes, or one whose
            method makes no linear output layer.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> import tensorflow as tf
        >>> from hidra_tf import FewShotClassifier, export_saved_model
        >>> folder = f"{tempfile.mkdtemp()}/omniglot"
        >>> export_saved_model(FewShotClassifier.from_pretrained("omniglot"), folder)
        >>> model = tf.saved_model.load(folder)
        >>> drawings = np.random.default_rng(0).random((4, 28, 28, 1), np.float32)
        >>> head = model.adapt(drawings, np.int32([0, 0, 1, 2]), 3)
        >>> model.infer(drawings, head)["probabilities"].shape
        TensorShape([4, 3])
    """
    found = exported(source)
    with written(folder, "folder", or_empty=True) as path:
        write_saved_model(found, path, asserting=True)


def write_saved_model(source: Exported, path: Path, asserting: bool) -> None:
    """Writes the SavedModel at `path`; see `Endpoints` for `asserting`."""
    endpoints = Endpoints(source, asserting)
    images, labels = _specs(endpoints, "images", "labels")
    # Compiled here, so that `classify` holds no second copy.
    adapt = _compiled(endpoints.adapt, [images, labels, tf.TensorSpec((), tf.int32, "ways")])
    infer = _compiled(endpoints.infer, [images, endpoints.head_specs])

    def classify(
        support_images: tf.Tensor, support_labels: tf.Tensor, query_images: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        ways = tf.reduce_max(support_labels) + 1
        return infer(query_images, adapt(support_images, support_labels, ways))

    archive = keras.export.ExportArchive()
    support, queries = _specs(endpoints, "support_images", "support_labels"), "query_images"
    # The first one is what a server calls where nobody names an endpoint.
    archive.add_endpoint("classify", classify, [*support, *_specs(endpoints, queries)])
    for name, function in (("adapt", adapt), ("infer", infer)):
        archive.add_endpoint(name, function, list(function.input_signature))
    if source.support is not None:
        _add_predict(archive, endpoints, images, source.labels if asserting else ())
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    archive.write_out(str(path), options, verbose=False)
    _drop_custom_gradients(path)


def _drop_custom_gradients(path: Path) -> None:
    """Makes a SavedModel forget that operations had gradients of their own, for training.

    Otherwise a warning about each endpoint is printed wherever it is loaded.
    """
    file = path / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    for graph in saved.meta_graphs:
        for function in graph.graph_def.library.function:
            for node in function.node_def:
                node.attr.pop("_gradient_op_type", None)
    file.write_bytes(saved.SerializeToString(deterministic=True))
    # It was of the file before; TensorFlow does without one.
    (path / "fingerprint.pb").unlink(missing_ok=True)


def _compiled(function: Callable, signature: list) -> tf.types.experimental.PolymorphicFunction:
    return tf.function(function, input_signature=signature, autograph=False)


def _specs(endpoints: Endpoints, images: str, labels: str | None = None) -> list[tf.TensorSpec]:
    """Those of pictures, and of their labels if these have a name."""
    name = f"framed_{images}" if endpoints.takes_framed else images
    found = [tf.TensorSpec((None, *endpoints.image_shape), tf.float32, name)]
    return found if labels is None else [*found, tf.TensorSpec((None,), tf.int32, labels)]


def _add_predict(
    archive: keras.export.ExportArchive,
    endpoints: Endpoints,
    images: tf.TensorSpec,
    labels: tuple[str, ...],
) -> None:
    """Adds what a classifier has learned, with the names of its classes if there are any."""
    head = {name: array.numpy() for name, array in endpoints.learned().items()}

    def predict(images: tf.Tensor) -> dict[str, tf.Tensor]:
        known = {name: tf.constant(array) for name, array in head.items()}
        names = {"labels": tf.constant(labels)} if labels else {}
        return endpoints.infer(images, known) | names

    archive.add_endpoint("predict", predict, [images])
