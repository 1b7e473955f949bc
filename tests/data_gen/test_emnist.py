"""EMNIST: 62 characters for validation and testing, in the polarity of Omniglot."""

import io

import numpy as np
import pytest
from PIL import Image

from data_gen import emnist
from data_gen.picture_tree import PictureTree
from data_gen.pictures import decode_picture
from data_gen.request import DataRequest


@pytest.fixture(scope="session")
def files(draw):
    return {
        f"{number}/{i}.png": draw(100 * number + i, mode="L", size=(28, 28))
        for number in range(62)
        for i in range(1 + number % 3)
    }


@pytest.fixture(scope="module")
def decoded_once(tmp_path_factory):
    return tmp_path_factory.mktemp("real")


def load(root, tmp_path, **options):
    request = DataRequest(data_dir=str(root), cache_dir=str(tmp_path / "cache"), **options)
    return emnist.load(request)


def test_every_layout_gives_the_same(write, files, tmp_path, assert_same_pools):
    zipped = {f"emnist/{name}": data for name, data in files.items()}
    roots = [
        write(tmp_path / "folders", files),
        write(tmp_path / "subfolder/emnist", files).parent,
        write(tmp_path / "zip/emnist_62.zip", zipped).parent,
        write(tmp_path / "parent/emnist/emnist_62.zip", zipped).parents[1],
    ]
    loaded = [load(root, tmp_path / str(i)) for i, root in enumerate(roots)]
    for splits in loaded:
        assert_same_pools(loaded[0], splits)


def test_even_classes_validate_and_odd_ones_test(write, files, tmp_path):
    splits = load(write(tmp_path / "data", files), tmp_path)
    assert [split.num_classes for split in splits] == [0, 31, 31]
    assert "".join(splits.val.names) == "02468ACEGIKMOQSUWYacegikmoqsuwy"
    assert "".join(splits.test.names) == "13579BDFHJLNPRTVXZbdfhjlnprtvxz"
    assert splits.test.counts[:3] == (2, 1, 3)


def test_polarity_size_and_channels(write, files, tmp_path):
    root = write(tmp_path / "data", files)
    bright, dark = load(root, tmp_path), load(root, tmp_path, invert=False)
    np.testing.assert_array_equal(dark.val.images, 255 - bright.val.images)
    assert load(root, tmp_path, image_size=(5, 6), channels=3).val.image_shape == (5, 6, 3)


def test_pictures_stay_upright(write, files, tmp_path):
    """As the files have them: the original distribution, which is not read here, is transposed."""
    picture, buffer = np.arange(28 * 28).reshape(28, 28) // 4, io.BytesIO()
    Image.fromarray(picture.astype(np.uint8)).save(buffer, "PNG")
    root = write(tmp_path / "data", {**files, "0/0.png": buffer.getvalue()})
    np.testing.assert_array_equal(load(root, tmp_path).val.images[0, :, :, 0], picture)


def test_real_letters_are_upright(real_data, decoded_once):
    """L and T together: none of the other seven ways of laying a picture does this to both."""
    if not (real_data / "emnist").is_dir():
        pytest.skip(f"needs {real_data / 'emnist'} (set DATA_DIR)")
    pool = load(real_data, decoded_once).test

    def mean(letter):
        number = pool.names.index(letter)
        first, count = pool.starts[number], pool.counts[number]
        return pool.images[first : first + count, :, :, 0].mean(axis=0)

    ell, tee = mean("L"), mean("T")
    assert ell[14:].sum() > 1.5 * ell[:14].sum()
    assert ell[:, :14].sum() > 1.5 * ell[:, 14:].sum()
    assert tee[:14].sum() > 1.5 * tee[14:].sum()


def test_missing_classes(write, files, tmp_path, assert_refused):
    assert_refused(emnist.load, tmp_path, "expected emnist_62.zip or the folders 0 to 61")
    some = {name: data for name, data in files.items() if not name.startswith("7/")}
    root = write(tmp_path / "data", some)
    assert_refused(emnist.load, root, "expected the EMNIST classes 0 to 61, got 61 folders")


@pytest.mark.parametrize("invert", [True, False])
def test_real_strokes_are_as_bright_as_omniglots(invert, real_data, decoded_once):
    for root in (real_data / "emnist", real_data / "omniglot"):
        if not root.is_dir():
            pytest.skip(f"needs {root} (set DATA_DIR)")
    strokes = load(real_data, decoded_once, invert=invert)
    assert set(strokes.val.counts) == set(strokes.test.counts) == {200}
    first = next(PictureTree(real_data / "omniglot/images_evaluation.zip").read())
    published = decode_picture(first, "first", (28, 28))
    ours = 255 - published if invert else published
    for split in (strokes.val.images, strokes.test.images):
        assert (split.mean() < 128) == (ours.mean() < 128) == invert
        border = np.concatenate([split[:, 0].ravel(), split[:, :, 0].ravel()])
        assert abs(border.mean() - (0 if invert else 255)) < 10
