"""A folder of one's own pictures: any layout and format, or one clear line."""

import dataclasses
import logging
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_gen import folder, pictures
from data_gen.errors import UserError
from data_gen.picture_tree import PictureTree
from data_gen.pictures import decode_picture
from data_gen.request import DataRequest

KINDS = (
    ("png", "RGB"), ("jpg", "L"), ("bmp", "RGB"), ("gif", "L"), ("webp", "RGBA"),
    ("tiff", "CMYK"), ("png", "1"), ("png", "LA"), ("avif", "RGB"), ("ppm", "RGB"),
)  # fmt: skip


@pytest.fixture(scope="session")
def classes(draw):
    """Ten classes with 3 to 5 pictures of all kinds and sizes."""
    files = {}
    for c in range(10):
        for i in range(3 + c % 3):
            suffix, mode = KINDS[(c + i) % len(KINDS)]
            files[f"class{c}/{i}.{suffix}"] = draw(10 * c + i, suffix, mode, (5 + c, 9 + i))
    return files


def load(root, tmp_path, **options):
    request = DataRequest(data_dir=str(root), cache_dir=str(tmp_path / "cache"), **options)
    return folder.load(request)


def below(prefix, files):
    return {f"{prefix}{name}": data for name, data in files.items()}


def test_every_layout_gives_the_same(write, classes, tmp_path, assert_same_pools):
    roots = [
        write(tmp_path / "folders", classes),
        write(tmp_path / "wrapped", below("pictures/all/", classes)),
        write(tmp_path / "set.zip", classes),
        write(tmp_path / "wrapped.zip", below("set/", classes)),
    ]
    loaded = [load(root, tmp_path / str(i)) for i, root in enumerate(roots)]
    for splits in loaded:
        assert_same_pools(loaded[0], splits)
    assert [split.num_classes for split in loaded[0]] == [6, 2, 2]
    for split in loaded[0]:
        assert split.image_shape == (84, 84, 3)
        assert split.counts == tuple(3 + int(name[-1]) % 3 for name in split.names)


def test_size_and_channels(write, classes, tmp_path):
    root = write(tmp_path / "data", classes)
    assert load(root, tmp_path, image_size=(5, 6), channels=1).val.image_shape == (5, 6, 1)


def test_folders_may_say_which_split_and_classes_may_be_nested(write, classes, tmp_path):
    files = {}
    for name, data in classes.items():
        number = int(name[5])
        split = "train" if number < 6 else "val" if number < 8 else "test"
        files[f"set/{split}/kind{number % 2}/{name}"] = data
    splits = load(write(tmp_path / "data", files), tmp_path)
    assert splits.val.names == ("kind0/class6", "kind1/class7")
    assert [split.num_classes for split in splits] == [6, 2, 2]


def test_pictures_go_with_their_names(write, classes, tmp_path):
    splits = load(write(tmp_path / "data", classes), tmp_path)
    for split in splits:
        for start, name in zip(split.starts, split.names, strict=True):
            first = min(file for file in classes if file.startswith(name))
            expected = decode_picture(classes[first], first, (84, 84), "RGB")
            np.testing.assert_array_equal(split.images[start], expected)


def test_small_classes_are_left_out_with_one_line(write, classes, tmp_path, caplog):
    root = write(tmp_path / "data", classes)
    with caplog.at_level(logging.WARNING):
        splits = load(root, tmp_path, per_class=4)
    (record,) = caplog.records
    assert record.getMessage() == (
        "leaving out classes with fewer than 4 pictures: "
        "class0 (3), class3 (3), class6 (3), class9 (3)"
    )
    names = {name for split in splits for name in split.names}
    assert names == {f"class{c}" for c in (1, 2, 4, 5, 7, 8)}
    assert [split.num_classes for split in splits] == [2, 2, 2]


def test_small_classes_of_splits_are_left_out(write, draw, tmp_path, caplog):
    counts = {"train/a": 3, "train/b": 3, "train/c": 1, "val/d": 2, "val/e": 2, "test/f": 4}
    counts["test/g"] = 2
    names = [f"{name}/{i}.png" for name, count in counts.items() for i in range(count)]
    root = write(tmp_path / "data", {name: draw(i) for i, name in enumerate(names)})
    splits = load(root, tmp_path, per_class=2)
    assert [split.names for split in splits] == [("a", "b"), ("d", "e"), ("f", "g")]
    assert "train/c (1)" in caplog.text


@pytest.mark.parametrize("name", ["data", "set.zip"])
def test_a_class_without_pictures_is_left_out_by_its_name(name, write, classes, tmp_path, caplog):
    root = write(tmp_path / name, below("set/", {**classes, "none/1.heic": b"", "none/2.txt": b""}))
    if root.is_dir():
        (root / "set/empty").mkdir()
    else:
        with zipfile.ZipFile(root, "a") as archive:
            archive.writestr("set/empty/", "")
    splits = load(root, tmp_path)
    assert [record.getMessage() for record in caplog.records] == [
        "passing over files in no known format of pictures (2): set/none/1.heic, set/none/2.txt",
        "leaving out classes with fewer than 1 pictures: empty (0), none (0)",
    ]
    assert sum(split.num_classes for split in splits) == 10


def test_files_in_class_folders_that_are_no_pictures_are_counted(write, classes, tmp_path, caplog):
    others = {f"class{c}/{c}.heic": b"" for c in range(5)}
    junk = ("class0/.DS_Store", "class0/Thumbs.db", "class1/.git/x", "README.txt")
    files = below("pictures/", {**classes, **others, **dict.fromkeys(junk, b"")})
    load(write(tmp_path / "data", {**files, "boxes/1.xml": b"", "list.csv": b""}), tmp_path)
    (record,) = caplog.records
    assert record.getMessage() == (
        "passing over files in no known format of pictures (5): pictures/class0/0.heic, "
        "pictures/class1/1.heic, pictures/class2/2.heic, …"
    )


