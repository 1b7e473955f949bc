import dataclasses
import json

import keras
import numpy as np
import pytest

from data_gen.errors import UserError
from hidra_tf import FewShotClassifier
from hidra_tf.classifier import storage
from hidra_tf.evaluation.temperature import Temperature
from tests.hidra_tf.classifier.small import config_of, start_of, stripes

COUNTS = (1, 4, 2)


@pytest.fixture(scope="module", params=["running", "support"])
def fitted(request):
    start = start_of(request.param, dtype="float32")
    config = config_of(norm=request.param)
    temperature = Temperature(0.5, 0.7)
    start = dataclasses.replace(start, origin=config, temperature=temperature)
    return FewShotClassifier(start).fit(*stripes(COUNTS))


def test_a_saved_classifier_answers_and_learns_as_before(fitted, tmp_path):
    pictures, labels = stripes((2, 2, 2), seed=1)
    fitted.save(tmp_path / "kept")
    loaded = FewShotClassifier.load(tmp_path / "kept")
    np.testing.assert_array_equal(loaded.predict_proba(pictures), fitted.predict_proba(pictures))
    assert loaded.initialization_.origin.data_dir is None
    assert loaded.initialization_.temperature == Temperature(0.5, 0.7)
    for classifier in (loaded, FewShotClassifier(fitted.backbone).fit(*stripes(COUNTS))):
        classifier.partial_fit(pictures, labels)
    np.testing.assert_allclose(
        loaded.predict_proba(pictures), classifier.predict_proba(pictures), atol=1e-7
    )


def test_a_temperature_of_one_number_is_read_as_a_constant(fitted, tmp_path):
    fitted.save(tmp_path / "kept")
    file = tmp_path / "kept" / "classifier.json"
    fields = json.loads(file.read_text())
    assert fields["temperature"] == {"limit": 0.5, "per_picture": 0.7}
    file.write_text(json.dumps({**fields, "temperature": 0.25}))
    old = FewShotClassifier.load(tmp_path / "kept")
    pictures = stripes(COUNTS)[0]
    constant = FewShotClassifier(fitted.backbone, temperature=0.25).fit(*stripes(COUNTS))
    np.testing.assert_allclose(
        old.predict_proba(pictures), constant.predict_proba(pictures), rtol=0, atol=1e-6
    )


def test_an_unfitted_classifier_keeps_its_initialization_and_settings(fitted, tmp_path):
    start = fitted.backbone
    FewShotClassifier(start, unknown_below=0.4, learning_rate=0.7).save(tmp_path / "kept")
    loaded = FewShotClassifier.load(tmp_path / "kept")
    assert not hasattr(loaded, "classes_") and loaded.unknown_below == 0.4
    wanted = FewShotClassifier(start, learning_rate=0.7).fit(*stripes(COUNTS))
    np.testing.assert_array_equal(
        loaded.fit(*stripes(COUNTS)).predict_proba(stripes(COUNTS)[0]),
        wanted.predict_proba(stripes(COUNTS)[0]),
    )


def test_models_of_others_and_features_are_kept_too(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            keras.layers.Conv2D(2, 5, strides=2),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
        ]
    )
    pictures, labels = stripes(COUNTS)
    features = np.random.default_rng(0).normal(size=(7, 3))
    for name, backbone, given in (("model", model, pictures), ("features", None, features)):
        classifier = FewShotClassifier(backbone, n_steps=3).fit(given, labels)
        classifier.save(tmp_path / name)
        loaded = FewShotClassifier.load(tmp_path / name)
        np.testing.assert_allclose(
            loaded.predict_proba(given), classifier.predict_proba(given), atol=1e-7
        )
    with pytest.raises(ValueError, match="expecting 3 features"):
        loaded.predict(np.eye(5))
    assert loaded.fit(np.eye(5), [0, 0, 1, 1, 1]).predict(np.eye(5)).shape == (5,)


def test_nothing_is_overwritten_and_nothing_half_written(fitted, tmp_path, monkeypatch):
    (tmp_path / "kept").mkdir()
    with pytest.raises(UserError, match=r"kept"):
        fitted.save(tmp_path / "kept")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "write_arrays", full)
    with pytest.raises(UserError, match="No space left on device"):
        fitted.save(tmp_path / "other")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_what_cannot_be_written_is_refused(fitted, tmp_path):
    pictures, _ = stripes((2, 2))
    tuples = FewShotClassifier(fitted.backbone).fit(pictures, [("a",), ("b",)] * 2)
    with pytest.raises(UserError, match="text or numbers to save; received"):
        tuples.save(tmp_path / "kept")
    model = keras.Sequential([keras.Input((16, 16, 1)), keras.layers.Flatten()])
    prepared = FewShotClassifier(model, preprocess=lambda x: x).fit(pictures, [0, 1] * 2)
    with pytest.raises(UserError, match="preprocess: expected none to save"):
        prepared.save(tmp_path / "kept")
    with pytest.raises(ValueError, match="a classifier of features that has seen some"):
        FewShotClassifier().save(tmp_path / "kept")
    assert not list(tmp_path.iterdir())


