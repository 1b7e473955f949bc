"""CUB from the official folder and from TensorFlow Datasets, or one clear line."""

import numpy as np
import pytest
import requests

from data_gen import cub
from data_gen.errors import UserError
from data_gen.request import DataRequest

COUNTS = [2, 3, 1, 2, 3, 1, 2, 2]  # pictures of the eight species


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(cub, "SPECIES", len(COUNTS))
    monkeypatch.setattr(cub, "PICTURES", sum(COUNTS))


@pytest.fixture(scope="session")
def pictures(draw):
    """Contents by path; the species are not in the order of their names."""
    return {
        f"{c + 1:03d}.Bird_{'HGFEDCBA'[c]}/Bird_{i:04d}.jpg": draw(
            10 * c + i, "jpg", size=(9, 7 + c)
        )
        for c, count in enumerate(COUNTS)
        for i in range(count)
    }


@pytest.fixture(scope="session")
def files(pictures):
    names = sorted(pictures, reverse=True)
    return {
        **{f"images/{name}": data for name, data in pictures.items()},
        "images.txt": "".join(f"{i} {name}\n" for i, name in enumerate(names, 1)),
        "image_class_labels.txt": "".join(f"{i} {int(n[:3])}\n" for i, n in enumerate(names, 1)),
        "bounding_boxes.txt": "",
    }


def load(root, tmp_path, **options):
    request = DataRequest(data_dir=str(root), cache_dir=str(tmp_path / "cache"), **options)
    return cub.load(request)


def test_split_counts_and_names(write, files, tmp_path):
    splits = load(write(tmp_path / "data", files), tmp_path)
    numbers = [[int(name[:3]) - 1 for name in split.names] for split in splits]
    assert numbers == [[0, 2, 4, 6], [1, 5], [3, 7]]
    for split, of_split in zip(splits, numbers, strict=True):
        assert list(split.counts) == [COUNTS[number] for number in of_split]
        assert split.image_shape == (84, 84, 3)


def test_places_size_and_channels(write, files, tmp_path, assert_same_pools):
    roots = [
        write(tmp_path / "a", files),
        write(tmp_path / "b/CUB_200_2011", files).parent,
        write(tmp_path / "c/cub", files).parent,
        write(tmp_path / "d/cub/CUB_200_2011", files).parents[1],
    ]
    options = {"image_size": (5, 6), "channels": 1}
    loaded = [load(root, tmp_path / str(i), **options) for i, root in enumerate(roots)]
    for splits in loaded:
        assert_same_pools(loaded[0], splits)
    assert loaded[0].val.image_shape == (5, 6, 1)


def test_pictures_go_with_their_names(write, files, pictures, tmp_path):
    splits = load(write(tmp_path / "data", files), tmp_path)
    for split in splits:
        for start, name in zip(split.starts, split.names, strict=True):
            first = min(path for path in pictures if path.startswith(name))
            expected = cub.decode_picture(pictures[first], first, (84, 84), "RGB")
            np.testing.assert_array_equal(split.images[start], expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images.txt": None}, "expected the folder CUB_200_2011 with images.txt"),
        ({"images/001.Bird_H/Bird_0001.jpg": None}, "1 listed are missing, such as 001.Bird_H/Bir"),
        ({"images/001.Bird_H/new.jpg": b""}, "1 are not listed, such as 001.Bird_H/new.jpg"),
        ({"image_class_labels.txt": "1 1\n"}, "expected a number of a species for each picture"),
        ({"image_class_labels.txt": None}, "expected lines of two words"),
        ({"images.txt": "1 2 3\n"}, "expected lines of two words"),
        ({"images.txt": b"\xff\n"}, "expected lines of two words"),
    ],
)
def test_missing_and_damaged(changes, message, write, files, tmp_path, assert_refused):
    changed = {name: data for name, data in {**files, **changes}.items() if data is not None}
    assert_refused(cub.load, write(tmp_path / "data", changed), message)


def test_half_copied(write, files, tmp_path, assert_refused, monkeypatch):
    monkeypatch.setattr(cub, "PICTURES", 17)
    root = write(tmp_path / "data", files)
    assert_refused(cub.load, root, "expected 17 pictures of 8 species, got 16 of 8")


@pytest.fixture
def tfds():
    return pytest.importorskip("tensorflow_datasets")


def fake_as_dataset(pictures):
    """What `tfds.testing.mock_data` needs to serve the small data set, in another order."""
    import tensorflow as tf

    def as_dataset(self, split, **kwargs):
        assert "decoders" in kwargs
        part = list(pictures.items())[1 if split == "train" else 0 :: 2][::-1]
        return tf.data.Dataset.from_tensor_slices(
            {
                "image": [data for _, data in part],
                "image/filename": [f"CUB_200_2011/images/{path}" for path, _ in part],
            }
        )

    return as_dataset


def test_tfds_gives_the_same(tfds, write, files, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(requests, "head", lambda *args, **kwargs: None)
    with tfds.testing.mock_data(as_dataset_fn=fake_as_dataset(pictures)):
        served = cub.load(DataRequest(cache_dir=str(tmp_path / "served")))
        monkeypatch.setattr("PIL.__version__", "0")
        cub.load(DataRequest(cache_dir=str(tmp_path / "served")))
    assert len(list((tmp_path / "served").iterdir())) == 2  # Another Pillow decodes anew.
    official = load(write(tmp_path / "data", files), tmp_path)
    for ours, theirs in zip(served, official, strict=True):
        assert (ours.names, ours.counts) == (theirs.names, theirs.counts)
        np.testing.assert_array_equal(ours.images, theirs.images)


def test_a_package_that_is_missing_is_named(tfds, tmp_path, monkeypatch):
    def lack(*args, **kwargs):
        raise ImportError("Failed importing scipy")

    monkeypatch.setattr(requests, "head", lambda *args, **kwargs: None)
    with tfds.testing.mock_data():
        monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", lack)
        with pytest.raises(UserError, match="for CUB; Failed importing scipy"):
            cub.load(DataRequest(cache_dir=str(tmp_path)))


def test_offline(tfds, tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise requests.exceptions.ConnectionError("no\nnetwork")

    monkeypatch.setattr(requests, "head", refuse)
    with tfds.testing.mock_data(), pytest.raises(UserError, match="download CUB") as caught:
        cub.load(DataRequest(cache_dir=str(tmp_path)))
    assert "`data_dir`" in str(caught.value)
    assert "\n" not in str(caught.value)
