"""Damaged pictures: all named at once, or left out with one warning that counts them."""

import logging
import os
import zipfile

import pytest

from data_gen import damage, folder, mini_imagenet, omniglot
from data_gen.errors import UserError
from data_gen.picture_tree import PictureTree
from data_gen.request import DataRequest

BAD = ("class1/1.png", "class1/3.png", "class4/0.png", "class7/2.png", "class9/3.png")


@pytest.fixture(scope="module")
def files(draw):
    """Ten classes of four pictures, five of which are damaged."""
    whole = {f"class{c}/{i}.png": draw(10 * c + i) for c in range(10) for i in range(4)}
    return {name: data[:40] if name in BAD else data for name, data in whole.items()}


@pytest.fixture
def request_for(tmp_path):
    def make(root, **options):
        return DataRequest(data_dir=str(root), cache_dir=str(tmp_path / "cache"), **options)

    return make


def test_all_damaged_pictures_are_named_in_one_line(write, files, tmp_path, request_for):
    root = write(tmp_path / "data", files)
    with pytest.raises(UserError) as caught:
        folder.load(request_for(root))
    message = str(caught.value)
    assert message.startswith(f"{root}/class1/1.png: expected a whole picture, got one that ")
    assert message.endswith(
        f"; and 4 more: {root}/class1/3.png, {root}/class4/0.png, {root}/class7/2.png, …; "
        "`skip_damaged` leaves damaged pictures out"
    )
    assert "\n" not in message


