"""Omniglot out of folders, zips and TensorFlow Datasets: the same pools, or one clear line."""

import io
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import Image

from data_gen import omniglot
from data_gen.errors import UserError
from data_gen.request import DataRequest

ALPHABETS = {
    "images_background": {"Greek": 3, "Latin": 4},
    "images_evaluation": {"Tengwar": 5},
}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """12 characters with 3 drawings each, dealt out as 6, 2 and 4."""
    expected = {name: sum(alphabets.values()) for name, alphabets in ALPHABETS.items()}
    monkeypatch.setattr(omniglot, "EXPECTED_CHARACTERS", expected)
    monkeypatch.setattr(omniglot, "DRAWINGS", 3)
    monkeypatch.setattr(omniglot, "TRAIN_CLASSES", 6)
    monkeypatch.setattr(omniglot, "VAL_CLASSES", 2)


def fake_drawings():
    """Yields set, alphabet, character id, drawer and a black-and-white picture of each drawing."""
    rng = np.random.default_rng(0)
    for set_name, alphabets in ALPHABETS.items():
        for alphabet, characters in alphabets.items():
            for character in range(characters):
                for drawer in range(3):
                    yield set_name, alphabet, character, drawer, rng.random((105, 105)) < 0.95


def fake_files():
    """Paths and contents of the small data set's pictures."""
    for set_name, alphabet, character, drawer, pixels in fake_drawings():
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        file = f"{alphabet}/character{character + 1:02d}/{character:04d}_{drawer + 1:02d}.png"
        yield f"{set_name}/{file}", buffer.getvalue()


@pytest.fixture(scope="module")
def files():
    return dict(fake_files())


def write_folders(root, files):
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def write_zips(root, files):
    root.mkdir(parents=True, exist_ok=True)
    for set_name in ALPHABETS:
        with zipfile.ZipFile(root / f"{set_name}.zip", "w") as archive:
            for name, data in files.items():
                if set_name in name:
                    archive.writestr(name, data)
    return root


def load(root, tmp_path, **options):
    request = DataRequest(data_dir=str(root), cache_dir=str(tmp_path / "cache"), **options)
    return omniglot.load(request)


def assert_same(first, second):
    for a, b in zip(first, second, strict=True):
        assert (a.names, a.counts) == (b.names, b.counts)
        np.testing.assert_array_equal(a.images, b.images)


