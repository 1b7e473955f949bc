"""What a visitor may take home: the classifier, as files."""

from __future__ import annotations

import shutil
from pathlib import Path

from hidra_tf.app.session import Session
from hidra_tf.classifier.estimator import FewShotClassifier
from hidra_tf.export.saved_model import export_saved_model
from hidra_tf.export.tflite import export_tflite


def write(session: Session, kind: str, folder: Path) -> Path:
    """Writes what a session has learned as one file into a folder.

    Args:
        session: the session.
        kind: a key of `KINDS`.
        folder: an empty folder.

    Raises:
        UserError: if there are fewer than two classes, or if the classifier cannot be written so.
    """
    return KINDS[kind](session.classifier(), folder)


def _saved(classifier: FewShotClassifier, folder: Path) -> Path:
    classifier.save(folder / "classifier")
    return _zipped(folder / "classifier")


def _saved_model(classifier: FewShotClassifier, folder: Path) -> Path:
    export_saved_model(classifier, folder / "saved_model")
    return _zipped(folder / "saved_model")


def _tflite(classifier: FewShotClassifier, folder: Path) -> Path:
    export_tflite(classifier, folder / "classifier.tflite")
    return folder / "classifier.tflite"


def _zipped(folder: Path) -> Path:
    name = shutil.make_archive(str(folder), "zip", folder.parent, folder.name)
    shutil.rmtree(folder)
    return Path(name)


KINDS = {"classifier": _saved, "saved_model": _saved_model, "tflite": _tflite}
