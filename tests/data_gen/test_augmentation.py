"""Crops, flips and colours against Pillow and NumPy, and the distributions of what is drawn."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from data_gen import augmentation
from data_gen.augmentation import Boxes, Draws

RNG = np.random.default_rng(0)


def make_boxes(*boxes):
    return Boxes(*(tf.constant(column) for column in np.transpose(boxes).astype(np.int32)))


def resampled(line, size):
    """Bilinear resampling of a line [n, …], pixel by pixel, in float64."""
    scale = len(line) / size
    result = []
    for i in range(size):
        distances = np.abs(np.arange(len(line)) + 0.5 - (i + 0.5) * scale) / max(scale, 1)
        weights = np.maximum(0, 1 - distances)
        result.append(np.tensordot(weights / weights.sum(), line, 1))
    return np.array(result)


BOXES = [(0, 0, 12, 10), (3, 2, 4, 5), (11, 9, 1, 1), (0, 5, 12, 2), (2, 1, 9, 8)]


@pytest.mark.parametrize("size", [(7, 6), (12, 10), (20, 5)])
def test_crops_are_resampled_bilinearly_without_aliasing_and_end_where_they_end(size):
    planes = RNG.random((len(BOXES), 3, 12, 10))
    ours = augmentation.cropped(tf.constant(planes), make_boxes(*BOXES), size)
    assert ours.dtype == tf.float64
    for picture, box, crop in zip(planes, BOXES, ours, strict=True):
        top, left, height, width = box
        part = np.moveaxis(picture, 0, -1)[top : top + height, left : left + width]
        expected = resampled(resampled(part, size[0]).swapaxes(0, 1), size[1]).swapaxes(0, 1)
        # The weights are computed in single precision.
        np.testing.assert_allclose(np.moveaxis(crop, 0, -1), expected, atol=2e-6)


def test_pillow_resamples_crops_alike():
    plane = RNG.random((12, 10)).astype(np.float32)
    planes = tf.constant(np.broadcast_to(plane, (len(BOXES), 1, 12, 10)))
    ours = augmentation.cropped(planes, make_boxes(*BOXES), (9, 8))
    for (top, left, height, width), crop in zip(BOXES, ours, strict=True):
        part = Image.fromarray(plane[top : top + height, left : left + width])
        theirs = np.asarray(part.resize((8, 9), Image.Resampling.BILINEAR))
        np.testing.assert_allclose(crop[0], theirs, atol=1e-6)


def test_a_mirrored_crop_is_the_crop_from_right_to_left():
    planes = tf.constant(RNG.random((3, 3, 12, 10)))
    boxes = make_boxes(*BOXES[:3])
    plain = augmentation.cropped(planes, boxes, (7, 6))
    mirrored = augmentation.cropped(planes, boxes, (7, 6), tf.constant([True, False, True]))
    expected = np.stack([plain[0][..., ::-1], plain[1], plain[2][..., ::-1]])
    np.testing.assert_allclose(mirrored, expected, atol=1e-6)


def test_a_box_of_the_size_of_the_result_is_copied():
    planes = RNG.random((2, 3, 12, 10)).astype(np.float32)
    boxes = augmentation.middle_boxes(2, (12, 10), (7, 8))
    # Half of the margin of 5 rows is rounded to an even number, as in the published programs.
    assert [part.numpy().tolist() for part in boxes] == [[2, 2], [1, 1], [7, 7], [8, 8]]
    crops = augmentation.cropped(tf.constant(planes), boxes, (7, 8))
    np.testing.assert_array_equal(crops, planes[:, :, 2:9, 1:9])


def colored(picture, brightness, contrast, saturation):
    """The definitions of Pillow's ImageEnhance for [H, W, 3] in float64, without rounding."""

    def grey(x):
        return x @ np.array([0.299, 0.587, 0.114])

    x = np.clip(brightness * picture, 0, 1)
    x = np.clip(contrast * x + (1 - contrast) * grey(x).mean(), 0, 1)
    return np.clip(saturation * x + (1 - saturation) * grey(x)[..., np.newaxis], 0, 1)


FACTORS = np.array([[1, 1, 1], [0.6, 1.4, 1.4], [1.4, 0.6, 0.6], [1.4, 1.4, 1.4], [1, 1, 0]])


def test_colours_are_mixed_with_black_with_the_mean_grey_and_with_the_grey_picture():
    pictures = RNG.random((len(FACTORS), 6, 5, 3))
    planes = tf.constant(np.moveaxis(pictures, -1, 1))
    ours = np.moveaxis(augmentation.recolored(planes, tf.constant(FACTORS)), 1, -1)
    for picture, factors, result in zip(pictures, FACTORS, ours, strict=True):
        np.testing.assert_allclose(result, colored(picture, *factors), rtol=1e-12, atol=1e-14)


def test_pillow_recolours_alike_but_for_its_rounding():
    picture = (255 * RNG.random((16, 16, 3))).astype(np.uint8)
    planes = np.moveaxis(np.broadcast_to(picture / 255, (len(FACTORS), 16, 16, 3)), -1, 1)
    ours = np.moveaxis(augmentation.recolored(tf.constant(planes), tf.constant(FACTORS)), 1, -1)
    enhancers = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
    for factors, result in zip(FACTORS, ours, strict=True):
        image = Image.fromarray(picture)
        for enhancer, factor in zip(enhancers, factors, strict=True):
            image = enhancer(image).enhance(factor)
        # Pillow cuts fractions off three times, and the factors make the first two 1.4 as large.
        assert np.abs(255 * result - np.asarray(image)).max() < 1 + 1.4 + 1.4**2 + 0.5


