"""Folders in, answers out: what is printed and written, and that everything is accounted for."""

import csv
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from data_gen.errors import UserError
from hidra_tf import FewShotClassifier
from hidra_tf.answers import answering, learning, reading, sheet


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_folder_of_loose_pictures_gets_a_class_each(ask, paint, support):
    out, printed = ask(support, paint("new", a_png="red", b_png="blue", c_png="green"))
    assert {path.name for path in out.iterdir()} == {
        "predictions.csv", "sheet.png", "summary.json",
    }  # fmt: skip
    found = rows(out / "predictions.csv")
    assert [(row["file"], row["class"]) for row in found] == [
        ("a.png", "red"), ("b.png", "blue"), ("c.png", "green"),
    ]  # fmt: skip
    assert list(found[0]) == ["file", "class", "probability", "runner_up", "runner_up_probability"]
    for row in found:
        assert 1 > float(row["probability"]) >= float(row["runner_up_probability"]) > 0
    assert "6 pictures of 3 classes" in printed
    assert "new: 3 pictures\n" in printed
    assert "accuracy" not in printed


def test_the_numbers_are_those_of_the_library(ask, paint, support, saved):
    queries = paint("new", a_png="red", b_png="blue")
    out, _ = ask(support, queries)
    files = sorted(support.glob("*/*"))
    classifier = FewShotClassifier.load(saved).fit(
        [Image.open(file) for file in files], [file.parent.name for file in files]
    )
    expected = classifier.predict_proba([Image.open(queries / n) for n in ("a.png", "b.png")])
    told = [float(row["probability"]) for row in rows(out / "predictions.csv")]
    np.testing.assert_allclose(told, expected.max(axis=1), atol=1e-6)


def test_folders_named_like_classes_give_accuracy_and_confusion(ask, paint, support):
    queries = paint(
        "new", red__1_png="red", red__2_png="red", blue__1_png="blue", blue__2_png="red"
    )
    out, printed = ask(support, queries)
    assert "75.0% (3 of 4 pictures; 95 % interval 30.1% to 95.4%, Wilson's)" in printed
    assert "wrong: is blue" in printed
    matrix = list(csv.reader((out / "confusion.csv").open()))
    assert matrix[0][1:] == ["blue", "green", "red"]
    assert matrix[1:] == [["blue", "1", "0", "1"], ["red", "0", "0", "2"]]
    assert Image.open(out / "confusion.png").size[0] > 300
    told = json.loads((out / "summary.json").read_text())
    assert told["accuracy"]["right"] == 3
    assert [row["right"] for row in rows(out / "predictions.csv")] == ["yes", "no", "yes", "yes"]


def test_a_class_that_was_never_learned_counts_as_wrong_and_is_named(ask, paint, support):
    queries = paint("new", red__1_png="red", pink__1_png="red", pink__2_png="red", loose_png="red")
    _, printed = ask(support, queries)
    assert "33.3% (1 of 3 pictures" in printed
    assert "2 pictures of classes that were never learned (pink 2) count as wrong\n" in printed
    assert "without them: 100.0% (1 of 1 picture;" in printed
    assert "1 picture in no folder of a class: not counted" in printed


def test_folders_that_name_no_class_give_no_accuracy_and_say_so(ask, paint, support):
    out, printed = ask(support, paint("new", one__1_png="red", two__1_png="red"))
    assert "accuracy      none: no folder is named like a class" in printed
    assert "received one, two" in printed
    assert not (out / "confusion.csv").exists()


def test_unknown_has_no_probability_and_is_right_for_a_class_that_was_never_learned(
    ask, paint, support
):
    out, printed = ask(support, paint("new", red__1_png="red", x__1_png="blue"), unknown_below=1.0)
    assert "unknown       2 of 2" in printed
    assert "count as wrong but for 1 answered unknown" in printed
    for row, likely in zip(rows(out / "predictions.csv"), ("red", "blue"), strict=True):
        assert (row["class"], row["probability"], row["runner_up"]) == ("unknown", "", likely)
    assert [row["right"] for row in rows(out / "predictions.csv")] == ["no", "yes"]


def test_a_class_cannot_be_named_unknown_where_that_is_an_answer(ask, paint, support):
    (support / "red").rename(support / "unknown")
    with pytest.raises(UserError, match=r"^unknown_below: expected no class of the name unknown"):
        ask(support, paint("new", a_png="red"), unknown_below=0.5)