def assert_refused(root, tmp_path, *parts):
    with pytest.raises(UserError) as caught:
        load(root, tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    for part in (str(root), *parts):
        assert part in message


def test_split_and_names(files, tmp_path):
    splits = load(write_zips(tmp_path / "zips", files), tmp_path)
    assert [split.num_classes for split in splits] == [6, 2, 4]
    names = {name for split in splits for name in split.names}
    assert names == {"/".join(file.split("/")[1:3]) for file in files}
    assert "Tengwar/character05" in names


def test_pictures_go_with_their_names(files, tmp_path):
    splits = load(write_zips(tmp_path / "zips", files), tmp_path, invert=False)
    for split in splits:
        for i, name in enumerate(split.names):
            drawings = sorted(file for file in files if f"{name}/" in file)
            for image, file in zip(split.images[split.starts[i] :], drawings, strict=False):
                picture = Image.open(io.BytesIO(files[file])).convert("L")
                picture = picture.resize((28, 28), Image.Resampling.LANCZOS)
                np.testing.assert_array_equal(image[..., 0], np.asarray(picture))


def test_folders_and_zips_in_any_order_give_the_same(files, tmp_path):
    backwards = dict(reversed(files.items()))
    folders = load(write_folders(tmp_path / "folders", files), tmp_path)
    zips = load(write_zips(tmp_path / "zips", backwards), tmp_path)
    assert_same(folders, zips)
    mixed = write_zips(tmp_path / "mixed", files)
    (mixed / "images_background.zip").unlink()
    shutil.copytree(tmp_path / "folders/images_background", mixed / "images_background")
    assert_same(folders, load(mixed, tmp_path))


def test_subfolder_and_junk(files, tmp_path):
    junk = ("__MACOSX/Latin/character01/x.png", "Latin/character01/._0.png", "Latin/.DS_Store")
    dirty = {**files, **{f"images_background/{name}": b"junk" for name in junk}}
    dirty["__MACOSX/images_evaluation/Tengwar/character01/y.png"] = b"junk"
    expected = load(write_zips(tmp_path / "clean", files), tmp_path)
    write_folders(tmp_path / "folders/omniglot", dirty)
    write_zips(tmp_path / "zips/omniglot", dirty)
    assert_same(expected, load(tmp_path / "folders", tmp_path))
    assert_same(expected, load(tmp_path / "zips", tmp_path))


def test_polarity(files, tmp_path):
    root = write_zips(tmp_path / "zips", files)
    bright, published = load(root, tmp_path), load(root, tmp_path, invert=False)
    assert published.train.images.mean() > 200 > 55 > bright.train.images.mean()
    np.testing.assert_array_equal(bright.train.images, 255 - published.train.images)


def test_size_and_channels(files, tmp_path):
    root = write_zips(tmp_path / "zips", files)
    own, colour = load(root, tmp_path), load(root, tmp_path, image_size=(40, 32), channels=3)
    assert (own.val.image_shape, colour.val.image_shape) == ((28, 28, 1), (40, 32, 3))
    assert colour.val.names == own.val.names
    for channel in (1, 2):
        np.testing.assert_array_equal(colour.val.images[..., channel], colour.val.images[..., 0])


def test_cache_follows_the_files(files, tmp_path, monkeypatch):
    root = write_folders(tmp_path / "folders", files)
    before = load(root, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(omniglot, "decode_picture", lambda *_: pytest.fail("not kept"))
        assert_same(before, load(root, tmp_path))
    changed = root / "images_background/Greek/character01/0000_01.png"
    changed.write_bytes(files["images_background/Greek/character02/0001_01.png"])
    os.utime(changed, (1, 1))
    images = [np.concatenate([split.images for split in s]) for s in (before, load(root, tmp_path))]
    assert (images[0] != images[1]).any()


def test_another_pillow_decodes_anew(files, tmp_path, monkeypatch):
    root = write_zips(tmp_path / "zips", files)
    load(root, tmp_path)
    monkeypatch.setattr("PIL.__version__", "0")
    load(root, tmp_path)
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_missing(files, tmp_path):
    assert_refused(tmp_path / "nowhere", tmp_path, "images_background", "are missing")
    root = write_zips(tmp_path / "zips", files)
    (root / "images_evaluation.zip").unlink()
    assert_refused(root, tmp_path, "images_evaluation is missing")


def test_empty_folder(files, tmp_path):
    root = write_zips(tmp_path / "zips", files)
    (root / "images_background").mkdir()
    assert_refused(root, tmp_path, "expected 7", "got 0")


@pytest.mark.parametrize("write", [write_folders, write_zips])
def test_half_copied(write, files, tmp_path):
    lost = "images_background/Latin/character04"
    some = {name: data for name, data in files.items() if not name.startswith(lost)}
    assert_refused(write(tmp_path / "characters", some), tmp_path, "expected 7", "got 6")
    some = {name: data for name, data in files.items() if name != f"{lost}/0003_02.png"}
    root = write(tmp_path / "drawings", some)
    assert_refused(root, tmp_path, "expected 3 drawings of Latin/character04", "got 2")


def test_truncated_zip(files, tmp_path):
    root = write_zips(tmp_path / "zips", files)
    archive = root / "images_background.zip"
    archive.write_bytes(archive.read_bytes()[:-100])
    assert_refused(root, tmp_path, "images_background.zip", "whole zip")


@pytest.mark.parametrize("write", [write_folders, write_zips])
def test_truncated_picture_is_named(write, files, tmp_path):
    name = "images_evaluation/Tengwar/character02/0001_03.png"
    root = write(tmp_path / "data", {**files, name: files[name][:300]})
    assert_refused(root, tmp_path, "Tengwar/character02/0001_03.png")


@pytest.fixture
def tfds():
    return pytest.importorskip("tensorflow_datasets")


@pytest.fixture
def online(monkeypatch):
    monkeypatch.setattr(requests, "head", lambda *args, **kwargs: None)


def fake_as_dataset(drawings):
    """What `tfds.testing.mock_data` needs to serve the small data set."""
    import tensorflow as tf

    alphabets = sorted(name for part in ALPHABETS.values() for name in part)
    sets = {"train": "images_background", "test": "images_evaluation"}

    def as_dataset(self, split, **kwargs):
        # The real builder has 50 names; so must this one.
        names = alphabets + [f"unused{i}" for i in range(50 - len(alphabets))]
        self.info.features["alphabet"].names = names
        part = [drawing for drawing in drawings if drawing[0] == sets[str(split)]]
        pixels = np.stack([drawing[-1] for drawing in part]).astype(np.uint8) * 255
        return tf.data.Dataset.from_tensor_slices(
            {
                "image": np.repeat(pixels[..., None], 3, axis=-1),
                "alphabet": np.array([names.index(drawing[1]) for drawing in part]),
                "alphabet_char_id": np.array([drawing[2] for drawing in part]),
            }
        )

    return as_dataset


def sorted_drawings(pool):
    """Pictures of each class as bytes, in an order that does not depend on the source."""
    pictures = [image.tobytes() for image in pool.images]
    starts = pool.starts.tolist()
    return [sorted(pictures[i : i + n]) for i, n in zip(starts, pool.counts, strict=True)]


def test_tfds_gives_the_same_classes(tfds, online, files, tmp_path):
    drawings = list(fake_drawings())
    official = load(write_zips(tmp_path / "zips", files), tmp_path)
    loaded = []
    for name, order in (("first", drawings), ("second", drawings[::-1])):
        with tfds.testing.mock_data(as_dataset_fn=fake_as_dataset(order)):
            loaded.append(omniglot.load(DataRequest(cache_dir=str(tmp_path / name))))
    assert_same(*loaded)
    for ours, theirs in zip(loaded[0], official, strict=True):
        assert (ours.names, ours.counts) == (theirs.names, theirs.counts)
        assert sorted_drawings(ours) == sorted_drawings(theirs)


def test_tfds_incomplete(tfds, online, tmp_path):
    as_dataset = fake_as_dataset(list(fake_drawings())[:-1])
    with (
        tfds.testing.mock_data(as_dataset_fn=as_dataset),
        pytest.raises(UserError, match="expected 3 drawings of Tengwar/character05, got 2"),
    ):
        omniglot.load(DataRequest(cache_dir=str(tmp_path)))


def refuse_connection(*args, **kwargs):
    raise requests.exceptions.ConnectionError("no\nnetwork")


def assert_download_refused(tmp_path):
    with pytest.raises(UserError) as caught:
        omniglot.load(DataRequest(cache_dir=str(tmp_path)))
    message = str(caught.value)
    assert "`data_dir`" in message
    assert "`dataset=glyphs`" in message
    assert "\n" not in message


def test_offline_fails_before_the_long_retries(tfds, tmp_path, monkeypatch):
    monkeypatch.setattr(requests, "head", refuse_connection)
    with tfds.testing.mock_data():
        monkeypatch.setattr(
            tfds.core.DatasetBuilder,
            "download_and_prepare",
            lambda *_, **__: pytest.fail("tried all the same"),
        )
        assert_download_refused(tmp_path)


def test_download_breaking_off(tfds, online, tmp_path, monkeypatch):
    with tfds.testing.mock_data():
        monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", refuse_connection)
        assert_download_refused(tmp_path)


def test_a_bug_while_preparing_is_not_called_a_download_error(tfds, online, tmp_path, monkeypatch):
    def broken(*args, **kwargs):
        raise KeyError("a bug")

    with tfds.testing.mock_data():
        monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", broken)
        with pytest.raises(KeyError, match="a bug"):
            omniglot.load(DataRequest(cache_dir=str(tmp_path)))


REPOSITORY = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("DATA_DIR", REPOSITORY.parent / "shared" / "data")) / "omniglot"


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    if not REAL.is_dir():
        pytest.skip(f"needs the Omniglot zips in {REAL} (set DATA_DIR)")
    # Module fixtures come before `small`, so this sees the real numbers.
    return omniglot.load(
        DataRequest(data_dir=str(REAL), cache_dir=str(tmp_path_factory.mktemp("cache")))
    )


def test_real_sizes(real):
    assert [split.num_classes for split in real] == [1100, 100, 423]
    assert len({name for split in real for name in split.names}) == 1623
    for split in real:
        assert split.image_shape == (28, 28, 1)
        assert set(split.counts) == {20}


def test_real_split_stays_as_it_is(real):
    """Results are comparable only while these are the classes; change SPLIT_SEED to re-deal."""
    first = [split.names[0] for split in real]
    assert first == ["Angelic/character18", "Tibetan/character08", "Cyrillic/character02"]


def test_real_polarity(real):
    """About a twelfth of a picture is ink, and the border hardly ever is."""
    for split in real:
        assert 0.06 < split.images.mean() / 255 < 0.11
        assert split.images[:, 0].mean() / 255 < 0.02
        assert split.images.max() == 255
