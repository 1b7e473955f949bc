"""Listing and reading pictures in folders and zips."""

import io
import os
import zipfile

import numpy as np
import pytest
from PIL import Image

from data_gen.errors import UserError
from data_gen.picture_tree import PictureTree
from data_gen.pictures import decode_picture


def encode(image, file_format="PNG"):
    buffer = io.BytesIO()
    image.save(buffer, file_format)
    return buffer.getvalue()


FILES = {
    "b/2.png": b"two",
    "a/1.PNG": b"one",
    "a/.hidden.png": b"",
    "a/._1.png": b"",
    ".git/3.png": b"",
    "__MACOSX/a/1.png": b"",
    "a/.DS_Store": b"",
    "a/Thumbs.db": b"",
    "desktop.ini": b"",
    "a/notes.txt": b"",
    "c/d/x.heic": b"",
}


def make_folder(path, files=FILES):
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def make_zip(path, files=FILES):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def test_folder_and_zip_list_the_same(tmp_path):
    for root in (make_folder(tmp_path / "set"), make_zip(tmp_path / "set.zip")):
        tree = PictureTree(root)
        assert tree.names == ["a/1.PNG", "b/2.png"]
        assert tree.others == ["a/notes.txt", "c/d/x.heic"]
        assert tree.folders == ["a", "b", "c", "c/d"]
        assert list(tree.read()) == [b"one", b"two"]


def test_folders_of_nothing_are_listed_whatever_their_names(tmp_path):
    folder = make_folder(tmp_path / "set", {"a/1.png": b""})
    (folder / "b.png").mkdir()
    archive = make_zip(tmp_path / "set.zip", {"./a/1.png": b"", "b.png/": b""})
    for tree in map(PictureTree, (folder, archive)):
        assert tree.folders == ["a", "b.png"]
        assert [name.removeprefix("./") for name in tree.names] == ["a/1.png"]


def test_links_are_followed(tmp_path):
    elsewhere = make_folder(tmp_path / "elsewhere", {"1.png": b"one", "deep/2.png": b"two"})
    folder = make_folder(tmp_path / "set", {"a/3.png": b"three"})
    (folder / "b").symlink_to(elsewhere)
    (folder / "a/4.png").symlink_to(elsewhere / "1.png")
    tree = PictureTree(folder)
    assert tree.names == ["a/3.png", "a/4.png", "b/1.png", "b/deep/2.png"]
    assert list(tree.read()) == [b"three", b"one", b"one", b"two"]
    before = tree.fingerprint()
    os.utime(elsewhere / "deep/2.png", (1, 1))
    assert PictureTree(folder).fingerprint() != before


def test_links_that_lead_back_are_not(tmp_path):
    folder = make_folder(tmp_path / "set", {"a/1.png": b"", "b/2.png": b""})
    (folder / "a/whole").symlink_to(folder)
    (folder / "b/self").symlink_to(folder / "b")
    assert PictureTree(folder).names == ["a/1.png", "b/2.png"]
    (folder / "a/other").symlink_to(folder / "b")
    (folder / "b/other").symlink_to(folder / "a")
    names = ["a/1.png", "a/other/2.png", "b/2.png", "b/other/1.png"]
    assert PictureTree(folder).names == names


def test_a_link_to_nowhere_is_named_if_it_is_to_be_a_picture(tmp_path):
    folder = make_folder(tmp_path / "set", {"a/1.png": b""})
    (folder / "a/notes").symlink_to(tmp_path / "nowhere")
    assert PictureTree(folder).others == ["a/notes"]
    (folder / "a/2.png").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"expected a folder or a whole zip.*a/2\.png"):
        PictureTree(folder)


def test_reads_what_is_asked_for_in_that_order(tmp_path):
    for root in (make_folder(tmp_path / "set"), make_zip(tmp_path / "set.zip")):
        assert list(PictureTree(root).read(["b/2.png", "a/1.PNG"])) == [b"two", b"one"]
        assert list(PictureTree(root).read([])) == []