def test_damaged_pictures_of_classes_that_are_not_used_stop_nothing(
    write, files, draw, tmp_path, request_for
):
    small = {name: data for name, data in files.items() if name not in BAD}
    root = write(tmp_path / "data", {**small, "small/1.png": b"", "small/2.png": b""})
    splits = folder.load(request_for(root, per_class=3))
    assert "small" not in {name for split in splits for name in split.names}
    # Another is in use, so that all are looked for; only that one is named.
    (root / "class0/9.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"class0/9\.png: expected a whole picture.*; `skip") as e:
        folder.load(request_for(root, per_class=3))
    assert "more" not in str(e.value)


@pytest.mark.parametrize("name", ["data", "set.zip"])
def test_damaged_pictures_are_left_out_and_accounted_for(
    name, write, files, tmp_path, request_for, caplog, assert_same_pools
):
    root = write(tmp_path / name, files)
    splits = folder.load(request_for(root, skip_damaged=True))
    (record,) = caplog.records
    tree = PictureTree(root)
    named = ", ".join(map(tree.path, BAD[:3]))
    assert record.levelno == logging.WARNING
    assert record.getMessage() == f"leaving out damaged pictures (5): {named}, …"
    counts = {n: c for split in splits for n, c in zip(split.names, split.counts, strict=True)}
    assert counts == {f"class{c}": {1: 2, 4: 3, 7: 3, 9: 3}.get(c, 4) for c in range(10)}
    assert sum(counts.values()) == len(files) - len(BAD)
    whole = {name: data for name, data in files.items() if name not in BAD}
    expected = folder.load(request_for(write(tmp_path / "whole", whole)))
    assert_same_pools(splits, expected)


def test_each_start_says_so_and_none_looks_again(
    write, files, tmp_path, request_for, caplog, monkeypatch, assert_same_pools
):
    root = write(tmp_path / "data", files)
    first = folder.load(request_for(root, skip_damaged=True))
    monkeypatch.setattr(PictureTree, "opened", lambda *_: pytest.fail("read"))
    assert_same_pools(first, folder.load(request_for(root, skip_damaged=True)))
    assert len(caplog.records) == 2


def test_a_class_that_becomes_too_small_is_left_out_like_others(
    write, files, tmp_path, request_for, caplog
):
    root = write(tmp_path / "data", files)
    splits = folder.load(request_for(root, skip_damaged=True, per_class=3))
    assert "class1" not in {name for split in splits for name in split.names}
    assert caplog.records[1].getMessage() == (
        "leaving out classes with fewer than 3 pictures: class1 (2)"
    )


def test_a_class_without_a_whole_picture_is_left_out(write, files, tmp_path, request_for, caplog):
    broken = {name: b"" if name.startswith("class3/") else data for name, data in files.items()}
    folder.load(request_for(write(tmp_path / "data", broken), skip_damaged=True))
    assert "fewer than 1 pictures: class3 (0)" in caplog.text


def test_without_damage_nothing_is_said_and_the_arrays_are_the_same(
    write, files, tmp_path, request_for, caplog, assert_same_pools
):
    whole = {name: data for name, data in files.items() if name not in BAD}
    root = write(tmp_path / "data", whole)
    splits = folder.load(request_for(root))
    assert_same_pools(splits, folder.load(request_for(root, skip_damaged=True)))
    assert not caplog.records
    assert len(list((tmp_path / "cache").glob(f"folder-{16 * '?'}"))) == 1  # Not decoded twice.


@pytest.fixture
def small_mini_imagenet(monkeypatch, draw):
    monkeypatch.setattr(mini_imagenet, "CLASSES", dict.fromkeys(("train", "val", "test"), 1))
    monkeypatch.setattr(mini_imagenet, "PICTURES", 3)
    names = ("train/n1", "val/n2", "test/n3")
    return {f"{name}/{i}.jpg": draw(i, "jpg") for name in names for i in range(3)}


def test_fixed_sizes_are_checked_before_damaged_pictures_are_left_out(
    small_mini_imagenet, write, tmp_path, request_for, caplog
):
    files = {**small_mini_imagenet, "train/n1/0.jpg": b"x", "test/n3/2.jpg": b"x"}
    root = write(tmp_path / "data", files)
    with pytest.raises(UserError, match=r"test/n3/2\.jpg.*; and 1 more: .*train/n1/0\.jpg; `skip"):
        mini_imagenet.load(request_for(root))
    splits = mini_imagenet.load(request_for(root, skip_damaged=True))
    assert [split.counts for split in splits] == [(2,), (3,), (2,)]
    assert caplog.text.count("leaving out damaged pictures (2)") == 1
    (root / "val/n2/1.jpg").unlink()
    with pytest.raises(UserError, match="expected 3 pictures of n2, got 2"):
        mini_imagenet.load(request_for(root, skip_damaged=True))


def test_a_class_of_a_fixed_data_set_without_a_whole_picture_is_named(
    small_mini_imagenet, write, tmp_path, request_for
):
    files = {n: b"x" if n.startswith("val") else d for n, d in small_mini_imagenet.items()}
    root = write(tmp_path / "data", files)
    with pytest.raises(UserError, match="expected whole pictures of n2, all 3 are damaged"):
        mini_imagenet.load(request_for(root, skip_damaged=True))


def test_omniglot_is_treated_alike(monkeypatch, write, draw, tmp_path, request_for, caplog):
    sets = {"images_background": 4, "images_evaluation": 2}
    monkeypatch.setattr(omniglot, "EXPECTED_CHARACTERS", sets)
    monkeypatch.setattr(omniglot, "DRAWINGS", 2)
    monkeypatch.setattr(omniglot, "TRAIN_CLASSES", 2)
    monkeypatch.setattr(omniglot, "VAL_CLASSES", 2)
    files = {
        f"{name}/{name[-3:]}/character0{c + 1}/{i}.png": draw(i)
        for name, count in sets.items()
        for c in range(count)
        for i in range(2)
    }
    bad = ["images_background/und/character02/1.png", "images_evaluation/ion/character01/0.png"]
    root = write(tmp_path / "data", {**files, **dict.fromkeys(bad, b"x")})
    with pytest.raises(UserError, match=rf"{bad[0]}: .*; and 1 more: {root}/{bad[1]}; `skip"):
        omniglot.load(request_for(root))
    splits = omniglot.load(request_for(root, skip_damaged=True))
    counts = {n: c for split in splits for n, c in zip(split.names, split.counts, strict=True)}
    assert (counts["und/character02"], counts["ion/character01"]) == (1, 1)
    assert sum(counts.values()) == len(files) - 2
    assert "leaving out damaged pictures (2)" in caplog.text
    (root / bad[0]).unlink()
    with pytest.raises(UserError, match="expected 2 drawings of und/character02, got 1"):
        omniglot.load(request_for(root, skip_damaged=True))


def test_a_damaged_member_of_a_zip_is_a_damaged_picture(write, draw, tmp_path, request_for):
    files = {f"class{c}/{i}.bmp": draw(10 * c + i, "bmp") for c in range(6) for i in range(2)}
    root = write(tmp_path / "set.zip", files)
    data = root.read_bytes()
    root.write_bytes(data.replace(files["class5/1.bmp"][-20:], bytes(20)))
    with zipfile.ZipFile(root) as archive:
        assert archive.testzip() == "class5/1.bmp"
    with pytest.raises(UserError, match=r"set\.zip: class5/1\.bmp: expected a readable file"):
        folder.load(request_for(root))
    splits = folder.load(request_for(root, skip_damaged=True))
    assert sum(sum(split.counts) for split in splits) == 11


def test_pictures_that_the_system_cannot_read_are_not_left_out_for_ever(
    write, files, tmp_path, request_for, monkeypatch
):
    """A disk that fails today may not tomorrow, with the same files on it."""
    root = write(tmp_path / "data", files)
    with monkeypatch.context() as patch:
        read = PictureTree._read_file

        def fail(self, name):
            if name in ("class2/0.png", "class5/1.png"):
                raise OSError(5, "Input/output error")
            return read(self, name)

        patch.setattr(PictureTree, "_read_file", fail)
        for skip in (False, True):
            with pytest.raises(UserError, match=r"class2/0.*Input/output.*1 more: .*class5/1\.png"):
                folder.load(request_for(root, skip_damaged=skip))
    splits = folder.load(request_for(root, skip_damaged=True))
    assert sum(sum(split.counts) for split in splits) == len(files) - len(BAD)


def test_names_of_any_bytes_are_kept(write, draw, tmp_path):
    name = os.fsdecode(b"a\xff/1.png")
    tree = PictureTree(write(tmp_path / "data", {name: b"x", "a/2.png": draw(1)}))
    for _ in range(2):  # found, and kept
        found = damage._damaged(tree, str(tmp_path / "cache"), "toy")
        assert list(found) == [name]
        next(iter(found.values())).encode()


def test_nothing_damaged_is_an_answer_too(write, draw, tmp_path):
    tree = PictureTree(write(tmp_path / "data", {"a/2.png": draw(1)}))
    for _ in range(2):
        assert damage._damaged(tree, str(tmp_path / "cache"), "toy") == {}
    assert damage.leave_out([(tree, tree.names)], str(tmp_path), "toy") == [["a/2.png"]]


def test_what_fails_once_only_is_told_as_it_was(write, draw, tmp_path, request_for, monkeypatch):
    files = {f"class{c}/{i}.png": draw(c) for c in range(6) for i in range(2)}
    root, calls, read = write(tmp_path / "data", files), [], PictureTree._read_file

    def fail_first(self, name):
        calls.append(name)
        if len(calls) == 1:
            raise OSError("a hiccup")
        return read(self, name)

    monkeypatch.setattr(PictureTree, "_read_file", fail_first)
    with pytest.raises(UserError, match=r"\.png: expected a readable file, got: a hiccup$"):
        folder.load(request_for(root))
    assert len(calls) == 1 + len(files)