def test_what_cannot_be_used_is_left_out_counted_and_named_once(ask, paint, support, caplog):
    queries = paint("new", a_png="red", b_png="red")
    (support / "red" / "9.png").write_bytes(b"")
    (support / "red" / "8.png").write_text("text")
    (support / "notes.txt").write_text("text")
    shutil.copy(support / "red" / "0.png", support / "loose.png")
    (queries / "c.png").write_text("text")
    out, printed = ask(support, queries)
    learning, predicting = (r.getMessage() for r in caplog.records if "leaving" in r.getMessage())
    assert "support: leaving out 4 files" in learning
    for part in ("2 damaged", "red/8.png, red/9.png", "1 no file name of a picture (notes.txt)",
                 "1 in no folder of a class (loose.png)"):  # fmt: skip
        assert part in learning
    assert "new: leaving out 1 file: 1 damaged or no picture inside (c.png)" in predicting
    assert "6 pictures of 3 classes" in printed
    assert "4 files left out" in printed
    assert "2 pictures; 1 file left out" in printed
    listed = rows(out / "left_out.csv")
    assert [(row["where"], row["file"]) for row in listed] == [
        ("learned from", "loose.png"), ("learned from", "notes.txt"),
        ("learned from", "red/8.png"), ("learned from", "red/9.png"), ("predicted", "c.png"),
    ]  # fmt: skip
    given = [p for p in [*support.rglob("*"), *queries.rglob("*")] if p.is_file()]
    assert len(given) == 6 + len(rows(out / "predictions.csv")) + len(listed)


def test_pictures_that_were_learned_from_are_named(ask, support, caplog):
    _, printed = ask(support, support)
    assert "accuracy      100.0% (6 of 6" in printed
    assert any("6 of 6 pictures to be predicted had been learned" in r.getMessage()
               for r in caplog.records)  # fmt: skip


def test_the_same_picture_in_two_classes_is_named(ask, paint, support, caplog):
    shutil.copy(support / "red" / "0.png", support / "blue" / "5.png")
    ask(support, paint("new", a_png="red"))
    (message,) = (r.getMessage() for r in caplog.records)
    assert message.startswith("the same picture is in several classes (1): blue/5.png = red/0.png")


@pytest.mark.parametrize(
    ("damaged", "message"),
    [("support/red/*", "expected whole pictures of red; received 2"), ("new/*", "received 1 that")],
)
def test_where_nothing_is_whole_nothing_is_written(ask, paint, support, tmp_path, damaged, message):
    queries = paint("new", a_png="red")
    for path in tmp_path.glob(damaged):
        path.write_bytes(b"")
    with pytest.raises(UserError, match=message):
        ask(support, queries, save=tmp_path / "kept")
    assert {path.name for path in tmp_path.iterdir()} == {"support", "new"}


def test_a_saved_classifier_answers_later_and_learns_further_classes(ask, paint, support, tmp_path):
    shutil.move(support / "blue", tmp_path / "later" / "blue")
    _, printed = ask(support, save=tmp_path / "two")
    assert f"saved         {tmp_path / 'two'}" in printed
    _, printed = ask(tmp_path / "later", classifier=tmp_path / "two", save=tmp_path / "three")
    assert "knows         blue 2, green 2, red 2" in printed
    out, printed = ask(None, paint("new", a_png="blue", b_png="red"), classifier=tmp_path / "three")
    assert "which knows 3 classes" in printed
    assert [row["class"] for row in rows(out / "predictions.csv")] == ["blue", "red"]


def test_a_classifier_that_has_learned_nothing_cannot_answer(ask, paint):
    with pytest.raises(UserError, match=r"^classifier: expected one that has learned some classes"):
        ask(None, paint("new", a_png="red"))


def test_labels_that_are_no_text_are_met_by_their_names(ask, paint, saved, tmp_path):
    classifier = FewShotClassifier.load(saved)
    files = sorted(paint("s", a_png="red", b_png="blue").iterdir())
    classifier.fit(list(files), [1, 2]).save(tmp_path / "numbers")
    further = paint("more", **{"1__a_png": "red", "3__a_png": "green"})
    _, printed = ask(further, classifier=tmp_path / "numbers", save=tmp_path / "all")
    assert "knows         1 2, 2 1, 3 1" in printed