PICTURES = (
    "png", "jpg", "JPEG", "bmp", "gif", "webp", "tif", "tiff", "avif", "jfif", "jpe", "ppm", "pgm",
    "pbm", "tga", "jp2", "ico",
)  # fmt: skip
OTHERS = ("csv", "eps", "fits", "h5", "mpg", "pdf", "pfm", "ps", "wmf")


def test_lists_pictures_alone(tmp_path):
    """Of what Pillow opens, no films, drawings, measurements or floating-point maps."""
    names = [f"a/1.{suffix}" for suffix in PICTURES]
    others = [f"a/1.{suffix}" for suffix in OTHERS]
    tree = PictureTree(make_zip(tmp_path / "set.zip", dict.fromkeys([*names, *others, "a/1"], b"")))
    assert tree.names == sorted(names)
    assert tree.others == ["a/1", *others]


@pytest.mark.parametrize("suffix", PICTURES)
def test_what_is_listed_can_be_decoded(suffix):
    mode = "1" if suffix == "pbm" else "L" if suffix == "pgm" else "RGB"
    picture = Image.new(mode, (16, 16), 1 if mode == "1" else 255 if mode == "L" else "white")
    data = encode(picture, Image.registered_extensions()[f".{suffix.lower()}"])
    decoded = decode_picture(data, f"a.{suffix}", (4, 4), "RGB")
    np.testing.assert_allclose(decoded.astype(int), np.full((4, 4, 3), 255), atol=2)


def test_paths_in_messages(tmp_path):
    folder = PictureTree(make_folder(tmp_path / "set"))
    archive = PictureTree(make_zip(tmp_path / "set.zip"))
    assert folder.path("b/2.png") == f"{tmp_path}/set/b/2.png"
    assert archive.path("b/2.png") == f"{tmp_path}/set.zip: b/2.png"


@pytest.mark.parametrize("make", [make_folder, make_zip])
def test_fingerprint_sees_changes(make, tmp_path):
    def fingerprint(name, files):
        tree = PictureTree(make(tmp_path / name, files))
        if make is make_folder:  # Else the two copies differ by when they were made.
            for picture in tree.names:
                os.utime(tmp_path / name / picture, (1, 1))
        return PictureTree(tmp_path / name).fingerprint()

    same = fingerprint("first", FILES)
    assert fingerprint("again", dict(reversed(FILES.items()))) == same
    assert fingerprint("longer", {**FILES, "a/1.PNG": b"longer"}) != same
    assert fingerprint("renamed", {**FILES, "a/4.png": b"one"}) != same


def test_fingerprint_sees_a_replaced_file_of_the_same_size(tmp_path):
    folder = make_folder(tmp_path / "set")
    os.utime(folder / "a/1.PNG", (1, 1))
    before = PictureTree(folder).fingerprint()
    os.utime(folder / "a/1.PNG", (2, 2))
    assert PictureTree(folder).fingerprint() != before
    zips = (make_zip(tmp_path / f"{x}.zip", {"a/1.png": x.encode()}) for x in "xy")
    assert len({PictureTree(root).fingerprint() for root in zips}) == 2


def test_truncated_zip(tmp_path):
    root = make_zip(tmp_path / "set.zip")
    root.write_bytes(root.read_bytes()[:-40])
    with pytest.raises(UserError, match=r"set\.zip: expected a folder or a whole zip"):
        PictureTree(root)


def test_damaged_zip_member_is_named(tmp_path):
    root = make_zip(tmp_path / "set.zip")
    root.write_bytes(root.read_bytes().replace(b"two", b"owt"))
    with pytest.raises(UserError, match=r"set\.zip: b/2\.png: expected a readable file"):
        list(PictureTree(root).read())


def test_a_file_that_vanishes_is_named(tmp_path):
    tree = PictureTree(make_folder(tmp_path / "set"))
    (tmp_path / "set/b/2.png").unlink()
    with pytest.raises(UserError, match=r"set/b/2\.png"):
        list(tree.read())
