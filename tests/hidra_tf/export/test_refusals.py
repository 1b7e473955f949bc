"""What cannot be exported, or not there: one clear line, and nothing left behind."""

import dataclasses
import os

import numpy as np
import pytest

from data_gen.errors import UserError
from hidra_tf.classifier.estimator import FewShotClassifier
from hidra_tf.evaluation.ensemble import Ensemble
from hidra_tf.export.saved_model import export_saved_model
from hidra_tf.export.tflite import export_tflite

EXPORTS = [export_saved_model, export_tflite]


@pytest.mark.parametrize("export", EXPORTS)
def test_sources_that_cannot_be_exported(export, make_start, tmp_path):
    start = make_start("affine")

    def of(**changes):
        return dataclasses.replace(start, **changes)

    code = dataclasses.replace(start.pictures, preprocess=np.negative)
    vectors = FewShotClassifier().fit(np.eye(4), [0, 0, 1, 1])
    for source, message in [
        (start.method, "expected a FewShotClassifier or an Initialization to export; received Hid"),
        (make_start("transductive"), "transductive statistics would depend on which other pict"),
        (make_start("joint", "protonet"), "joint statistics would depend on which other pictures"),
        (make_start("affine", "maml"), "any number of classes to export, .* one for 5 classes"),
        (of(pictures=code), "preprocess: expected none to export, for a function is code"),
        (vectors, "expected a classifier of pictures to export; received one of features"),
    ]:
        with pytest.raises(UserError, match=message):
            export(source, tmp_path / "export")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("export", EXPORTS)
def test_a_setting_that_was_changed_after_fit_does_not_reach_the_file(
    export, make_start, make_task, tmp_path
):
    shown, labels, _ = make_task(2)
    fitted = FewShotClassifier(make_start("affine")).fit(shown, labels).set_params(balanced=False)
    with pytest.raises(UserError, match="balanced: expected as when the classes were learned"):
        export(fitted, tmp_path / "export")
    wrong = FewShotClassifier(make_start("affine"), temperature=-1.0)
    with pytest.raises(ValueError, match="temperature: expected a finite number above 0"):
        export(wrong, tmp_path / "export")
    assert not list(tmp_path.iterdir())


def test_methods_without_an_output_layer_are_refused(make_start, tmp_path):
    starts = [make_start("affine", name) for name in ("matching_net", "anyway", "baseline_pp")]
    ensemble = Ensemble(make_start("affine").method)
    ensemble.remember()
    starts.append(dataclasses.replace(starts[0], method=ensemble))
    for start in starts:
        with pytest.raises(UserError, match=r"one linear output layer for a task, such as .*rece"):
            export_saved_model(start, tmp_path / "export")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "settings", [("affine", "hidra", 2), ("affine", "r2d2", 1), ("support", "proto_maml", 1)]
)
def test_only_the_closed_form_becomes_a_tflite_file(make_start, tmp_path, settings):
    with pytest.raises(UserError, match="only the closed-form first step converts"):
        export_tflite(make_start(*settings), tmp_path / "model.tflite")
    assert not list(tmp_path.iterdir())


def test_features_that_are_scaled_do_not_become_a_tflite_file(make_start, tmp_path):
    start = dataclasses.replace(make_start("affine", "anil", head="zero"), standardized=True)
    with pytest.raises(UserError, match="scaled by a singular value, which TensorFlow Lite cannot"):
        export_tflite(start, tmp_path / "model.tflite")


def test_an_unknown_quantization_is_refused(make_start, tmp_path):
    with pytest.raises(ValueError, match="quantization: expected one of none, float16, int8; rec"):
        export_tflite(make_start(), tmp_path / "model.tflite", "int4")


@pytest.mark.parametrize("export", EXPORTS)
def test_nothing_that_is_there_is_overwritten(export, make_start, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name, found in (("folder", "a folder with files"), ("file", "a file"), ("link", "a link")):
        with pytest.raises(
            UserError, match=f"^f.*: expected a new .*, found {found} at .*/{name}$"
        ):
            export(make_start(), tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder", "link"]
    assert (tmp_path / "folder" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("export", EXPORTS)
def test_a_place_that_cannot_be_written_is_named(export, make_start, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match=r"expected to write to .*file/export; received"):
        export(make_start(), tmp_path / "file" / "export")
