"""A classifier as one file for TensorFlow Lite: phones and microcontrollers learn new classes."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import tensorflow as tf

from data_gen.errors import UserError
from hidra_tf.backbones.normalization import plain
from hidra_tf.classifier.estimator import FewShotClassifier
from hidra_tf.classifier.initialization import Initialization
from hidra_tf.export.exported import Exported, exported
from hidra_tf.export.saved_model import write_saved_model
from hidra_tf.options import check_choice
from hidra_tf.runs.place.whole import written

QUANTIZATIONS = ("none", "float16", "int8")


def export_tflite(
    source: Initialization | FewShotClassifier,
    file: str | os.PathLike,
    quantization: str = "none",
) -> None:
    """Writes a classifier that learns and answers by TensorFlow Lite's built-in operations alone.

    The exact first step needs no gradient, so that a phone learns any number of classes. The
    signatures are

    - `adapt`: `images`, `labels` and `ways` → the arrays of a head;
    - `infer`: `images` and the arrays of a head → `probabilities` [N, C];
    - `predict`: `images` → `probabilities`, where the classifier has learned classes, in the order
      of its `classes_`.

    Where drawings are framed (`frame`), this is left to whoever calls, since it takes more than
    built-in operations: the signatures' input is then `framed_images`.

    See `hidra_tf.export.endpoints.Endpoints` for pictures, labels and heads. A class without
    pictures, and a label that is none of 0 … C−1, make probabilities that are not numbers.

    Args:
        source: a classifier, or the initialization of one, whose tasks are learned in closed form:
            one inner step of a tied head, or class means.
        file: the file, which must not be there yet.
        quantization: of the weights: `none` (float32), `float16`, or `int8` (with a range for each
            channel; activations are quantised while the file is used).

    Raises:
        ValueError: if there is no such quantization.
        UserError: if the file cannot be written, or if the source cannot be exported.

    Example:
        >>> import tempfile
        >>> from hidra_tf import FewShotClassifier, export_tflite
        >>> file = f"{tempfile.mkdtemp()}/omniglot.tflite"
        >>> classifier = FewShotClassifier.from_pretrained("omniglot")
        >>> export_tflite(classifier, file, quantization="float16")
    """
    check_choice("quantization", quantization, QUANTIZATIONS)
    found = exported(source)
    _check_closed_form(found.start)
    with written(file, "file", kind="file") as path:
        path.write_bytes(_converted(found, quantization))


def _check_closed_form(start: Initialization) -> None:
    advice = "export_saved_model takes it"
    if not start.closed_form:
        raise UserError(
            "expected what learns a task in closed form, for only the closed-form first step "
            f"converts (n_steps=1); received {start!r}; {advice}"
        )
    if start.standardized:
        raise UserError(
            "expected features that were learned for few-shot tasks; those of another network are "
            f"scaled by a singular value, which TensorFlow Lite cannot compute; {advice}"
        )


def _converted(source: Exported, quantization: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder, _normalising(source):
        write_saved_model(source, Path(folder), asserting=False)
        learned = ["predict"] if source.support is not None else []
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=["adapt", "infer", *learned]
        )
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if quantization != "none":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantization == "float16":
            converter.target_spec.supported_types = [tf.float16]
        try:
            return converter.convert()
        except Exception as error:  # of many classes, none of which is public
            raise UserError(
                f"expected operations that TensorFlow Lite has built in; received {error}"
            ) from error


def _normalising(source: Exported) -> contextlib.AbstractContextManager[None]:
    """The way to normalise: plain operations where statistics are computed, and inputs."""
    measured = source.start.backbone.norm == "support"
    return plain() if measured else contextlib.nullcontext()
