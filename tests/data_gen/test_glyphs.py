"""Glyphs: the right shapes, the same every time, and neither trivial nor hopeless."""

import numpy as np
import pytest

from data_gen import glyphs
from data_gen.request import DataRequest


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory):
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def splits(cache_dir):
    return glyphs.load(DataRequest(cache_dir=cache_dir))


def test_sizes(splits):
    assert [split.num_classes for split in splits] == [280, 40, 80]
    assert len({name for split in splits for name in split.names}) == 400
    for split in splits:
        assert split.image_shape == (28, 28, 1)
        assert set(split.counts) == {20}


def test_polarity(splits, cache_dir):
    """Strokes cover the smaller part of a picture; they are bright unless not inverted."""
    assert 0.03 < splits.train.images.mean() / 255 < 0.25
    published = glyphs.load(DataRequest(cache_dir=cache_dir, invert=False))
    np.testing.assert_array_equal(published.train.images, 255 - splits.train.images)


def test_size_and_channels(splits, cache_dir):
    other = glyphs.load(DataRequest(cache_dir=cache_dir, image_size=(14, 20), channels=3))
    assert other.test.image_shape == (14, 20, 3)
    np.testing.assert_array_equal(other.test.images[..., 0], other.test.images[..., 2])
    ours, theirs = splits.test.images.mean(axis=(1, 2)), other.test.images.mean(axis=(1, 2))
    np.testing.assert_allclose(theirs, np.repeat(ours, 3, axis=1), atol=8)
    same = glyphs.load(DataRequest(cache_dir=cache_dir, image_size=(28, 28), channels=1))
    np.testing.assert_array_equal(same.test.images, splits.test.images)


def test_no_picture_is_empty_or_repeated(splits):
    images = np.concatenate([split.images for split in splits]).reshape(8000, -1)
    assert images.max(axis=1).min() > 200
    assert len({image.tobytes() for image in images}) == 8000


def test_same_seed_same_pictures(monkeypatch):
    monkeypatch.setattr(glyphs, "ALPHABETS", 1)
    first = glyphs.draw_all(1)
    assert (first.shape, first.dtype) == ((400, 28, 28, 1), np.uint8)
    np.testing.assert_array_equal(first, glyphs.draw_all(1))
    assert (first != glyphs.draw_all(2)).any()


def test_loads_from_the_cache(splits, cache_dir, monkeypatch):
    monkeypatch.setattr(glyphs, "draw_all", lambda seed: pytest.fail("not kept"))
    again = glyphs.load(DataRequest(cache_dir=cache_dir))
    np.testing.assert_array_equal(again.test.images, splits.test.images)


def nearest_mean_accuracy(pool, episodes=300, ways=5, shots=5):
    """Share of drawings nearest, in raw pixels, to the mean of their own class."""
    rng = np.random.default_rng(0)
    pixels = pool.images.reshape(pool.num_classes, 20, -1) / 255
    correct = []
    for _ in range(episodes):
        drawings = pixels[rng.choice(len(pixels), ways, replace=False)][:, rng.permutation(20)]
        means = drawings[:, :shots].mean(axis=1)
        distances = np.linalg.norm(drawings[:, shots:, None] - means, axis=-1)
        correct.append(distances.argmin(axis=-1) == np.arange(ways)[:, None])
    return np.mean(correct)


def test_raw_pixels_are_not_enough(splits):
    """Omniglot gives 0.71 here, chance is 0.2."""
    assert 0.5 < nearest_mean_accuracy(splits.test) < 0.75


@pytest.mark.parametrize("roundness", [0, 0.4, 1])
@pytest.mark.parametrize("controls", [2, 3, 5])
def test_curves_start_and_end_at_their_control_points(controls, roundness):
    basis = glyphs._curve_basis(controls, roundness)
    np.testing.assert_allclose(basis.sum(axis=1), 1)
    np.testing.assert_allclose(basis[0], np.eye(controls)[0], atol=1e-12)
    np.testing.assert_allclose(basis[-1], np.eye(controls)[-1], atol=1e-12)