def test_a_write_that_fails_leaves_nothing(ask, paint, support, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(UserError, match=r"answers: expected room for the answers; .*No space left"):
        ask(support, paint("new", a_png="red"), save=tmp_path / "kept")
    assert {path.name for path in tmp_path.iterdir()} == {"support", "new"}


def test_ctrl_c_leaves_nothing_and_says_so(ask, paint, support, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sheet, "pages", stop)
    with pytest.raises(KeyboardInterrupt, match="stopped; nothing was written"):
        ask(support, paint("new", a_png="red"))
    assert {path.name for path in tmp_path.iterdir()} == {"support", "new"}


def test_pictures_of_every_mode_and_kind_are_read(ask, support, tmp_path):
    new = tmp_path / "new"
    new.mkdir()
    image = Image.open(support / "red" / "0.png")
    for mode in ("P", "CMYK", "RGBA", "RGB"):
        image.convert(mode).save(new / f"red_{mode}.{'tif' if mode == 'CMYK' else 'png'}")
    turned = Image.Exif()
    turned[274] = 6
    image.save(new / "red_turned.jpg", exif=turned)
    image.save(new / "red_moving.gif", save_all=True, append_images=[Image.new("RGB", (7, 9))])
    clear = image.convert("RGBA")
    clear.putalpha(200)
    clear.quantize(16).save(new / "red_clear.png")
    Image.new("RGB", (1, 1), (220, 30, 30)).save(new / "red_single.png")
    for mode in ("L", "1", "LA"):
        image.convert(mode).save(new / f"grey_{mode}.png")
    Image.fromarray(np.full((5, 9), 40_000, np.uint16)).save(new / "grey_deep.png")
    out, _ = ask(support, new)
    found = rows(out / "predictions.csv")
    assert {row["file"] for row in found} == {path.name for path in new.iterdir()}
    assert {row["class"] for row in found if row["file"].startswith("red")} == {"red"}


def test_pictures_in_portions_get_the_answers_that_they_get_together(
    ask, paint, support, tmp_path, monkeypatch
):
    queries = paint("new", **{f"p{i}_png": ("red", "green", "blue")[i % 3] for i in range(7)})
    together, _ = ask(support, queries)
    monkeypatch.setattr(answering, "PORTION", 3)
    apart, _ = ask(support, queries, output_dir=tmp_path / "apart")
    assert len(rows(apart / "predictions.csv")) == 7
    assert rows(apart / "predictions.csv") == rows(together / "predictions.csv")


@pytest.mark.parametrize("trained_inverted", [True, False])
@pytest.mark.parametrize("inverted", [True, False])
def test_negatives_of_drawings_are_told(caplog, trained_inverted, inverted):
    start = SimpleNamespace(
        origin=SimpleNamespace(dataset="omniglot", invert=trained_inverted),
        pictures=SimpleNamespace(invert=inverted),
    )
    dark_ground_wanted = trained_inverted != inverted
    for share in (0.0, 0.1, 0.5, 1.0):
        caplog.clear()
        grounds = [bool(i < 10 * share) for i in range(10)]  # bright ones
        learning.warn_of_ground(SimpleNamespace(initialization_=start), "place", grounds)
        right = 1 - share if dark_ground_wanted else share
        assert bool(caplog.records) == (right <= 0.2)
        if caplog.records:
            assert f"`invert={str(not inverted).lower()}`" in caplog.text
    caplog.clear()
    learning.warn_of_ground(SimpleNamespace(initialization_=start), "place", [None] * 9)
    assert not caplog.records


@pytest.mark.parametrize(("value", "bright"), [(0, False), (60, False), (128, None), (200, True)])
def test_noise_and_greys_are_neither_bright_nor_dark(value, bright):
    array = np.full((4, 4, 1), value, np.uint8)
    array[0, 0] = 255 - value
    assert reading.Picture("a", array, array, b"").bright is bright


def test_photographs_have_no_ground(caplog):
    start = SimpleNamespace(origin=SimpleNamespace(dataset="cub"))
    learning.warn_of_ground(SimpleNamespace(initialization_=start), "place", [True])
    start.origin = None
    learning.warn_of_ground(SimpleNamespace(initialization_=start), "place", [True])
    assert not caplog.records
