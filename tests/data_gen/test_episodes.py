"""Episodes: the same ones again, well-formed for any pool, and drawn evenly."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from data_gen.class_pool import ClassPool, join
from data_gen.episodes import STREAMS, EpisodeSampler
from data_gen.errors import UserError

# The 99.9 % points of χ², by degrees of freedom: a fair draw exceeds them once in a thousand.
CHI_SQUARE = {1: 10.8, 2: 13.8, 4: 18.5, 7: 24.3, 9: 27.9, 35: 66.6}


def make_pool(counts):
    """The two pixels of a picture are its class and its number within the class."""
    pixels = [(c, i) for c, count in enumerate(counts) for i in range(count)]
    images = np.array(pixels, np.uint8).reshape(-1, 2, 1, 1)
    return ClassPool(images, tuple(counts), tuple(f"class{c}" for c in range(len(counts))))


def make_sampler(counts=(9, 7, 8, 10, 7), ways=(3,), shots=2, query_shots=3, tasks=4, **options):
    options = {"seed": 0, "stream": "meta_train", **options}
    return EpisodeSampler(make_pool(counts), ways, shots, query_shots, tasks, **options)


def pictures(images):
    """[T, n, 2, 1, 1] → [T, n, 2]: class and number of every picture."""
    return np.rint(np.asarray(images)[..., 0, 0] * 255).astype(int)


def same(first, second):
    pairs = zip(first, second, strict=True)
    return all(a.shape == b.shape and np.all(a == b) for a, b in pairs)


def test_a_step_gives_the_same_meta_batch_again():
    sampler = make_sampler()
    assert same(sampler(5), sampler(5))
    assert same(sampler(5), make_sampler()(5))
    assert same(sampler(5), sampler(tf.constant(5)))


def test_compiled_and_eager_meta_batches_hold_the_same_pictures():
    """Equal but for the last bit: TensorFlow compiles x / 255 to x · (1 / 255)."""
    sampler = make_sampler(ways=(2, 3, 4))
    compiled = tf.function(sampler, input_signature=[tf.TensorSpec((), tf.int32)])
    for step in range(8):
        ours, eager = compiled(tf.constant(step)), sampler(step)
        assert ours.ways == eager.ways
        for name in ("support_images", "query_images"):
            np.testing.assert_array_equal(*(pictures(getattr(e, name)) for e in (ours, eager)))
            np.testing.assert_allclose(getattr(ours, name), getattr(eager, name), rtol=1e-6)
        for name in ("support_labels", "query_labels"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(eager, name))


def test_a_compiled_step_gives_the_same_bits_again():
    steps = [tf.function(make_sampler())(tf.constant(3)) for _ in range(2)]
    assert same(*steps)


def test_steps_differ():
    sampler = make_sampler()
    drawn = [pictures(sampler(step).support_images).tobytes() for step in range(20)]
    assert len(set(drawn)) == 20


def test_tasks_of_a_meta_batch_differ():
    tasks = pictures(make_sampler(tasks=20)(0).support_images)
    assert len({task.tobytes() for task in tasks}) == 20


# Seeds on both sides of every boundary of 31 and 32 bits, and below zero.
SEEDS = [0, 1, 2**31 - 1, 2**31, 2**32, 2**40, -1, -(2**31)]


def test_seeds_differ():
    drawn = {pictures(make_sampler(seed=seed)(0).support_images).tobytes() for seed in SEEDS}
    assert len(drawn) == len(SEEDS)


def test_streams_differ():
    drawn = {pictures(make_sampler(stream=s)(0).support_images).tobytes() for s in STREAMS}
    assert len(drawn) == len(STREAMS)


@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_every_task_is_well_formed(data):
    ways, shots, query_shots = (data.draw(st.integers(low, 4)) for low in (2, 1, 1))
    least = shots + query_shots
    counts = data.draw(st.lists(st.integers(least, least + 4), min_size=ways, max_size=7))
    tasks, seed = data.draw(st.integers(1, 3)), data.draw(st.integers(0, 99))
    sampler = make_sampler(counts, (ways,), shots, query_shots, tasks, seed=seed)
    episodes = sampler(data.draw(st.integers(0, 10**6)))
    assert int(episodes.ways) == ways
    assert episodes.support_images.shape == (tasks, ways * shots, 2, 1, 1)
    assert episodes.query_images.shape == (tasks, ways * query_shots, 2, 1, 1)
    for task in range(tasks):
        support, query = (
            pictures(images)[task] for images in (episodes.support_images, episodes.query_images)
        )
        both = [*map(tuple, support), *map(tuple, query)]
        assert len(set(both)) == len(both), "a picture twice"
        assert all(number < counts[c] for c, number in both), "a picture that is not there"
        classes = support[::shots, 0]
        assert len(set(classes)) == ways, "a class twice"
        for images, labels, repeats in (
            (support, episodes.support_labels, shots),
            (query, episodes.query_labels, query_shots),
        ):
            assert labels.dtype == tf.int32
            assert np.bincount(labels[task]).tolist() == [repeats] * ways
            assert images[:, 0].tolist() == classes[labels[task]].tolist(), "a wrong label"


def test_images_are_the_pools_scaled_to_one():
    pool = ClassPool(np.full((4, 2, 3, 1), 255, np.uint8), (2, 2), ("a", "b"))
    episodes = EpisodeSampler(pool, (2,), 1, 1, 1, seed=0, stream="monitor", dtype="float64")(0)
    np.testing.assert_array_equal(episodes.query_images, np.ones((1, 2, 2, 3, 1)))
    assert episodes.query_images.dtype == tf.float64


def test_samplers_of_a_pool_share_its_tensor():
    pool = make_pool((9, 7, 8))
    first, second = (EpisodeSampler(pool, (2,), 1, 1, t, seed=t, stream="monitor") for t in (1, 2))
    assert first._source._images is second._source._images
    assert make_sampler((9, 7, 8))._source._images is not first._source._images


@pytest.mark.parametrize("mode", ["r", "c"])
def test_a_mapped_pool_gives_the_episodes_of_one_in_memory(mode, tmp_path):
    pool = make_pool((9, 7, 8))
    np.save(tmp_path / "images.npy", pool.images)
    images = np.load(tmp_path / "images.npy", mmap_mode=mode)
    images.flags.writeable = False
    mapped = ClassPool(images, pool.counts, pool.names)
    assert same(
        *(EpisodeSampler(p, (2,), 1, 2, 3, seed=0, stream="monitor")(4) for p in (pool, mapped))
    )


def map_pool(path):
    pool = make_pool((9, 7, 8))
    np.save(path / "images.npy", pool.images)
    images = np.load(path / "images.npy", mmap_mode="c")
    images.flags.writeable = False
    return ClassPool(images, pool.counts, pool.names)


def join_pools(path):
    first, second = make_pool((9, 7)), make_pool((8, 8))
    return join(first, ClassPool(second.images, second.counts, ("other0", "other1")))


@pytest.mark.parametrize("make", [map_pool, join_pools])
def test_a_mapped_or_joined_pool_is_not_copied(make, tmp_path):
    if tf.config.list_logical_devices("GPU"):
        pytest.skip("the pictures are on the GPU")
    pool = make(tmp_path)
    sampler = EpisodeSampler(pool, (2,), 1, 2, 3, seed=0, stream="monitor")
    pool.images.flags.writeable = True
    pool.images[0] = 255
    assert np.all(sampler.pictures(tf.constant([0])) == 1)


def test_a_pool_that_may_be_changed_is_copied():
    pool = make_pool((9, 7, 8))
    sampler = EpisodeSampler(pool, (2,), 1, 2, 3, seed=0, stream="monitor")
    pool.images[0] = 255
    assert np.all(sampler.pictures(tf.constant([0])) == 0)


def chi_square(counts):
    expected = counts.sum() / counts.size
    return np.sum((counts - expected) ** 2) / expected


@pytest.fixture(scope="module")
def many():
    """2000 tasks of 3 classes out of 8 with 10 or 5 pictures, 2 + 3 images: [2000, 3, 5, 2]."""
    sampler = make_sampler((10, 5, 10, 5, 10, 5, 10, 5), tasks=2000, seed=1)
    episodes = sampler(0)
    support = pictures(episodes.support_images).reshape(2000, 3, 2, 2)
    query = pictures(episodes.query_images).reshape(2000, 3, 3, 2)
    return np.concatenate([support, query], axis=2)


def test_a_class_that_is_drawn_a_tenth_more_often_would_be_noticed():
    """How sharp the next tests are: 6000 draws of 8 classes, in 4 of which every tenth is extra."""
    assert chi_square(6000 / 8 * np.array([1.1, 0.9] * 4)) > CHI_SQUARE[7]


@pytest.mark.parametrize("label", [0, 1, 2])
def test_every_class_is_equally_likely_at_every_label(label, many):
    assert chi_square(np.bincount(many[:, label, 0, 0], minlength=8)) < CHI_SQUARE[7]


def test_large_classes_are_not_drawn_more_often(many):
    small = np.sum(many[:, :, 0, 0] % 2)
    assert chi_square(np.array([small, 6000 - small])) < CHI_SQUARE[1]


@pytest.mark.parametrize("position", [0, 1, 2, 4])
@pytest.mark.parametrize(("parity", "count"), [(0, 10), (1, 5)])
def test_every_picture_of_a_class_is_equally_likely_as_support_and_as_query(
    position, parity, count, many
):
    drawn = many[:, :, position].reshape(-1, 2)
    numbers = drawn[drawn[:, 0] % 2 == parity, 1]
    assert chi_square(np.bincount(numbers, minlength=count)) < CHI_SQUARE[count - 1]


def test_the_class_says_nothing_about_the_picture():
    """Over the steps, first class and first picture are independent: 36 pairs, 20 of each."""
    sampler = make_sampler((6,) * 6, tasks=1)
    compiled = tf.function(lambda step: sampler(step).support_images)
    first = [pictures(compiled(tf.constant(step)))[0, 0] for step in range(720)]
    pairs = np.bincount([6 * c + number for c, number in first], minlength=36)
    assert chi_square(pairs) < CHI_SQUARE[35]


def test_every_number_of_ways_is_drawn_about_equally_often():
    sampler = make_sampler(ways=(2, 3, 5))
    compiled = tf.function(lambda step: sampler(step).ways)
    drawn = [int(compiled(tf.constant(step))) for step in range(300)]
    counts = np.array([drawn.count(ways) for ways in (2, 3, 5)])
    assert counts.sum() == 300
    assert chi_square(counts) < CHI_SQUARE[2]


def test_a_drawn_number_of_ways_decides_the_shapes():
    sampler = make_sampler(ways=(2, 5), shots=1)
    sizes = {(int(e.ways), e.support_images.shape[1]) for e in map(sampler, range(20))}
    assert sizes == {(2, 2), (5, 5)}


def test_a_caller_may_choose_the_number_of_ways():
    sampler = make_sampler(ways=(2, 5), shots=1)
    for step in range(8):
        assert sampler(step, ways=3).support_labels.numpy().tolist() == [[0, 1, 2]] * 4


def test_chosen_ways_give_the_same_tasks_whichever_could_have_been_drawn():
    assert same(make_sampler(ways=(2, 5))(7, ways=4), make_sampler(ways=(4,))(7))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ways": (2, 6)}, "at most 5 ways.*received 6"),
        ({"ways": (1, 3)}, "at least 2 ways, received 1"),
        ({"shots": 5}, r"at most 7, the pictures of class class1; received 5 \+ 3 = 8"),
        ({"query_shots": 6}, r"at most 7.*received 2 \+ 6 = 8"),
    ],
)
def test_what_the_pool_cannot_give_is_refused_with_the_numbers(options, message):
    with pytest.raises(UserError, match=message):
        make_sampler(**options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"stream": "train"}, ValueError, r"^stream: expected one of .*; received 'train'$"),
        ({"ways": 3}, TypeError, r"^ways: expected a sequence of integers.*; received 3$"),
        ({"ways": ("2",)}, TypeError, r"^ways: expected a sequence of integers.*\('2',\)$"),
        ({"ways": "23"}, TypeError, r"^ways: expected a sequence of integers.*; received '23'$"),
        ({"tasks": 0}, ValueError, r"^meta_batch: expected 1 task or more; received 0$"),
    ],
)
def test_a_wrong_argument_is_named_with_what_was_expected(options, error, message):
    with pytest.raises(error, match=message):
        make_sampler(**options)


def test_the_whole_pool_may_be_used_up():
    episodes = make_sampler((3, 3), (2,), 1, 2, 1)(0)
    drawn = np.concatenate([pictures(episodes.support_images), pictures(episodes.query_images)], 1)
    assert {tuple(p) for p in drawn[0]} == {(c, i) for c in range(2) for i in range(3)}


def test_unequal_shots_are_drawn_evenly_for_every_class_and_are_the_same_again():
    sampler = make_sampler((9, 9, 9, 9, 9), tasks=1, shots=(1, 2, 5), query_shots=2)
    drawn = []
    for step in range(150):
        episodes = sampler(step)
        support, query = (pictures(i)[0] for i in (episodes.support_images, episodes.query_images))
        classes = sampler.classes(step).numpy()[0]
        assert support[:, 0].tolist() == classes[episodes.support_labels[0]].tolist()
        assert query[:, 0].tolist() == classes[episodes.query_labels[0]].tolist()
        assert len({*map(tuple, support), *map(tuple, query)}) == len(support) + len(query)
        drawn.append(np.bincount(episodes.support_labels[0], minlength=3))
    counts = np.array([np.sum(np.array(drawn) == k) for k in (1, 2, 5)])
    assert counts.sum() == 450
    assert chi_square(counts) < CHI_SQUARE[2]
    assert len({tuple(shots) for shots in drawn}) > 15
    assert same(sampler(7), make_sampler((9,) * 5, tasks=1, shots=(5, 1, 2), query_shots=2)(7))


def test_the_classes_of_a_meta_batch_are_those_of_its_pictures():
    sampler = make_sampler(ways=(2, 4))
    for step in range(5):
        first = pictures(sampler(step).support_images)[:, :: sampler.shots, 0]
        np.testing.assert_array_equal(sampler.classes(step), first)


def test_tasks_of_unequal_sizes_come_one_by_one():
    with pytest.raises(ValueError, match=r"^meta_batch: expected 1 task where .*; received 4$"):
        make_sampler(shots=(1, 2))
    with pytest.raises(UserError, match=r"at most 7, .*class1; received 5 \+ 3 = 8"):
        make_sampler(shots=(1, 5), tasks=1)
