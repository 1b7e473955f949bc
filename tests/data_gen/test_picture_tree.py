"""Listing and reading pictures in folders and zips."""

import io
import logging
import os
import socket
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image

from data_gen import picture_tree
from data_gen.errors import UserError
from data_gen.picture_tree import PictureTree, shortened
from data_gen.pictures import BadPictureError, decode_picture


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


def make_special(folder):
    """A pipe, devices that never end or are empty, and a socket, named like pictures."""
    os.mkfifo(folder / "a/pipe.png")
    (folder / "a/zero.jpg").symlink_to("/dev/zero")
    (folder / "a/null.jpg").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "a/s.png"))
    return ["a/null.jpg", "a/pipe.png", "a/s.png", "a/zero.jpg"]


def test_what_is_neither_a_file_nor_a_folder_is_named_and_never_opened(
    tmp_path, monkeypatch, caplog
):
    make_folder(tmp_path / "set", {"a/1.png": b"one"})
    monkeypatch.chdir(tmp_path / "set")  # A socket's path must be short.
    special = make_special(tmp_path / "set")
    tree = PictureTree(tmp_path / "set")
    assert (tree.names, tree.others, tree.special) == (["a/1.png"], [], special)
    assert list(tree.read()) == [b"one"]
    tree.warn_of_special()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        f"{tmp_path}/set: passing over what is neither a file nor a folder (4): "
        "a/null.jpg, a/pipe.png, a/s.png, …"
    )


def test_a_pipe_is_no_zip(tmp_path):
    os.mkfifo(tmp_path / "set.zip")
    with pytest.raises(
        UserError, match=r"set\.zip: expected a folder or a whole zip, got: neither"
    ):
        PictureTree(tmp_path / "set.zip")


def test_a_link_to_itself_is_named_if_it_is_to_be_a_picture(tmp_path):
    folder = make_folder(tmp_path / "set", {"a/1.png": b""})
    (folder / "a/notes").symlink_to(folder / "a/notes")
    assert PictureTree(folder).others == ["a/notes"]
    (folder / "a/2.png").symlink_to(folder / "a/2.png")
    with pytest.raises(UserError, match=r"expected a folder or a whole zip.*a/2\.png"):
        PictureTree(folder)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    with pytest.raises(UserError, match="expected a folder or a whole zip"):
        PictureTree(tmp_path / "self")


@pytest.mark.parametrize("make", [make_folder, make_zip])
def test_files_are_bounded_before_they_are_read(make, tmp_path, monkeypatch):
    files = {"a/1.png": bytes(2**20), "a/2.png": bytes(2**20 + 1)}
    tree = PictureTree(make(tmp_path / "set", files))
    monkeypatch.setattr(picture_tree, "MOST_BYTES", 2**20)
    assert list(tree.read(["a/1.png"])) == [bytes(2**20)]
    for name in ("read", "open"):
        monkeypatch.setattr(zipfile.ZipFile, name, lambda *_: pytest.fail("read"))
    monkeypatch.setattr(PictureTree, "_read_file", lambda *_: pytest.fail("read"))
    message = r"a/2\.png: expected a file of at most 1 MiB, received 1 MiB or more"
    with pytest.raises(BadPictureError, match=message):
        list(tree.read(["a/2.png"]))


def test_a_file_that_has_grown_meanwhile_is_read_to_the_bound(tmp_path, monkeypatch):
    tree = PictureTree(make_folder(tmp_path / "set", {"a/1.png": b"one"}))
    (tmp_path / "set/a/1.png").write_bytes(bytes(50))
    monkeypatch.setattr(picture_tree, "MOST_BYTES", 20)
    with tree.opened() as read, pytest.raises(BadPictureError, match=r"a/1\.png: expected a file"):
        read("a/1.png")


def test_a_zip_that_unpacks_more_than_it_says_is_read_to_what_it_says(tmp_path, monkeypatch):
    """64 MiB of zeros, of which both headers say that they are 100 bytes."""
    root, size = tmp_path / "set.zip", 2**26
    with zipfile.ZipFile(root, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/1.png", bytes(size))
    data = root.read_bytes()
    root.write_bytes(data.replace(struct.pack("<L", size), struct.pack("<L", 100)))
    tree = PictureTree(root)
    unpacked = []
    decompress = zipfile._get_decompressor

    class Noting:
        def __init__(self, inner):
            self.inner = inner

        def decompress(self, *arguments):
            unpacked.append(self.inner.decompress(*arguments))
            return unpacked[-1]

        def __getattr__(self, name):
            return getattr(self.inner, name)

    monkeypatch.setattr(zipfile, "_get_decompressor", lambda kind: Noting(decompress(kind)))
    with pytest.raises(BadPictureError, match=r"a/1\.png: expected a readable file, got: Bad CRC"):
        list(tree.read())
    assert sum(map(len, unpacked)) < 2**16


def test_many_small_pictures_that_unpack_to_much_are_read_one_by_one(tmp_path):
    root = tmp_path / "set.zip"
    with zipfile.ZipFile(root, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(20):
            archive.writestr(f"a/{i:02d}.png", bytes(2**20))
    assert [len(data) for data in PictureTree(root).read()] == [2**20] * 20


ODD = b"a\xff\n/1.png"  # No encoding has these bytes, and a message has one line.


def test_names_of_any_bytes_are_listed_read_and_printed(tmp_path):
    name = os.fsdecode(ODD)
    tree = PictureTree(make_folder(tmp_path / "set", {name: b"one"}))
    assert tree.names == [name]
    assert list(tree.read()) == [b"one"]
    assert len(tree.fingerprint()) == 64
    assert shortened(tree.names) == "a\\udcff\\n/1.png"
    (tmp_path / "set" / name).unlink()
    with pytest.raises(UserError) as caught:
        list(tree.read())
    assert "\n" not in str(caught.value)
    str(caught.value).encode()


def test_names_of_no_encoding_in_a_zip_are_one_line(tmp_path):
    root = make_zip(tmp_path / "set.zip", {"a/é.png": b""})
    root.write_bytes(root.read_bytes().replace("é".encode(), b"\xff\xff"))
    with pytest.raises(
        UserError, match=r"set\.zip: expected a folder or a whole zip, got: 'utf-8'"
    ):
        PictureTree(root)


@pytest.mark.parametrize(
    ("count", "expected"), [(0, ""), (1, "0"), (3, "0, 1, 2"), (4, "0, 1, 2, …")]
)
def test_long_lists_of_names_are_cut(count, expected):
    assert shortened(map(str, range(count))) == expected
