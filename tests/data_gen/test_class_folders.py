"""What data sets with a folder per class have in common: found, checked, decoded once."""

import os

import numpy as np
import pytest

from data_gen import class_folders
from data_gen.cache import arrays
from data_gen.class_folders import (
    SplitFiles,
    by_folder,
    check_counts,
    check_disjoint,
    check_same_files,
    decoded,
    find,
    grouped,
    needs_folder,
    read_list,
)
from data_gen.class_pool import digest
from data_gen.errors import UserError
from data_gen.picture_tree import PictureTree
from data_gen.pictures import decode_picture
from data_gen.request import DataRequest

SHAPE = (4, 5, 3)


@pytest.fixture(scope="module")
def files(draw):
    return {f"{c}/{i}.png": draw(10 * n + i) for n, c in enumerate("abc") for i in range(2 + n)}


@pytest.fixture
def load(write, files, tmp_path):
    """Decodes a split for each of the three classes."""

    def run(cache="cache", shape=SHAPE, name="toy", **options):
        root = write(tmp_path / "data", files) if not (tmp_path / "data").exists() else None
        tree = PictureTree(root or tmp_path / "data")
        splits = [SplitFiles(tree, {c: by_folder(tree)[c]}) for c in "abc"]
        request = DataRequest(cache_dir=str(tmp_path / cache), **options)
        return decoded(splits, shape, request, name)

    return run


def test_pictures_are_decoded_in_the_order_of_their_names(load, files):
    splits = load()
    assert [split.names for split in splits] == [("a",), ("b",), ("c",)]
    assert [split.counts for split in splits] == [(2,), (3,), (4,)]
    for name, split in zip("abc", splits, strict=True):
        for i, image in enumerate(split.images):
            expected = decode_picture(files[f"{name}/{i}.png"], "", SHAPE[:2], "RGB")
            np.testing.assert_array_equal(image, expected)


def test_nothing_is_decoded_twice(load, monkeypatch):
    load()
    monkeypatch.setattr(class_folders, "decode_picture", lambda *_: pytest.fail("decoded"))
    load()


@pytest.mark.parametrize(
    "change",
    [
        lambda patch, root: patch.setattr("PIL.__version__", "0"),
        lambda patch, root: patch.setattr("data_gen.pictures._RECIPE", 0),
        lambda patch, root: os.utime(root / "a/0.png", (1, 1)),
        lambda patch, root: (root / "a/0.png").rename(root / "a/9.png"),
    ],
    ids=["Pillow", "recipe", "file", "name"],
)
def test_what_would_be_decoded_otherwise_is_decoded_again(change, load, tmp_path, monkeypatch):
    load()
    change(monkeypatch, tmp_path / "data")
    load()
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_another_shape_is_another_entry(load, tmp_path):
    load()
    assert load(shape=(5, 4, 1)).train.image_shape == (5, 4, 1)
    assert len(list((tmp_path / "cache").iterdir())) == 2


@pytest.mark.parametrize("large", [True, False])
def test_the_digest_of_pixels_is_the_same_with_and_without_the_cache(
    large, load, tmp_path, monkeypatch
):
    """In memory it is computed; where the pictures are mapped, the cache has noted it."""
    monkeypatch.setattr(arrays, "LARGE", 0 if large else 2**20)
    (tmp_path / "file").write_text("in the way of a cache")
    alone = load(cache="file/cache")
    assert all(split.known_digest is None for split in alone)
    for _ in range(2):
        kept = load()
        assert isinstance(kept.train.images, np.memmap) == large
        for ours, theirs in zip(kept, alone, strict=True):
            assert ours.known_digest == theirs.pixels_digest == digest(ours.images)
            assert ours.fingerprint == theirs.fingerprint


def test_the_digest_of_mapped_pixels_is_not_computed(load, monkeypatch):
    monkeypatch.setattr(arrays, "LARGE", 0)
    load()
    splits = load()
    monkeypatch.setattr("data_gen.class_pool.digest", lambda *_: pytest.fail("read"))
    assert len({split.fingerprint for split in splits}) == 3


def test_classes_are_grouped_by_the_folder_of_their_pictures(write, tmp_path):
    names = ["set/b/2.png", "set/b/1.png", "set/a/1.png", "a/9.png"]
    tree = PictureTree(write(tmp_path / "data", dict.fromkeys(names, b"")))
    classes = by_folder(tree)
    assert list(classes) == ["a", "b"]
    assert classes == {"a": ["a/9.png", "set/a/1.png"], "b": ["set/b/1.png", "set/b/2.png"]}
    assert grouped(["x2", "y1", "x1"], lambda name: name[0]) == {"x": ["x2", "x1"], "y": ["y1"]}


def test_a_folder_is_found_before_a_zip_of_its_name(tmp_path):
    (tmp_path / "train").mkdir()
    for name in ("train.zip", "val.zip"):
        (tmp_path / name).write_bytes(b"")
    found = find(tmp_path, ["train", "val", "test"])
    assert found == [tmp_path / "train", tmp_path / "val.zip"]


def test_a_folder_must_be_named(tmp_path):
    assert needs_folder(str(tmp_path), "birds") == tmp_path
    with pytest.raises(UserError, match=r"a folder with birds, received none; .*`data_dir`"):
        needs_folder(None, "birds")


@pytest.fixture
def splits(write, files, tmp_path):
    tree = PictureTree(write(tmp_path / "data", files))
    return [SplitFiles(tree, {c: by_folder(tree)[c]}) for c in "abc"]


def test_classes_and_pictures_are_counted(splits):
    expected = {"train": 1, "val": 1, "test": 1}
    with pytest.raises(UserError, match="expected 2 pictures of b, got 3; copy or unpack"):
        check_counts(splits, expected, 2, "toy")
    with pytest.raises(UserError, match="expected 2 toy classes in the val split, got 1"):
        check_counts(splits, {**expected, "val": 2}, 2, "toy")
    check_counts(splits[:1], {"train": 1}, 2, "toy")


def test_a_class_is_in_one_split(splits):
    check_disjoint(dict(zip(("train", "val", "test"), splits, strict=True)))
    with pytest.raises(UserError, match="every class in one split only, got a in train and in val"):
        check_disjoint({"train": splits[0], "val": splits[0]})


@pytest.mark.parametrize(
    ("listed", "there", "problems"),
    [
        ({"a", "b"}, {"b"}, "1 listed are missing, such as a"),
        ({"b"}, {"b", "c", "d"}, "2 are not listed, such as c"),
        ({"a"}, {"b"}, "1 listed are missing, such as a; 1 are not listed, such as b"),
    ],
)
def test_lists_say_what_is_there(listed, there, problems, tmp_path):
    check_same_files(there, there, "list", tmp_path)
    with pytest.raises(UserError, match=f"^list: expected the list of .*; {problems}$"):
        check_same_files(listed, there, "list", tmp_path)


def test_lists_are_read_within_bounds(tmp_path, monkeypatch):
    (tmp_path / "list").write_bytes("\ufeffa é".encode())
    assert read_list(tmp_path / "list") == "a é"  # An editor may begin it with a mark.
    monkeypatch.setattr(class_folders, "MOST_OF_A_LIST", 3)
    with pytest.raises(ValueError, match="more than 0 MiB"):
        read_list(tmp_path / "list")
    with pytest.raises(FileNotFoundError):
        read_list(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="something that is no file"):
        read_list(tmp_path / "pipe")
