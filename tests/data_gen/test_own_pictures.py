"""A person's pictures by folder: nothing that is there goes uncounted."""

import unicodedata
import zipfile

import pytest

from data_gen import own_pictures
from data_gen.errors import UserError
from data_gen.picture_tree import PictureTree


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return root


def listed(root, known=()):
    return own_pictures.by_class(PictureTree(root), known)


def sizes(found):
    return {name: len(files) for name, files in found.classes.items()}


def zipped(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    return path


def test_every_file_is_in_a_class_or_loose_or_left_out(tmp_path):
    names = ["a/1.png", "a/2.jpg", "b/c/3.png", "4.png", "notes.txt", "a/5.doc"]
    found = listed(touch(tmp_path, *names, ".hidden.png", "a/Thumbs.db", "__MACOSX/6.png"))
    assert sizes(found) == {"a": 2, "b/c": 1}
    assert found.loose == ["4.png"]
    assert found.left_out == dict.fromkeys(["a/5.doc", "notes.txt"], own_pictures.OTHER)
    assert {*found.names, *found.left_out} == set(names)


@pytest.mark.parametrize("way", ["", "top/", "top/more/"])
def test_folders_on_the_way_to_all_classes_are_no_part_of_their_names(tmp_path, way):
    touch(tmp_path, *(f"{way}{name}" for name in ("a/1.png", "b/2.png")))
    assert sizes(listed(tmp_path)) == {"a": 1, "b": 1}
    assert sizes(listed(tmp_path, known=["a", "b"])) == {"a": 1, "b": 1}


def test_a_single_folder_is_a_class_unless_other_classes_are_known(tmp_path):
    touch(tmp_path, "a/1.png")
    assert sizes(listed(tmp_path)) == {"a": 1}
    assert sizes(listed(tmp_path, known=["a", "b"])) == {"a": 1}
    assert sizes(listed(tmp_path, known=["a/b"])) == {"a": 1}
    found = listed(tmp_path, known=["b"])
    assert (found.classes, found.loose) == ({}, ["a/1.png"])


def test_a_folder_without_pictures_is_a_class_of_none(tmp_path):
    touch(tmp_path, "a/1.png", "b/notes.txt").joinpath("c/d").mkdir(parents=True)
    assert sizes(listed(tmp_path)) == {"a": 1, "b": 0, "c/d": 0}


def test_a_single_class_beside_an_empty_folder_keeps_its_name(tmp_path):
    touch(tmp_path, "top/a/1.png").joinpath("empty").mkdir()
    assert sizes(listed(tmp_path)) == {"top/a": 1, "empty": 0}


def test_an_accent_is_the_same_in_one_character_or_two(tmp_path):
    one, two = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    assert one != two
    assert sizes(listed(touch(tmp_path, f"{two}/1.png", "b/2.png"))) == {"b": 1, one: 1}


def test_names_that_lead_out_of_a_zip_are_left_out(tmp_path):
    names = ["a/1.png", "b/2.png", "../c/3.png", "/etc/4.png", "a/../../5.png"]
    found = listed(zipped(tmp_path / "z.zip", *names))
    assert sizes(found) == {"a": 1, "b": 1}
    assert found.left_out == dict.fromkeys(sorted(names[2:]), own_pictures.LEADS_OUT)


def test_classes_to_learn_leave_loose_pictures_out(tmp_path):
    touch(tmp_path, "a/1.png", "b/2.png", "3.png")
    found = own_pictures.to_learn(str(tmp_path), "adapt")
    assert sizes(found) == {"a": 1, "b": 1}
    assert (found.loose, found.left_out) == ([], {"3.png": own_pictures.LOOSE})


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "expected pictures in .*, received none$"),
        (("a/1.txt",), "received none among 1 files, such as a/1.txt"),
        (("1.png", "2.png"), "folder for each class, received 1.png in none"),
        (("a/1.png",), "at least 2 classes to tell apart.* received 1 in .*: a$"),
        (("a/1.png", "b/1.txt"), "received none in .* of b; take the folder away"),
    ],
)
def test_what_gives_no_two_classes_is_refused(tmp_path, names, message):
    with pytest.raises(UserError, match=f"^adapt: .*{message}"):
        own_pictures.to_learn(str(touch(tmp_path, *names)), "adapt")


def test_one_class_is_enough_beside_others(tmp_path):
    assert sizes(own_pictures.to_learn(str(touch(tmp_path, "a/1.png")), "adapt", 1)) == {"a": 1}