def test_empty_folders_do_not_change_the_splits(write, classes, tmp_path, assert_same_pools):
    root = write(tmp_path / "data", below("pictures/", classes))
    before = load(root, tmp_path / "before")
    for name in ("notes", "pictures/empty"):
        (root / name).mkdir()
    assert_same_pools(before, load(root, tmp_path / "after"))


def test_class_folders_may_be_links(write, classes, tmp_path, assert_same_pools):
    there = write(tmp_path / "there", classes)
    here = tmp_path / "here"
    here.mkdir()
    for c in range(10):
        (here / f"class{c}").symlink_to(there / f"class{c}")
    assert_same_pools(load(there, tmp_path), load(here, tmp_path))


def test_pictures_of_a_format_that_was_unknown_are_not_missing_from_an_old_cache(
    write, classes, tmp_path, monkeypatch
):
    root = write(tmp_path / "data", classes)
    with monkeypatch.context() as patch:
        patch.setattr(pictures, "suffixes", lambda: {".png", ".jpg", ".bmp", ".webp"})
        before = load(root, tmp_path)
    now = load(root, tmp_path)
    assert sum(map(len, (split.images for split in now))) == len(classes)
    assert sum(map(len, (split.images for split in before))) < len(classes)


def test_too_few_classes_remain(write, classes, tmp_path, assert_refused):
    root = write(tmp_path / "data", classes)

    def load_five(request):
        return folder.load(dataclasses.replace(request, per_class=5))

    assert_refused(load_five, root, "expected at least 2 classes with 5 or more", "`query_shots`")
    some = {name: data for name, data in classes.items() if name < "class5"}
    root = write(tmp_path / "few", some)
    assert_refused(folder.load, root, "expected at least 2 classes", "in the train split, got 1")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loose.png": b""}, "got loose.png in none"),
        ({"train/a/1.png": b""}, "expected the folders train, val and test, or none of them"),
    ],
)
def test_unclear_layouts(changes, message, write, classes, tmp_path, assert_refused):
    assert_refused(folder.load, write(tmp_path / "data", {**classes, **changes}), message)


def test_pictures_of_a_split_need_class_folders_too(write, tmp_path, assert_refused):
    names = ["train/a/1.png", "val/b/1.png", "test/1.png"]
    root = write(tmp_path / "data", dict.fromkeys(names, b""))
    assert_refused(
        folder.load, root, "expected pictures in a folder for each class, got test/1.png"
    )


def test_no_pictures(tmp_path, assert_refused):
    with pytest.raises(UserError, match="pictures in a folder for each class, received none"):
        folder.load(DataRequest())
    assert_refused(folder.load, tmp_path, "expected pictures in a folder for each class, got none")
    assert_refused(folder.load, tmp_path / "nowhere", "expected a folder or a whole zip")


def test_no_pictures_among_other_files(write, tmp_path, assert_refused):
    root = write(tmp_path / "data", {"a/1.heic": b"", "a/2.heic": b"", "b/.hidden": b""})
    assert_refused(folder.load, root, "got none among 2 files, such as a/1.heic")


def test_a_class_in_two_splits_is_refused(write, draw, tmp_path, assert_refused):
    names = [f"{s}/{c}/{i}.png" for s in ("train", "val", "test") for c in "ab" for i in range(2)]
    root = write(tmp_path / "data", {name: draw(0) for name in names})
    assert_refused(folder.load, root, "expected every class in one split only, got a in train and")


def test_an_unreadable_picture_is_named(write, classes, tmp_path, assert_refused):
    root = write(tmp_path / "data", {**classes, "class3/new.png": b"no picture"})
    assert_refused(folder.load, root, "class3/new.png: expected a whole picture")


def test_a_seed_chooses_the_split(write, classes, tmp_path, assert_same_pools):
    root = write(tmp_path / "data", classes)
    default, zero, one, again, three = (
        load(root, tmp_path, **options)
        for options in ({}, *({"split_seed": seed} for seed in (0, 1, 1, 3)))
    )
    assert_same_pools(default, zero)
    assert_same_pools(one, again)
    assert len({tuple(sorted(splits.test.names)) for splits in (zero, one, three)}) == 3


def test_the_split_of_no_seed_is_that_of_earlier_versions():
    dealt = folder._dealt({f"class{c:02d}": [] for c in range(12)}, 0)
    assert list(dealt["val"]) == ["class04", "class01"]
    assert list(dealt["test"]) == ["class03", "class05"]


@settings(deadline=None, max_examples=20)
@given(
    names=st.sets(st.text("abcdefgh", min_size=1, max_size=4), min_size=6, max_size=40),
    seed=st.integers(0, 3),
)
def test_every_class_is_dealt_to_one_split_whatever_the_order(names, seed):
    def deal(order):
        splits = folder._dealt({name: [f"{name}/1.png"] for name in order}, seed)
        return {split: list(classes) for split, classes in splits.items()}

    dealt = deal(sorted(names))
    assert sorted(name for part in dealt.values() for name in part) == sorted(names)
    assert min(map(len, dealt.values())) >= 2
    assert deal(sorted(names, reverse=True)) == dealt


def test_listing_reads_no_picture(write, classes, tmp_path, monkeypatch):
    root = write(tmp_path / "data", classes)
    first = load(root, tmp_path)
    monkeypatch.setattr(PictureTree, "read", lambda *_: pytest.fail("read"))
    again = load(root, tmp_path)
    np.testing.assert_array_equal(first.test.images, again.test.images)
