"""CIFAR-FS in each layout: the same pools, or one clear line."""

import pytest

from data_gen import cifar_fs
from data_gen.request import DataRequest

CLASSES = {"train": ("bed", "apple"), "val": ("sea",), "test": ("man", "bus")}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """5 classes of 2 pictures."""
    counts = {split: len(classes) for split, classes in CLASSES.items()}
    monkeypatch.setattr(cifar_fs, "CLASSES", counts)
    monkeypatch.setattr(cifar_fs, "PICTURES", 2)


@pytest.fixture(scope="session")
def pictures(draw):
    return {
        (split, name, f"{name}_{i}.png"): draw(10 * sum(name.encode()) + i, size=(32, 32))
        for split, names in CLASSES.items()
        for name in names
        for i in range(2)
    }


@pytest.fixture(scope="session")
def lists():
    return {f"splits/bertinetto/{split}.txt": "\n".join(names) for split, names in CLASSES.items()}


def load(root, tmp_path, **options):
    request = DataRequest(data_dir=str(root), cache_dir=str(tmp_path / "cache"), **options)
    return cifar_fs.load(request)


def test_every_layout_gives_the_same(write, pictures, lists, tmp_path, assert_same_pools):
    def laid_out(path):
        return {path.format(*parts): data for parts, data in pictures.items()}

    roots = [
        write(tmp_path / "plain", laid_out("{}/{}/{}")),
        write(tmp_path / "parent/cifar_fs", laid_out("meta-{}/{}/{}")).parent,
        write(tmp_path / "lists", {**laid_out("data/{1}/{2}"), **lists}),
        write(tmp_path / "deep/cifar-fs", {**laid_out("data/{1}/{2}"), **lists}).parent,
    ]
    zips = tmp_path / "zips"
    for split in CLASSES:
        part = {name: d for name, d in laid_out("{}/{}/{}").items() if name.startswith(split)}
        write(zips / f"{split}.zip", part)
    loaded = [load(root, tmp_path / str(i)) for i, root in enumerate([*roots, zips])]
    for splits in loaded:
        assert_same_pools(loaded[0], splits)
        assert [split.names for split in splits] == [("apple", "bed"), ("sea",), ("bus", "man")]
        assert splits.val.image_shape == (32, 32, 3)


def test_size_and_channels(write, pictures, tmp_path):
    root = write(tmp_path / "data", {"/".join(parts): data for parts, data in pictures.items()})
    assert load(root, tmp_path, image_size=(5, 6), channels=1).val.image_shape == (5, 6, 1)


def test_unknown_layout(tmp_path, assert_refused):
    assert_refused(cifar_fs.load, tmp_path, "expected train, val and test of CIFAR-FS")


def test_half_copied(write, pictures, tmp_path, assert_refused):
    files = {"/".join(parts): data for parts, data in pictures.items()}
    del files["val/sea/sea_1.png"]
    root = write(tmp_path / "data", files)
    assert_refused(cifar_fs.load, root, "expected 2 pictures of sea, got 1")


def test_lists_and_folders_must_agree(write, pictures, lists, tmp_path, assert_refused):
    files = {f"data/{name}/{file}": data for (_, name, file), data in pictures.items()}
    shorter = {**files, **lists, "splits/bertinetto/test.txt": "man"}
    root = write(tmp_path / "short", shorter)
    assert_refused(cifar_fs.load, root, "1 are not listed, such as bus")
    root = write(tmp_path / "long", {**files, **lists, "splits/bertinetto/test.txt": "man bus cat"})
    assert_refused(cifar_fs.load, root, "1 listed are missing, such as cat")
    del shorter["splits/bertinetto/test.txt"]
    root = write(tmp_path / "none", shorter)
    assert_refused(cifar_fs.load, root, "expected train, val and test.txt")
