"""A classifier that frames drawings: what it sees, says, keeps and refuses."""

import dataclasses

import keras
import numpy as np
import pytest
from PIL import Image

from data_gen import framing
from hidra_tf import FewShotClassifier, shipped
from hidra_tf.classifier import starts, storage
from hidra_tf.classifier.pictures import PictureFormat, Prepared
from tests.hidra_tf.classifier.small import SIZE, config_of, start_of

FRAMED = PictureFormat(SIZE, 1, frame=True)


def drawing(turned=False, place=(10, 5), side=60, length=30):
    """A tee, uint8 [side, side], upright or lying."""
    sheet = np.full((side, side), 255, np.uint8)
    x, y = place
    width = max(1, length // 10)
    sheet[y : y + width, x : x + length] = 0
    sheet[y : y + length, x + length // 2 : x + length // 2 + width] = 0
    return np.rot90(sheet).copy() if turned else sheet


LEARNED = [drawing(), drawing(turned=True)], ["up", "left"]


@pytest.fixture(scope="module")
def start():
    return dataclasses.replace(start_of("running", dtype="float32"), origin=config_of("running"))


@pytest.fixture(scope="module")
def fitted(start):
    return FewShotClassifier(start, frame=True).fit(*LEARNED)


def test_files_pictures_and_arrays_are_framed_alike(tmp_path):
    Image.fromarray(drawing()).save(tmp_path / "tee.png")
    given = [tmp_path / "tee.png", Image.fromarray(drawing()), drawing(), drawing() / 255]
    wanted = framing.framed(drawing(), SIZE)[..., np.newaxis]
    np.testing.assert_allclose(FRAMED.seen(given), np.stack([wanted] * 4) / 255, atol=1e-6)
    # An array of the network's own size is framed too, and what was framed before is not.
    small = drawing(place=(2, 2), side=16, length=7)
    assert np.abs(FRAMED.seen([small])[0, ..., 0] - small / 255).max() > 0.5
    np.testing.assert_allclose(FRAMED.seen([Prepared(small)])[0, ..., 0], small / 255, atol=1e-6)


def test_what_is_no_drawing_is_seen_as_without_frames():
    rng = np.random.default_rng(0)
    given = [rng.integers(0, 256, (20, 30, 3), np.uint8), np.full((16, 16), 90, np.uint8)]
    np.testing.assert_array_equal(FRAMED.seen(given), PictureFormat(SIZE, 1).seen(given))


def test_place_size_and_polarity_change_no_answer_and_no_other_picture_does(fitted):
    large = drawing(place=(30, 40), side=120, length=60)
    asked = [drawing(place=(2, 25)), 255 - drawing(), large, drawing(turned=True)]
    found = fitted.predict_proba(asked)
    assert np.abs(found[3] - found[0]).max() > 2e-3
    for same in found[:3]:
        np.testing.assert_allclose(same, fitted.predict_proba(LEARNED[0][:1])[0], atol=5e-4)
    for together, one in zip(found, asked, strict=True):
        np.testing.assert_allclose(fitted.predict_proba([one])[0], together, atol=1e-6)


def test_without_frames_pictures_are_resized_as_before(start, fitted):
    plain, other = (FewShotClassifier(start, frame=f).fit(*LEARNED) for f in (None, False))
    moved = [drawing(place=(2, 25))]
    np.testing.assert_array_equal(plain.predict_proba(moved), other.predict_proba(moved))
    assert np.abs(plain.predict_proba(moved) - fitted.predict_proba(moved)).max() > 1e-3


def test_a_saved_classifier_frames_as_before(fitted, tmp_path):
    fitted.save(tmp_path / "kept")
    loaded = FewShotClassifier.load(tmp_path / "kept")
    assert loaded.initialization_.pictures.frame
    asked = [drawing(place=(2, 25)), drawing(turned=True)]
    np.testing.assert_array_equal(loaded.predict_proba(asked), fitted.predict_proba(asked))
    # Folders of earlier versions say nothing of frames, and have none.
    file = tmp_path / "kept" / storage.CLASSIFIER
    said = file.read_text()
    assert said.count(',\n "frame": true') == 1
    file.write_text(said.replace(',\n "frame": true', ""))
    assert not FewShotClassifier.load(tmp_path / "kept").initialization_.pictures.frame


def test_frames_that_are_changed_after_fit_are_refused(start):
    changed = FewShotClassifier(start, frame=True).fit(*LEARNED).set_params(frame=False)
    with pytest.raises(ValueError, match="frame: expected as when the classes were learned"):
        changed.predict(LEARNED[0])


def test_settings_that_contradict_frames_are_refused(start):
    colour = PictureFormat(SIZE, 3)
    origin = dataclasses.replace(start.origin, dataset="mini_imagenet")
    photographs = dataclasses.replace(start, origin=origin, pictures=colour)
    for wrong, settings, message in (
        (start, {"frame": "yes"}, "frame: expected True, False or None; received 'yes'"),
        (start, {"frame": True, "invert": False}, "invert: expected None with `frame=True`"),
        (photographs, {"frame": True}, "frame: expected False or None for an initialization of ph"),
    ):
        with pytest.raises(ValueError, match=message):
            FewShotClassifier(wrong, **settings).fit(*LEARNED)


def test_polarity_that_is_told_by_hand_frames_nothing(start):
    frames = starts.looking(start, frame=True)
    for invert in (True, False):
        seen = starts.looking(frames, invert=invert).pictures
        assert (seen.frame, seen.invert) == (False, invert)
    assert starts.looking(frames) is frames


def test_a_keras_model_may_look_at_framed_drawings_in_either_polarity():
    model = keras.Sequential([keras.Input((*SIZE, 3)), keras.layers.Flatten()])
    for invert in (False, True):
        found = starts.of_backbone(model, invert=invert, frame=True).pictures
        for given in (drawing(), 255 - drawing()):
            assert bool(found.seen([given]).mean() < 0.5) is invert


def test_omniglots_initialization_frames_and_that_of_photographs_does_not():
    frames = {n: storage.load(shipped.folder_of(n))[1].pictures.frame for n in shipped.names()}
    assert frames == {"mini_imagenet": False, "omniglot": True}
