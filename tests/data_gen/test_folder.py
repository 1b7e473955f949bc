"""A folder of one's own pictures: any layout and format, or one clear line."""

import dataclasses
import json
import logging
import os
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_gen import folder, pictures
from data_gen.errors import UserError
from data_gen.identity import SplitIdentity
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


def test_the_message_about_too_few_classes_counts_them_and_says_what_helps(
    write, classes, tmp_path, assert_refused
):
    five = {name: data for name, data in classes.items() if name < "class5"}
    root = write(tmp_path / "data", five)
    shares = "three splits of at least 2 classes each (64% of them for training, 16% for validation"
    helps = "take 6; add classes; to evaluate only, take all classes as one split with `eval_split="
    assert_refused(
        folder.load, root, "the folder has 5, of which 5 are large enough", shares, helps
    )

    def load_four(request):
        return folder.load(dataclasses.replace(request, per_class=4))

    assert_refused(
        load_four, root, "at least 2 classes with 4 or more pictures in the train split, got 0",
        "the folder has 5, of which 3 are large enough", "take 6; add classes, add pictures, or ask"
    )  # fmt: skip


def test_two_classes_are_enough_if_they_are_not_divided(
    write, classes, tmp_path, assert_refused, caplog
):
    two = {name: data for name, data in classes.items() if name < "class2"}
    root = write(tmp_path / "data", two)
    assert_refused(folder.load, root, "`eval_split=all`")
    splits = load(root, tmp_path, divided=False)
    assert [split.names for split in splits] == [(), (), ("class0", "class1")]
    assert splits.all is splits.test

    def load_four(request):
        return folder.load(dataclasses.replace(request, divided=False, per_class=4))

    assert_refused(
        load_four, root, "at least 2 classes with 4 or more pictures; the folder has 2, of which 1",
        "is large enough; add classes, add pictures, or ask for fewer `shots` or `query_shots`"
    )  # fmt: skip


def test_undivided_classes_depend_on_no_seed(write, classes, tmp_path, assert_same_pools):
    root = write(tmp_path / "data", classes)
    first, second = (load(root, tmp_path, divided=False, split_seed=seed) for seed in (0, 3))
    assert_same_pools(first, second)
    assert first.test.names == tuple(f"class{c}" for c in range(10))


def test_folders_that_say_which_split_are_joined_by_their_classes(
    write, draw, tmp_path, assert_refused
):
    names = ["train/b/1.png", "val/c/1.png", "test/a/1.png"]
    root = write(tmp_path / "data", {name: draw(i) for i, name in enumerate(names)})
    assert load(root, tmp_path, divided=False).all.names == ("a", "b", "c")
    (root / "val/a").mkdir()
    (root / "val/a/1.png").write_bytes(draw(0))

    def load_all(request):
        return folder.load(dataclasses.replace(request, divided=False))

    assert_refused(load_all, root, "expected every class in one split only, got a in val and in te")
    # One of the three alone is a folder like any other.
    alone = write(tmp_path / "alone", {"set/test/a/1.png": draw(1), "set/test/b/1.png": draw(2)})
    assert load(alone, tmp_path, divided=False).all.names == ("test/a", "test/b")


def test_class_names_of_any_bytes_work(write, draw, tmp_path, caplog):
    """Undecodable, with a line break, and one too small, which the warning names."""
    odd = [b"caf\xe9", b"\xff\xfe", b"two\nlines", b"d", b"e", b"f"]
    names = [os.fsdecode(name) for name in odd]
    files = {f"{name}/{i}.png": draw(n) for n, name in enumerate(names) for i in range(2)}
    small = os.fsdecode(b"small\xff\n")
    root = write(tmp_path / "data", {**files, f"{small}/1.png": draw(9)})
    (root / names[0] / os.fsdecode(b"\xff.txt")).write_bytes(b"")
    splits = load(root, tmp_path, per_class=2)
    assert {name for split in splits for name in split.names} == set(names)
    assert "small\\udcff\\n (1)" in caplog.text
    for record in caplog.records:
        assert "\n" not in record.getMessage()
        record.getMessage().encode()
    for split in splits:
        json.dumps(SplitIdentity.of(split).to_json(), ensure_ascii=True)
        assert len(split.fingerprint) == 64


def test_the_fingerprint_does_not_depend_on_where_the_files_are(write, classes, tmp_path):
    roots = [
        write(tmp_path / "folders", classes),
        write(tmp_path / "moved/set", classes),
        write(tmp_path / "set.zip", classes),
    ]
    for file in roots[1].rglob("*.*"):
        os.utime(file, (1, 1))
    loaded = [load(root, tmp_path / str(i)) for i, root in enumerate(roots)]
    for splits in loaded:
        for ours, theirs in zip(splits, loaded[0], strict=True):
            assert ours.fingerprint == theirs.fingerprint
            assert SplitIdentity.of(ours) == SplitIdentity.of(theirs)
    assert len({split.fingerprint for split in loaded[0]}) == 3


def test_pipes_and_devices_among_the_pictures_are_named_and_stop_nothing(
    write, classes, tmp_path, caplog
):
    root = write(tmp_path / "data", classes)
    os.mkfifo(root / "class0/pipe.png")
    (root / "class1/zero.png").symlink_to("/dev/zero")
    splits = load(root, tmp_path)
    assert sum(sum(split.counts) for split in splits) == len(classes)
    assert [record.getMessage() for record in caplog.records] == [
        f"{root}: passing over what is neither a file nor a folder (2): class0/pipe.png, "
        "class1/zero.png"
    ]


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
