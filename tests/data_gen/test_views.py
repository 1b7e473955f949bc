"""What the network sees: the middle in tests, random parts in training, the same ones again."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from data_gen import STANDARDS
from data_gen.batches import BatchSampler
from data_gen.class_pool import ClassPool
from data_gen.episodes import EpisodeSampler
from data_gen.errors import UserError
from data_gen.rotations import RotatedPool
from data_gen.views import AS_STORED, View, step_seed

RANDOM = View((8, 8), random_crop=True, random_flip=True, color_jitter=0.4, standardize="imagenet")
SEED = tf.constant([1, 2])


@pytest.fixture(scope="module")
def pool():
    images = np.random.default_rng(0).integers(0, 256, (12, 10, 10, 3)).astype(np.uint8)
    return ClassPool(images, (4, 4, 4), ("a", "b", "c"))


@pytest.fixture(scope="module")
def same_pool():
    """Every picture of it is the same."""
    image = np.random.default_rng(1).integers(0, 256, (1, 10, 10, 3)).astype(np.uint8)
    return ClassPool(np.repeat(image, 12, axis=0), (4, 4, 4), ("a", "b", "c"))


def sampler(pool, view=RANDOM, tasks=2, ways=(2,), stream="meta_train", **options):
    options = {"seed": 5, **options}
    return EpisodeSampler(pool, ways, 1, 2, tasks, stream=stream, view=view, **options)


def assert_same(first, second):
    for ours, theirs in zip(first, second, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_pictures_as_stored_are_only_scaled(pool):
    seen = AS_STORED(tf.constant(pool.images), "float64")
    np.testing.assert_allclose(seen, pool.images / 255, rtol=1e-15)
    assert AS_STORED.shape((10, 9, 1)) == (10, 9, 1)


def test_a_plain_view_is_the_middle_standardised(pool):
    view = View((7, 8), standardize="mini_imagenet")
    mean, deviation = (
        np.array([120.39586422, 115.59361427, 104.54012653]),
        np.array([70.68188272, 68.27635443, 72.54505529]),
    )
    # Half of the margin of 3 rows is rounded to an even number, as in the published programs.
    expected = (pool.images[:, 2:9, 1:9].astype(float) - mean) / deviation
    seen = view(tf.constant(pool.images), "float64")
    np.testing.assert_allclose(seen, expected, rtol=1e-12, atol=1e-13)
    assert view.shape(pool.image_shape) == seen.shape[1:] == (7, 8, 3)


def test_imagenets_standard_is_the_one_of_all_programs():
    assert STANDARDS["imagenet"] == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    black = View(standardize="imagenet")(tf.zeros((1, 1, 3), tf.uint8), "float64")
    np.testing.assert_allclose(black[0, 0], [-2.117904, -2.035714, -1.804444], rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "view",
    [
        RANDOM,
        dataclasses.replace(RANDOM, size=None),
        View((9, 5), random_flip=True),
        View((9, 5), color_jitter=0.4),
        View((9, 5), random_crop=True),
    ],
)
def test_a_random_view_has_the_shape_of_the_plain_one(view, dtype, pool):
    pictures = tf.constant(pool.images.reshape(2, 6, 10, 10, 3))
    seen = view(pictures, dtype, SEED)
    assert seen.shape == view.plain(pictures, dtype).shape == (2, 6, *view.shape(pool.image_shape))
    assert seen.dtype == dtype
    low, high = (0, 1) if view.standardize == "none" else (-2.2, 2.7)
    assert low <= np.min(seen) < np.max(seen) <= high + 1e-6


def test_unknown_numbers_of_tasks_and_pictures_are_seen(pool):
    spec = tf.TensorSpec((None, None, 10, 10, 3), tf.uint8)
    compiled = tf.function(lambda x: RANDOM(x, "float32", SEED), input_signature=[spec])
    pictures = tf.constant(pool.images.reshape(3, 4, 10, 10, 3))
    assert compiled.get_concrete_function().outputs[0].shape[2:] == (8, 8, 3)
    np.testing.assert_allclose(compiled(pictures), RANDOM(pictures, "float32", SEED), atol=1e-5)


def test_half_of_the_pictures_are_mirror_images_and_exactly_so(pool):
    pictures = tf.constant(np.repeat(pool.images[:1], 2000, axis=0))
    seen = View(random_flip=True)(pictures, "float32", SEED).numpy()
    plain = AS_STORED(pictures[0], "float32").numpy()
    mirrored = np.array([np.array_equal(s, plain[:, ::-1]) for s in seen])
    upright = np.array([np.array_equal(s, plain) for s in seen])
    assert np.all(mirrored ^ upright)
    assert abs(mirrored.mean() - 0.5) < 5 * 0.5 / np.sqrt(2000)


def test_one_part_of_a_view_leaves_the_others_as_they_were(pool):
    """Crops are the same with and without flips and colours."""
    pictures = tf.constant(pool.images)
    crops = View(random_crop=True)(pictures, "float64", SEED).numpy()
    both = View(random_crop=True, random_flip=True)(pictures, "float64", SEED).numpy()
    for crop, seen in zip(crops, both, strict=True):
        distances = [np.abs(seen - side).max() for side in (crop, crop[:, ::-1])]
        assert min(distances) < 1e-6 < max(distances)


def test_views_are_a_function_of_seed_step_and_place(same_pool):
    """All stored pictures are equal, so that only views can differ."""
    ours = sampler(same_pool)
    assert_same(ours(3), sampler(same_pool)(3))
    seen = np.concatenate([part.numpy().reshape(-1, 192) for part in (ours(3)[0], ours(3)[2])])
    assert len(np.unique(seen, axis=0)) == len(seen) == 12  # no two places, nor support and query
    for other in (ours(4), sampler(same_pool, seed=6)(3), sampler(same_pool, stream="monitor")(3)):
        assert not np.any(
            [np.array_equal(other[0][0, 0], picture.reshape(8, 8, 3)) for picture in seen]
        )


def test_views_do_not_depend_on_what_is_seen_nor_on_how_many_tasks_there_are(pool, same_pool):
    few, many = sampler(same_pool)(3), sampler(same_pool, tasks=5)(3)
    np.testing.assert_allclose(few.query_images, many.query_images[:2], atol=1e-6)
    # The classes and pictures of a meta-batch are those that it has without a view.
    plain = sampler(pool, View((8, 8), standardize="imagenet"))
    crops = sampler(pool, View((8, 8), color_jitter=1e-9, standardize="imagenet"))
    np.testing.assert_allclose(plain(3).support_images, crops(3).support_images, atol=1e-5)


def test_host_and_device_and_any_order_of_steps_give_the_same_bits(pool):
    signature = [tf.TensorSpec((), tf.int32)]
    device, host = (
        tf.function(sampler(RotatedPool(pool), where=where), input_signature=signature)
        for where in ("device", "host")
    )
    expected = [device(tf.constant(step)) for step in range(4)]
    for step in (0, 1, 3, 2):
        assert_same(host(tf.constant(step)), expected[step])


def test_minibatches_are_seen_alike_and_have_the_same_labels(pool, same_pool):
    ours = BatchSampler(same_pool, 6, 5, view=RANDOM)
    assert_same(ours(3), BatchSampler(same_pool, 6, 5, view=RANDOM, where="host")(3))
    assert len(np.unique(ours(3).images.numpy().reshape(6, -1), axis=0)) == 6
    assert not np.any(np.equal(ours(3).images[0], ours(4).images[0]))
    labels = BatchSampler(pool, 6, 5)(3).labels
    np.testing.assert_array_equal(BatchSampler(pool, 6, 5, view=RANDOM)(3).labels, labels)


def test_rotated_pictures_are_turned_before_they_are_seen(pool):
    view = View((8, 8))
    turned = sampler(RotatedPool(pool), view)(3).support_images.numpy()
    whole = sampler(RotatedPool(pool), AS_STORED)(3).support_images.numpy()
    np.testing.assert_array_equal(turned, whole[:, :, 1:9, 1:9])


def test_pictures_whose_features_are_kept_are_seen_plainly(pool):
    seen = sampler(pool).pictures(tf.constant([3]))
    np.testing.assert_array_equal(seen, RANDOM.plain(tf.constant(pool.images[3:4]), "float32"))


def test_views_of_steps_have_seeds_of_their_own():
    stream = tf.constant([0, 0])
    seeds = {tuple(step_seed(stream, step).numpy()) for step in range(50)}
    draws = {tuple(tf.random.fold_in(stream, step, alg="philox").numpy()) for step in range(-1, 50)}
    assert len(seeds) == 50
    assert not seeds & draws


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"standardize": "cifar"}, "^standardize: expected one of none, imagenet.*'cifar'$"),
        ({"color_jitter": 1.5}, "^color_jitter: expected 0 to 1; received 1.5$"),
    ],
)
def test_a_wrong_view_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        View(**settings)


def test_pictures_that_are_not_for_a_view_are_refused_when_the_sampler_is_made(pool, small_pool):
    with pytest.raises(UserError, match=r"expected pictures of at least 12 × 8.*received 10 × 10"):
        sampler(pool, View((12, 8)))
    for make in (
        lambda v: sampler(small_pool, v),
        lambda v: BatchSampler(small_pool, 2, 0, view=v),
    ):
        with pytest.raises(UserError, match="standardize: expected pictures of 3 channels"):
            make(View(standardize="imagenet"))


@pytest.mark.parametrize("where", ["device", "host"])
def test_vectors_are_seen_as_they_are(where):
    vectors = np.random.default_rng(0).normal(0, 300, (10, 2))
    pool = ClassPool(vectors, (5, 5), ("a", "b"))
    drawn = sampler(pool, AS_STORED, dtype="float64", where=where)
    episodes = drawn(3)
    for part in (episodes.support_images, episodes.query_images):
        rows = part.numpy().reshape(-1, 2)
        assert {tuple(row) for row in rows} <= {tuple(row) for row in vectors}
    assert episodes.support_images.shape[2:] == (2,)
    np.testing.assert_array_equal(drawn.pictures(tf.range(10)), vectors)
    batch = BatchSampler(pool, 10, 0, "float64", where, replacement=False)(0)
    np.testing.assert_array_equal(np.sort(batch.images, axis=0), np.sort(vectors, axis=0))


@pytest.mark.parametrize(
    "view", [View((2, 2)), View(random_flip=True), View(standardize="imagenet")]
)
def test_vectors_have_no_other_view(view):
    pool = ClassPool(np.zeros((10, 2)), (5, 5), ("a", "b"))
    with pytest.raises(UserError, match=r"expected pictures to look at as View.*received vectors"):
        sampler(pool, view)