def _other_version(folder):
    file = folder / "classifier.json"
    file.write_text(file.read_text().replace('"version": 1', '"version": 9'))


def _names_code(folder):
    file = folder / "classifier.json"
    fields = json.loads(file.read_text())
    fields["origin"]["backbone"] = "os:system"
    file.write_text(json.dumps(fields))


def _objects(folder):
    np.savez(folder / "weights.npz", **{"0": np.array([print], object)})


def _other_weights(folder):
    np.savez(folder / "weights.npz", **{"0": np.zeros(3)})


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"temperature": 0}, "temperature above 0"),
        ({"temperature": float("nan")}, "temperature above 0"),
        ({"temperature": {"limit": 1.0, "per_picture": -0.5}}, "temperature above 0 that no"),
        ({"steps": 0}, "steps of at least 1"),
        ({"learning_rate": -1.0}, "learning_rate above 0"),
        ({"labels": [0, 0, 1]}, "different labels"),
        ({"counts": [1, 0, 2]}, "a count above 0 for each label"),
        ({"settings": {"backbone": "x"}}, "expected settings out of balanced"),
        ({"settings": {"balanced": "no"}}, "balanced: expected True or False"),
    ],
    ids=str,
)
def test_numbers_that_cannot_be_meant_are_refused(fitted, tmp_path, changes, message):
    fitted.save(tmp_path / "kept")
    file = tmp_path / "kept" / "classifier.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    with pytest.raises(UserError, match=message):
        FewShotClassifier.load(tmp_path / "kept")


def test_a_norm_by_which_queries_depend_on_one_another_is_refused(fitted, tmp_path):
    fitted.save(tmp_path / "kept")
    file = tmp_path / "kept" / "classifier.json"
    fields = json.loads(file.read_text())
    fields["origin"]["norm"] = "transductive"
    file.write_text(json.dumps(fields))
    with pytest.raises(UserError, match="a norm without the statistics of queries"):
        FewShotClassifier.load(tmp_path / "kept")


@pytest.mark.parametrize("shape", [(), (3,), (2, 9, 9, 1)])
def test_what_was_learned_must_fit_the_network(fitted, tmp_path, shape):
    fitted.save(tmp_path / "kept")
    np.savez(tmp_path / "kept" / "learned.npz", **{f"{i}": np.zeros(shape) for i in range(3)})
    with pytest.raises(UserError, match="other shapes, or no finite numbers"):
        FewShotClassifier.load(tmp_path / "kept")


def test_settings_of_numpy_are_kept_as_numbers(fitted, tmp_path):
    settings = {"n_steps": np.int64(1), "unknown_below": np.float32(0.5), "balanced": np.bool_(1)}
    FewShotClassifier(fitted.backbone, **settings).save(tmp_path / "kept")
    assert FewShotClassifier.load(tmp_path / "kept").unknown_below == 0.5
    odd = FewShotClassifier(fitted.backbone, unknown_label=(1, 2))
    with pytest.raises(UserError, match="unknown_label: expected text or numbers to save"):
        odd.save(tmp_path / "other")


@pytest.mark.parametrize(
    "damage, message",
    [
        (_other_version, "expected version 1, received 9"),
        (_names_code, "names code of its own as its backbone, os:system"),
        (_objects, "expected arrays of numbers"),
        (_other_weights, "expected .* arrays of the shapes"),
        (lambda f: (f / "weights.npz").write_bytes(b"PK"), "expected arrays of numbers"),
        (lambda f: (f / "weights.npz").unlink(), "expected arrays of numbers"),
        (lambda f: (f / "learned.npz").unlink(), "expected arrays of numbers"),
        (lambda f: (f / "classifier.json").unlink(), "expected a classifier's folder"),
        (lambda f: (f / "classifier.json").write_text("{"), "expected JSON"),
    ],
)
def test_damaged_and_foreign_files_are_refused(fitted, tmp_path, damage, message):
    fitted.save(tmp_path / "kept")
    damage(tmp_path / "kept")
    with pytest.raises(UserError, match=message):
        FewShotClassifier.load(tmp_path / "kept")


def test_arrays_that_would_unpack_to_too_much_are_refused_unread(fitted, tmp_path, monkeypatch):
    fitted.save(tmp_path / "kept")
    monkeypatch.setattr("hidra_tf.classifier.arrays.MOST_BYTES", 1000)
    with pytest.raises(UserError, match="expected at most 1000 bytes"):
        FewShotClassifier.load(tmp_path / "kept")


def test_a_model_with_code_in_it_is_refused(tmp_path):
    inputs = keras.Input((16, 16, 1))
    flat = keras.layers.Flatten()(keras.layers.Lambda(lambda x: 2 * x)(inputs))
    model = keras.Model(inputs, flat)
    pictures, labels = stripes(COUNTS)
    FewShotClassifier(model, n_steps=1).fit(pictures, labels).save(tmp_path / "kept")
    with pytest.raises(UserError, match="expected a Keras model"):
        FewShotClassifier.load(tmp_path / "kept")
