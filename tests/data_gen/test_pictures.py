"""Decoding one picture, and listing pictures in folders and zips."""

import io
import os
import zipfile

import numpy as np
import pytest
from PIL import Image

from data_gen.errors import UserError
from data_gen.pictures import PictureTree, decode_picture


def encode(image, file_format="PNG"):
    buffer = io.BytesIO()
    image.save(buffer, file_format)
    return buffer.getvalue()


def noise(mode="L", side=20):
    shape = (side, side, 3) if mode == "RGB" else (side, side)
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, np.uint8), mode)


def test_decodes_grey_and_colour():
    grey = decode_picture(encode(noise()), "a.png", (5, 7))
    colour = decode_picture(encode(noise("RGB")), "a.png", (5, 7), "RGB")
    assert (grey.shape, grey.dtype) == ((5, 7), np.uint8)
    assert (colour.shape, colour.dtype) == ((5, 7, 3), np.uint8)


def test_own_size_keeps_the_pixels():
    decoded = decode_picture(encode(noise()), "a.png", (20, 20))
    np.testing.assert_array_equal(decoded, np.asarray(noise()))


def test_black_and_white_is_smoothed():
    """Pillow would resample mode "1" by nearest neighbour, to 0 and 255 only."""
    picture = Image.fromarray(np.eye(20, dtype=bool))
    assert picture.mode == "1"
    assert len(np.unique(decode_picture(encode(picture), "a.png", (7, 7)))) > 2


@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
@pytest.mark.parametrize("fraction", [0, 0.02, 0.1, 0.5, 0.9])
def test_truncated_pictures_are_named(file_format, fraction):
    data = encode(noise(), file_format)
    with pytest.raises(UserError, match=r"^some/a\.png: expected a whole picture") as caught:
        decode_picture(data[: int(len(data) * fraction)], "some/a.png", (5, 5))
    assert "\n" not in str(caught.value)


def test_damaged_pixels_are_named():
    data = bytearray(encode(noise()))
    middle = len(data) // 2
    data[middle : middle + 20] = bytes(20)
    with pytest.raises(UserError, match=r"^a\.png: "):
        decode_picture(bytes(data), "a.png", (5, 5))


def test_not_a_picture():
    with pytest.raises(UserError, match=r"^a\.png: "):
        decode_picture(b"<html>404</html>", "a.png", (5, 5))


FILES = {
    "b/2.png": b"two",
    "a/1.PNG": b"one",
    "a/.hidden.png": b"",
    "a/._1.png": b"",
    ".git/3.png": b"",
    "__MACOSX/a/1.png": b"",
    "a/.DS_Store": b"",
    "a/notes.txt": b"",
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
        assert list(tree.read()) == [b"one", b"two"]


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
