"""mini-ImageNet in each layout: the same pools, or one clear line."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_gen import mini_imagenet
from data_gen.cache import arrays as cache
from data_gen.errors import UserError
from data_gen.request import DataRequest

REPOSITORY = Path(__file__).resolve().parents[2]
CLASSES = {"train": ("n03", "n01"), "val": ("n02",), "test": ("n04", "n05")}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """5 classes of 3 pictures."""
    counts = {split: len(classes) for split, classes in CLASSES.items()}
    monkeypatch.setattr(mini_imagenet, "CLASSES", counts)
    monkeypatch.setattr(mini_imagenet, "PICTURES", 3)


@pytest.fixture(scope="session")
def pictures(draw):
    """Contents by split, class and file."""
    return {
        (split, name, f"{name}{i:04d}.jpg"): draw(100 * int(name[1:]) + i, "jpg")
        for split, names in CLASSES.items()
        for name in names
        for i in range(3)
    }


@pytest.fixture(scope="session")
def files(pictures):
    return {"/".join(path): data for path, data in pictures.items()}


@pytest.fixture(scope="session")
def lists(pictures):
    return {
        f"{split}.csv": "filename,label\n"
        + "".join(f"{file},{name}\n" for s, name, file in pictures if s == split)
        for split in CLASSES
    }


def load(root, tmp_path, **options):
    request = DataRequest(data_dir=str(root), cache_dir=str(tmp_path / "cache"), **options)
    return mini_imagenet.load(request)


def split_zips(write, root, files):
    for split in CLASSES:
        part = {name: data for name, data in files.items() if name.startswith(split)}
        write(root / f"{split}.zip", part)
    return root


def test_every_layout_gives_the_same(write, pictures, files, lists, tmp_path, assert_same_pools):
    flat = {f"images/{file}": data for (_, _, file), data in pictures.items()}
    roots = {
        "folders": write(tmp_path / "folders", files),
        "with lists": write(tmp_path / "listed", {**files, **lists}),
        "zips": split_zips(write, tmp_path / "zips", files),
        "subfolder": write(tmp_path / "parent/mini_imagenet", files).parent,
        "one folder": write(tmp_path / "flat", {**flat, **lists}),
        "one zip": write(write(tmp_path / "one", lists) / "images.zip", flat).parent,
    }
    loaded = {name: load(root, tmp_path / name) for name, root in roots.items()}
    for splits in loaded.values():
        assert_same_pools(loaded["folders"], splits)
    assert [split.names for split in loaded["folders"]] == [
        ("n01", "n03"),
        ("n02",),
        ("n04", "n05"),
    ]


def test_pictures_go_with_their_names(write, pictures, files, tmp_path):
    splits = load(write(tmp_path / "data", files), tmp_path)
    for name, split in zip(CLASSES, splits, strict=True):
        assert split.image_shape == (84, 84, 3)
        for c, class_name in enumerate(split.names):
            for i in range(3):
                data = pictures[name, class_name, f"{class_name}{i:04d}.jpg"]
                expected = np.asarray(Image.open(io.BytesIO(data)))[0, 0]
                image = split.images[split.starts[c] + i]
                assert (image == expected).all()


def test_size_and_channels(write, files, tmp_path):
    root = write(tmp_path / "data", files)
    splits = load(root, tmp_path, image_size=(5, 6), channels=1)
    assert splits.test.image_shape == (5, 6, 1)
    assert load(root, tmp_path).test.image_shape == (84, 84, 3)


def test_large_pools_are_mapped_and_decoded_once(write, files, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "LARGE", 1000)
    root = write(tmp_path / "data", files)
    first = load(root, tmp_path)
    monkeypatch.setattr("data_gen.class_folders.decode_picture", lambda *_: pytest.fail("decoded"))
    for split, again in zip(first, load(root, tmp_path), strict=True):
        assert isinstance(again.images, np.memmap)
        np.testing.assert_array_equal(split.images, again.images)


def without(files, name):
    return {key: data for key, data in files.items() if key != name}


def test_missing_split(write, files, tmp_path, assert_refused):
    some = {name: data for name, data in files.items() if not name.startswith("val")}
    root = write(tmp_path / "data", some)
    assert_refused(mini_imagenet.load, root, "expected train, val and test of mini-ImageNet")
    assert_refused(mini_imagenet.load, tmp_path / "nowhere", "mini_imagenet")
    with pytest.raises(UserError, match="mini-ImageNet, received none; name it with `data_dir`"):
        mini_imagenet.load(DataRequest())


def test_half_copied(write, files, tmp_path, assert_refused):
    root = write(tmp_path / "one", without(files, "val/n02/n020001.jpg"))
    assert_refused(mini_imagenet.load, root, "expected 3 pictures of n02, got 2")
    some = {name: data for name, data in files.items() if "n04" not in name}
    root = write(tmp_path / "class", some)
    assert_refused(
        mini_imagenet.load, root, "expected 2 mini-ImageNet classes", "test split, got 1"
    )


def test_lists_and_pictures_must_agree(write, pictures, files, lists, tmp_path, assert_refused):
    fewer = without({**files, **lists}, "test/n05/n050002.jpg")
    root = write(tmp_path / "missing", fewer)
    assert_refused(mini_imagenet.load, root, "test.csv", "1 listed are missing", "n050002.jpg")
    root = write(tmp_path / "more", {**files, **lists, "test/n05/new.jpg": b""})
    assert_refused(mini_imagenet.load, root, "test.csv", "1 are not listed, such as n05/new.jpg")
    flat = {f"images/{file}": data for (_, _, file), data in pictures.items()}
    root = write(tmp_path / "flat", {**flat, **lists, "images/new.jpg": b""})
    assert_refused(mini_imagenet.load, root, "1 are not listed, such as new.jpg")
    root = write(
        tmp_path / "labels", {**files, **lists, "val.csv": "filename,label\nn020000.jpg\n"}
    )
    assert_refused(mini_imagenet.load, root, "val.csv: expected one label for each file")


@pytest.mark.parametrize("text", ["", "file,class\na,b\n", "\xff\xfe", 'filename,label\n"a'])
def test_damaged_list(text, write, files, lists, tmp_path, assert_refused):
    root = write(tmp_path / "data", {**files, **lists, "val.csv": text.encode("latin-1")})
    assert_refused(mini_imagenet.load, root, "val.csv: expected")


def test_a_class_in_two_splits_is_refused(write, files, tmp_path, assert_refused, monkeypatch):
    monkeypatch.setattr(mini_imagenet, "CLASSES", {"train": 3, "val": 1, "test": 2})
    copied = {name.replace("val", "train"): d for name, d in files.items() if "val" in name}
    root = write(tmp_path / "data", {**files, **copied})
    assert_refused(mini_imagenet.load, root, "got n02 in train and in val")


def test_truncated_picture_is_named(write, files, tmp_path, assert_refused):
    name = "test/n05/n050002.jpg"
    root = write(tmp_path / "data", {**files, name: files[name][:200]})
    assert_refused(mini_imagenet.load, root, name, "expected a whole picture")
    root = split_zips(write, tmp_path / "zips", {**files, name: files[name][:200]})
    assert_refused(mini_imagenet.load, root, f"test.zip: {name}", "expected a whole picture")


LOAD_VALIDATION = """
import re, sys
from data_gen import DataRequest, mini_imagenet
mini_imagenet.CLASSES = {"train": 16, "val": 16, "test": 16}
pools = mini_imagenet._of_folder(mini_imagenet.PictureTree(mini_imagenet.Path(sys.argv[1])),
                                 mini_imagenet.Path(sys.argv[2]))
empty = mini_imagenet.SplitFiles(pools.tree, {})
request = DataRequest(cache_dir=sys.argv[3])
splits = mini_imagenet.decoded([empty, pools, empty], (84, 84, 3), request, "mini_imagenet")
print(type(splits.val.images).__name__, splits.val.num_classes, set(splits.val.counts))
print(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_real_validation_split_is_decoded_in_little_memory(real_data, tmp_path):
    """9600 pictures are 203 MB; the rest is Python with NumPy and Pillow."""
    root = real_data / "mini_imagenet"
    if not root.is_dir():
        pytest.skip(f"needs mini-ImageNet in {root} (set DATA_DIR)")
    arguments = [root / "val.zip", root / "val.csv", tmp_path]
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", LOAD_VALIDATION, *map(str, arguments)],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        )
        described, peak = done.stdout.splitlines()
        assert described == "memmap 16 {600}"
        assert int(peak) / 1024 < 150  # MiB
