"""What the page says: an answer, what to do next, and a line for each refusal."""

import os
import zipfile

import numpy as np
import pytest
from PIL import Image

from data_gen import framing
from hidra_tf.app import board, handlers
from hidra_tf.app.handlers import CAMERA, DRAWING, FILES, Shown
from hidra_tf.app.session import Session
from hidra_tf.classifier import starts
from hidra_tf.classifier.estimator import FewShotClassifier
from hidra_tf.classifier.pictures import Prepared

NOTHING = Shown(DRAWING, None, None, None, 0.0)


@pytest.fixture
def taught(session, draw):
    for name in ("circle", "cross"):
        handlers.name_class(session, name, NOTHING)
        handlers.teach(session, name, NOTHING._replace(drawing=draw(name)))
    return session


def test_a_visitor_is_led_from_the_first_name_to_the_first_answer(session, draw):
    hints = [handlers.look(session, NOTHING).hint]
    for name in ("circle", "cross"):
        reply, done = handlers.name_class(session, name, NOTHING)
        assert done
        hints.append(reply.hint)
        reply, done = handlers.teach(session, name, NOTHING._replace(drawing=draw(name)))
        assert done
        hints.append(reply.hint)
    assert [hint.split(" ")[0] for hint in hints] == ["Name", "Draw", "Now", "Now", "Draw"]
    reply = handlers.look(session, NOTHING._replace(drawing=draw("cross", 0.3, 0.3, 0.2)))
    assert reply.answer["best"] == "cross"
    assert sum(reply.answer["shares"].values()) == pytest.approx(1)
    assert reply.hint.startswith("This is “cross”, with ")
    assert reply.seen.startswith("data:image/png;base64,")
    assert reply.trouble == ""


def test_below_the_threshold_no_class_is_named(taught, draw):
    shown = NOTHING._replace(drawing=draw("circle"))
    share = handlers.look(taught, shown).answer["shares"]["circle"]
    assert handlers.look(taught, shown._replace(unknown_below=share - 1e-6)).answer["unknown"] is (
        False
    )
    reply = handlers.look(taught, shown._replace(unknown_below=min(1, share + 1e-6)))
    assert reply.answer["unknown"]
    assert reply.hint.startswith("Unknown: the nearest class is “circle”")


def test_files_and_the_camera_give_pictures_and_refusals(taught, tmp_path):
    for name in ("a.png", "b.png"):
        Image.fromarray(np.full((30, 30), 99, np.uint8)).save(tmp_path / name)
    (tmp_path / "bad.png").write_text("no picture")
    files = [str(tmp_path / name) for name in ("a.png", "bad.png", "b.png")]
    shown = Shown(FILES, "[[0.5, 0.5]]", files, None, 0.0)
    reply = handlers.look(taught, shown)
    assert reply.hint.endswith("It is the first of 2 pictures.")
    assert reply.trouble.startswith("bad.png: expected a whole picture")
    reply, done = handlers.teach(taught, "cross", shown)
    assert done
    assert len(taught.pictures["cross"]) == 3
    assert reply.trouble.startswith("bad.png: ")
    reply, done = handlers.teach(taught, "cross", shown._replace(files=files[1:2]))
    assert not done
    assert reply.trouble.startswith("bad.png: ")
    reply, done = handlers.teach(taught, "circle", Shown(CAMERA, None, None, files[0], 0.0))
    assert done
    assert [len(p) for p in taught.pictures.values()] == [2, 3]


def test_a_refusal_changes_nothing_and_keeps_the_answer(taught, draw):
    shown = NOTHING._replace(drawing=draw("circle"))
    answer = handlers.look(taught, shown).answer
    for call in (
        lambda: handlers.name_class(taught, "cross", shown)[0],
        lambda: handlers.teach(taught, "gone", shown)[0],
        lambda: handlers.forget(taught, "gone", shown),
        lambda: handlers.forget_picture(taught, "cross", 7, shown),
    ):
        reply = call()
        assert reply.trouble
        assert reply.answer == answer
    assert handlers.look(taught, shown._replace(drawing="no strokes")).trouble
    assert [len(p) for p in taught.pictures.values()] == [1, 1]
    assert handlers.teach(taught, "cross", NOTHING)[0].trouble.startswith("There is no picture")


def test_dropping_shows_at_once(taught, draw):
    shown = NOTHING._replace(drawing=draw("circle"))
    reply = handlers.forget_picture(taught, "cross", 0, shown)
    assert reply.answer["shares"] == {}
    assert board.classes(taught)["classes"][1] == {
        "name": "cross", "counted": "no picture yet", "pictures": [],
    }  # fmt: skip
    handlers.forget(taught, "cross", shown)
    (only,) = board.classes(taught)["classes"]
    assert (only["name"], only["counted"], len(only["pictures"])) == ("circle", "1 picture", 1)
    assert handlers.set_steps(taught, 3, shown).trouble == ""
    assert taught.steps == 3


def test_a_download_is_a_classifier_that_says_the_same(taught, drawn, tmp_path):
    old = tmp_path / "downloads" / "old"
    old.mkdir(parents=True)
    os.utime(old, (0, 0))
    path, trouble = handlers.download(taught, "classifier", old.parent)
    assert trouble == ""
    assert not old.exists()
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    loaded = FewShotClassifier.load(tmp_path / "classifier")
    found = loaded.predict_proba(drawn("cross", 0.4, 0.4, 0.2)[None])[0]
    expected = taught.probabilities(drawn("cross", 0.4, 0.4, 0.2))
    assert dict(zip(loaded.classes_, found, strict=True)) == pytest.approx(expected, abs=1e-6)


def test_a_download_of_too_little_is_refused_in_one_line(session, tmp_path):
    path, trouble = handlers.download(session, "tflite", tmp_path)
    assert path is None
    assert "at least two classes" in trouble


def test_files_are_framed_and_what_was_framed_is_not_framed_again(start, tmp_path):
    session = Session(starts.looking(start, frame=True))
    sheet = np.full((90, 120), 255, np.uint8)
    sheet[20:60, 10:13] = 0
    Image.fromarray(sheet).save(tmp_path / "one.png")
    handlers.name_class(session, "line", NOTHING)
    shown = Shown(FILES, None, [str(tmp_path / "one.png")], None, 0.0)
    reply, done = handlers.teach(session, "line", shown)
    assert done and not reply.trouble
    (kept,) = session.pictures["line"]
    np.testing.assert_array_equal(kept, framing.framed(sheet, (28, 28)))
    seen = session.start.pictures.seen([Prepared(kept)])
    np.testing.assert_allclose(seen[0, ..., 0], 1 - kept / 255, atol=1e-6)
    (learned,) = session._classifier.memory_.sums.values()
    expected = session._classifier._learner.examples(seen)[0]
    np.testing.assert_allclose(learned, expected, atol=1e-4)
