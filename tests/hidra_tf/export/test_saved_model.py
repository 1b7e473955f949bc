"""A SavedModel: the numbers of the classifier, wherever it is loaded; all of it or nothing."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.classifier.estimator import FewShotClassifier
from hidra_tf.export.saved_model import export_saved_model

FRESH = """
import sys
import numpy as np
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
given, found = np.load(sys.argv[2]), {}
for ways in (2, 5, 20):
    shown, labels, asked = (given[f"{name}{ways}"] for name in ("shown", "labels", "asked"))
    head = model.adapt(shown, labels, ways)
    found[f"infer{ways}"] = model.infer(asked, head)["probabilities"]
    found[f"classify{ways}"] = model.classify(shown, labels, asked)["probabilities"]
    flat = model.signatures["infer"](images=tf.constant(asked), **head)
    found[f"signature{ways}"] = flat["probabilities"]
found["predict5"] = model.predict(given["asked5"])["probabilities"]
assert not [name for name in sys.modules if name.startswith(("hidra_tf", "data_gen"))]
np.savez(sys.argv[3], **found)
"""


@pytest.fixture(scope="module")
def start(make_start):
    return make_start("support")


@pytest.fixture(scope="module")
def folder(start, make_task, tmp_path_factory):
    """The SavedModel of a classifier that has learned the task with five classes."""
    shown, labels, _ = make_task(5)
    names = np.array(["zero", "one", "two", "three", "four"])[labels]
    folder = tmp_path_factory.mktemp("export") / "saved" / "model"
    export_saved_model(FewShotClassifier(start).fit(shown, names), folder)
    return folder


@pytest.fixture(scope="module")
def model(folder):
    return tf.saved_model.load(str(folder))


def test_tensorflow_alone_gives_the_numbers_of_the_method_in_silence(
    folder, start, make_task, expected, tmp_path
):
    tasks = {ways: make_task(ways) for ways in (2, 5, 20)}
    names = ("shown", "labels", "asked")
    given = {f"{n}{w}": x for w, task in tasks.items() for n, x in zip(names, task, strict=True)}
    np.savez(tmp_path / "given.npz", **given)
    arguments = [folder, tmp_path / "given.npz", tmp_path / "found.npz"]
    done = subprocess.run(
        [sys.executable, "-c", FRESH, *map(str, arguments)],
        cwd=tmp_path,
        env={"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "custom gradient" not in done.stderr
    with np.load(tmp_path / "found.npz") as found:
        assert len(found) == 10
        for name in found:
            ways = int(name.lstrip("abcdefghijklmnopqrstuvwxyz"))
            wanted = expected(start, tasks[ways])
            if name == "predict5":  # in the order of the names
                wanted = wanted[:, [4, 1, 3, 2, 0]]
            np.testing.assert_allclose(found[name], wanted, rtol=0, atol=1e-4, err_msg=name)


def test_names_shapes_and_types_read_well(model):
    signatures = model.signatures
    assert set(signatures) == {"adapt", "infer", "classify", "predict", "serving_default"}
    images, labels = ((None, 18, 18, 1), "float32"), ((None,), "int32")

    def described(specs):
        return {name: (tuple(one.shape), one.dtype.name) for name, one in specs.items()}

    def inputs(name):
        return described(signatures[name].structured_input_signature[1])

    assert inputs("adapt") == {"images": images, "labels": labels, "ways": ((), "int32")}
    whole = {"support_images": images, "support_labels": labels, "query_images": images}
    assert inputs("classify") == inputs("serving_default") == whole
    head = described(signatures["adapt"].structured_outputs)
    assert head["kernel"] == ((4, None), "float32")
    assert head["block_4_norm_mean"] == ((4,), "float32")
    assert inputs("infer") == {"images": images, **head}
    assert described(signatures["infer"].structured_outputs) == {
        "probabilities": ((None, None), "float32")
    }


def test_a_query_alone_is_answered_as_in_a_batch(model, make_task):
    shown, labels, asked = make_task(5, queries=7)
    head = model.adapt(shown, labels, 5)
    together = model.infer(asked, head)["probabilities"].numpy()
    alone = [model.infer(one[np.newaxis], head)["probabilities"].numpy()[0] for one in asked]
    np.testing.assert_allclose(alone, together, rtol=0, atol=1e-6)


def test_a_learned_classifier_names_its_classes(model, make_task):
    names = model.predict(make_task(5)[2])["labels"].numpy()
    assert names.tolist() == [b"four", b"one", b"three", b"two", b"zero"]


def test_many_classes_of_one_picture_each(model, make_task):
    _, _, shown = make_task(2, queries=200)
    head = model.adapt(shown, np.arange(200, dtype=np.int32), 200)
    assert head["kernel"].shape == (4, 200)
    answers = model.infer(shown[:3], head)["probabilities"].numpy()
    np.testing.assert_allclose(answers.sum(axis=1), 1, rtol=1e-5)


def test_inner_steps_that_move_the_backbone_are_in_the_graph(
    make_start, make_task, expected, tmp_path
):
    start = make_start("affine", steps=2)
    export_saved_model(start, tmp_path / "model")
    model = tf.saved_model.load(str(tmp_path / "model"))
    for ways in (2, 5):
        shown, labels, asked = task = make_task(ways)
        found = model.classify(shown, labels, asked)["probabilities"].numpy()
        np.testing.assert_allclose(found, expected(start, task), rtol=0, atol=1e-4)


def test_one_whose_drawings_are_to_be_framed_before_says_so(make_start, make_task, tmp_path):
    start = make_start("affine")
    framing = dataclasses.replace(start.pictures, frame=True)
    export_saved_model(dataclasses.replace(start, pictures=framing), tmp_path / "framed")
    model = tf.saved_model.load(str(tmp_path / "framed"))
    taken = {n: set(s.structured_input_signature[1]) for n, s in model.signatures.items()}
    assert taken["adapt"] == {"framed_images", "labels", "ways"}
    assert taken["infer"] == {"framed_images", "kernel", "bias"}
    classify = {"framed_support_images", "support_labels", "framed_query_images"}
    assert taken["classify"] == taken["serving_default"] == classify
    # What is given is what the network sees: the file frames nothing.
    shown, labels, asked = make_task(3)
    found = model.classify(shown, labels, asked)["probabilities"]
    classifier = FewShotClassifier(start).fit(shown, labels)
    np.testing.assert_allclose(found, classifier.predict_proba(asked), atol=1e-4)