def test_grey_pictures_have_brightness_and_contrast_only():
    planes = RNG.random((1, 1, 4, 4))
    x = np.clip(1.3 * planes, 0, 1)
    expected = np.clip(0.7 * x + 0.3 * x.mean(), 0, 1)
    for saturation in (0.0, 1.4):
        ours = augmentation.recolored(tf.constant(planes), tf.constant([[1.3, 0.7, saturation]]))
        np.testing.assert_allclose(ours, expected, rtol=1e-6)


@pytest.fixture(scope="module")
def draws():
    return augmentation.draw(tf.constant([3, 4]), 20_000)


def test_the_draws_of_a_picture_depend_on_the_seed_and_on_its_number_alone(draws):
    few = augmentation.draw(tf.constant([3, 4]), 5)
    other = augmentation.draw(tf.constant([3, 5]), 5)
    for all_of_it, part, elsewhere in zip(draws, few, other, strict=True):
        np.testing.assert_array_equal(all_of_it[:5], part)
        assert not np.any(np.equal(part, elsewhere))
        assert len(np.unique(part.numpy().reshape(5, -1)[:, 0])) == 5


def test_all_that_is_drawn_is_uniform_and_independent(draws):
    numbers = np.concatenate([part.numpy().reshape(20_000, -1) for part in draws], axis=1)
    assert numbers.shape == (20_000, 26)
    # A tenth of them in each tenth: a standard error is 0.0021.
    for column in numbers.T:
        assert np.abs(np.histogram(column, 10, (0, 1))[0] / 20_000 - 0.1).max() < 0.011
    correlations = np.corrcoef(numbers.T) - np.eye(26)
    assert np.abs(correlations).max() < 5 / np.sqrt(20_000)


def test_half_of_the_crops_are_above_the_mean_area_and_half_are_upright(draws):
    """Crops of a large square: nearly none is drawn twice but large ones of odd ratios."""
    boxes = augmentation.random_boxes(draws, 1000, 1000)
    top, left, height, width = (part.numpy() for part in boxes)
    area, ratio = height * width / 10**6, width / height
    assert area.min() >= 0.0795
    assert area.max() > 0.98
    assert ratio.min() > 0.745
    assert ratio.max() < 1.342
    # By NumPy, one at a time.
    expected = np.array([one_by_one(1000, 1000) for _ in range(4000)])
    np.testing.assert_allclose(area.mean(), np.prod(expected[:, 2:], 1).mean() / 1e6, atol=0.02)
    np.testing.assert_allclose(np.mean(ratio > 1), 0.5, atol=0.02)
    for first, side in ((top, height), (left, width)):
        assert first.min() == 0
        assert (first + side).max() == 1000
        shares = first[side < 900] / (1000 - side[side < 900])
        np.testing.assert_allclose(
            np.histogram(shares, 4, (0, 1))[0] / len(shares), 0.25, atol=0.02
        )


def one_by_one(height, width):
    """A box as torchvision's RandomResizedCrop describes it."""
    for _ in range(10):
        area = RNG.uniform(0.08, 1) * height * width
        ratio = np.exp(RNG.uniform(np.log(3 / 4), np.log(4 / 3)))
        w, h = round(np.sqrt(area * ratio)), round(np.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return RNG.integers(0, height - h + 1), RNG.integers(0, width - w + 1), h, w
    raise AssertionError("nothing fits")


@pytest.mark.parametrize(
    ("shape", "box"),
    [((90, 90), (0, 0, 90, 90)), ((30, 90), (0, 25, 30, 40)), ((80, 30), (20, 0, 40, 30))],
)
def test_where_no_crop_fits_it_is_the_largest_in_the_middle(shape, box):
    # The whole area, three times as wide as high or the other way round, fits into none of them.
    extreme = tf.fill((1, 10), 0.999 if shape[0] >= shape[1] else 0.0)
    ones = tf.fill((1, 10), 0.99999)
    draws = Draws(ones, extreme, tf.zeros((1, 2)), tf.zeros(1), tf.zeros((1, 3)))
    assert [int(part[0]) for part in augmentation.random_boxes(draws, *shape)] == [*box]


def test_the_first_crop_that_fits_is_taken():
    areas = tf.constant([[0.99999, 0.99999, 0.5, *[0.2] * 7]])
    draws = Draws(areas, tf.fill((1, 10), 0.999), tf.zeros((1, 2)), tf.zeros(1), tf.zeros((1, 3)))
    box = augmentation.random_boxes(draws, 100, 100)
    assert int(box.width[0] * box.height[0]) == pytest.approx(5400, rel=0.02)


@settings(deadline=None, max_examples=30)
@given(height=st.integers(1, 40), width=st.integers(1, 40), seed=st.integers(0, 999))
def test_every_crop_lies_in_its_picture(height, width, seed):
    boxes = augmentation.random_boxes(augmentation.draw(tf.constant([seed, 0]), 50), height, width)
    top, left, h, w = (part.numpy() for part in boxes)
    assert min(top.min(), left.min()) >= 0
    assert min(h.min(), w.min()) >= 1
    assert (top + h).max() <= height
    assert (left + w).max() <= width


def test_factors_are_uniform_about_one(draws):
    factors = augmentation.factors(draws, 0.4).numpy()
    assert factors.shape == (20_000, 3)
    assert 0.6 <= factors.min() < 0.601
    assert 1.399 < factors.max() < 1.4001
    np.testing.assert_allclose(factors.mean(0), 1, atol=0.01)
