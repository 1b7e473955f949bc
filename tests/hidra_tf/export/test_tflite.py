"""A TensorFlow Lite file: built-in operations, and the numbers of the method."""

import dataclasses
import importlib.util
import subprocess
import sys
import warnings

import numpy as np
import pytest

from hidra_tf.export.tflite import export_tflite

LITERT = importlib.util.find_spec("ai_edge_litert") is not None
FRESH = """
import sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter
model = Interpreter(sys.argv[1])
adapt, infer = map(model.get_signature_runner, ("adapt", "infer"))
given, found = np.load(sys.argv[2]), {}
for ways in (2, 5, 20):
    shown, labels, asked = (given[f"{name}{ways}"] for name in ("shown", "labels", "asked"))
    head = adapt(images=shown, labels=labels, ways=np.int32(ways))
    found[f"{ways}"] = infer(images=asked, **head)["probabilities"]
assert not [name for name in sys.modules if name.startswith(("tensorflow", "keras", "hidra_tf"))]
np.savez(sys.argv[3], **found)
"""


def interpreter(file, litert=LITERT):
    if litert:
        from ai_edge_litert.interpreter import Interpreter

        return Interpreter(str(file))
    import tensorflow as tf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return tf.lite.Interpreter(str(file))


def answers(model, task):
    adapt, infer = map(model.get_signature_runner, ("adapt", "infer"))
    shown, labels, asked = task
    head = adapt(images=shown, labels=labels, ways=np.int32(labels.max() + 1))
    return infer(images=asked, **head)["probabilities"]


def test_a_file_whose_drawings_are_to_be_framed_before_says_so(make_start, tmp_path):
    start = make_start("affine")
    framing = dataclasses.replace(start.pictures, frame=True, invert=False)
    export_tflite(dataclasses.replace(start, pictures=framing), tmp_path / "framed.tflite")
    signatures = interpreter(tmp_path / "framed.tflite").get_signature_list()
    assert set(signatures["adapt"]["inputs"]) == {"framed_images", "labels", "ways"}
    assert {"framed_images"} <= set(signatures["infer"]["inputs"])
    assert not {"images"} & set(signatures["infer"]["inputs"])


@pytest.fixture(scope="module")
def start(make_start):
    return make_start("support")


@pytest.fixture(scope="module")
def file(start, tmp_path_factory):
    file = tmp_path_factory.mktemp("export") / "model.tflite"
    export_tflite(start, file)
    return file


def test_any_number_of_classes_and_pictures(file, start, make_task, expected):
    model = interpreter(file)
    assert set(model.get_signature_list()) == {"adapt", "infer"}
    for ways in (2, 5, 20, 3):
        task = make_task(ways, queries=ways)
        wanted = expected(start, task)
        np.testing.assert_allclose(answers(model, task), wanted, rtol=0, atol=1e-4)


def test_the_interpreter_within_tensorflow_counts_the_pictures_too(
    file, start, make_task, expected
):
    model = interpreter(file, litert=False)
    for ways in (2, 5):
        task = make_task(ways)
        assert len(set(np.bincount(task[1]))) > 1
        wanted = expected(start, task)
        np.testing.assert_allclose(answers(model, task), wanted, rtol=0, atol=1e-4)


@pytest.mark.skipif(not LITERT, reason="ai-edge-litert is not installed")
def test_litert_alone_gives_the_numbers_of_the_method(file, start, make_task, expected, tmp_path):
    tasks = {ways: make_task(ways) for ways in (2, 5, 20)}
    names = ("shown", "labels", "asked")
    given = {f"{n}{w}": x for w, task in tasks.items() for n, x in zip(names, task, strict=True)}
    np.savez(tmp_path / "given.npz", **given)
    arguments = [file, tmp_path / "given.npz", tmp_path / "found.npz"]
    done = subprocess.run(
        [sys.executable, "-c", FRESH, *map(str, arguments)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "found.npz") as found:
        assert sorted(map(int, found)) == sorted(tasks)
        for ways, task in tasks.items():
            wanted = expected(start, task)
            np.testing.assert_allclose(found[f"{ways}"], wanted, rtol=0, atol=1e-4)


def test_all_operations_are_built_in(file):
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(file.read_bytes(), 0))
    codes = [max(one.builtinCode, one.deprecatedBuiltinCode) for one in model.operatorCodes]
    assert schema.BuiltinOperator.CONV_2D in codes
    assert schema.BuiltinOperator.CUSTOM not in codes
    assert not [one.customCode for one in model.operatorCodes if one.customCode]


def test_kernels_are_stored_once(file, start):
    # `adapt` and `infer` share them, although statistics are inputs of the latter.
    last = start.backbone.variables[-3].numpy()
    assert last.shape == (3, 3, 4, 4)
    stored = np.ascontiguousarray(last.transpose(3, 0, 1, 2)).astype("<f4").tobytes()
    assert file.read_bytes().count(stored) == 1


@pytest.mark.parametrize(("quantization", "bound"), [("float16", 0.01), ("int8", 0.1)])
def test_quantised_weights_answer_nearly_as_before(
    start, make_task, expected, tmp_path, quantization, bound
):
    file = tmp_path / "model.tflite"
    export_tflite(start, file, quantization)
    task = make_task(5)
    difference = np.abs(answers(interpreter(file), task) - expected(start, task)).max()
    assert 1e-6 < difference < bound


def test_wrong_labels_give_no_numbers(file, make_task):
    shown, labels, _ = make_task(3)
    adapt = interpreter(file).get_signature_runner("adapt")
    for ways in (2, 4):
        assert np.isnan(adapt(images=shown, labels=labels, ways=np.int32(ways))["bias"]).all()
