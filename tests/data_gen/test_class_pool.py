"""`ClassPool`: what it accepts, and that choosing classes keeps pictures with their names."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_gen.class_pool import ClassPool, Splits, digest, empty_pool, join, split_by_name


def make_pool(counts, prefix="class"):
    """Every picture of class i is filled with the value i."""
    labels = np.repeat(np.arange(len(counts)), counts)
    images = np.broadcast_to(labels[:, None, None, None], (len(labels), 2, 3, 1)).astype(np.uint8)
    return ClassPool(images, tuple(counts), tuple(f"{prefix}{i}" for i in range(len(counts))))


def test_describes_its_pictures():
    pool = make_pool([2, 1, 3])
    assert pool.num_classes == 3
    assert pool.starts.dtype == np.int64
    assert pool.starts.tolist() == [0, 2, 3]
    assert pool.image_shape == (2, 3, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((3, 2, 3, 1), np.float32)}, "uint8"),
        ({"images": np.zeros((3, 2, 3), np.uint8)}, "uint8 images"),
        ({"images": np.zeros((3, 2), np.uint8)}, "vectors of floats"),
        ({"images": np.array([[0, 1], [2, np.nan], [3, 4]])}, "vectors of finite numbers"),
        ({"images": np.zeros((4, 2, 3, 1), np.uint8)}, "expected 3 pictures.*got 4"),
        ({"counts": (3,)}, "one name per class"),
        ({"counts": (3, 0)}, "at least 1"),
        ({"names": ("a", "a")}, "distinct"),
    ],
)
def test_refuses_what_does_not_fit(change, message):
    fields = {"images": np.zeros((3, 2, 3, 1), np.uint8), "counts": (1, 2), "names": ("a", "b")}
    ClassPool(**fields)
    with pytest.raises(ValueError, match=message):
        ClassPool(**{**fields, **change})


@given(st.data())
def test_select_keeps_pictures_with_their_names(data):
    counts = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=6))
    chosen = data.draw(st.lists(st.integers(0, len(counts) - 1), unique=True))
    selected = make_pool(counts).select([f"class{i}" for i in chosen])
    assert selected.names == tuple(f"class{i}" for i in chosen)
    assert selected.counts == tuple(counts[i] for i in chosen)
    assert selected.images[:, 0, 0, 0].tolist() == np.repeat(chosen, selected.counts).tolist()


def test_select_copies_out_of_a_memmap(tmp_path):
    np.save(tmp_path / "images.npy", make_pool([2, 1]).images)
    images = np.load(tmp_path / "images.npy", mmap_mode="r")
    selected = ClassPool(images, (2, 1), ("a", "b")).select(["b"])
    assert selected.images.tolist() == np.full((1, 2, 3, 1), 1).tolist()


def test_select_refuses_unknown_and_repeated_names():
    pool = make_pool([1, 1])
    with pytest.raises(KeyError, match="nobody"):
        pool.select(["nobody"])
    with pytest.raises(ValueError, match="distinct"):
        pool.select(["class0", "class0"])


def test_join_appends_classes():
    joined = join(make_pool([1, 2], "a"), make_pool([3], "b"))
    assert joined.names == ("a0", "a1", "b0")
    assert joined.counts == (1, 2, 3)
    assert joined.images[:, 0, 0, 0].tolist() == [0, 1, 1, 0, 0, 0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_vectors_are_chosen_joined_and_told_apart_as_pictures_are(dtype):
    vectors = np.random.default_rng(0).normal(size=(6, 2)).astype(dtype)
    pool = ClassPool(vectors, (1, 2, 3), ("a", "b", "c"))
    assert pool.image_shape == (2,)
    joined = join(pool.select(["b", "c"]), pool.select(["a"]))
    assert (joined.images.dtype, joined.names, joined.counts) == (dtype, ("b", "c", "a"), (2, 3, 1))
    np.testing.assert_array_equal(joined.images, vectors[[1, 2, 3, 4, 5, 0]])
    assert pool.fingerprint != ClassPool(vectors + 1, (1, 2, 3), ("a", "b", "c")).fingerprint


def test_join_refuses_numbers_of_another_type():
    vectors = np.zeros((1, 2), np.float32)
    with pytest.raises(ValueError, match="one type, got float32 and float64"):
        join(ClassPool(vectors, (1,), ("a",)), ClassPool(vectors.astype(float), (1,), ("b",)))


@given(st.permutations(range(8)))
def test_split_depends_on_names_only(order):
    pool = make_pool([1, 2, 3, 1, 2, 3, 1, 2])
    shuffled = pool.select([f"class{i}" for i in order])
    expected = split_by_name(pool, "seed", train=4, val=1)
    for split, other in zip(expected, split_by_name(shuffled, "seed", train=4, val=1), strict=True):
        assert split.names == other.names
        np.testing.assert_array_equal(split.images, other.images)
    assert [split.num_classes for split in expected] == [4, 1, 3]
    assert sorted(sum((split.names for split in expected), ())) == sorted(pool.names)


def test_split_depends_on_the_seed():
    pool = make_pool([1] * 30)
    first, second = (split_by_name(pool, seed, train=15, val=5).train for seed in "ab")
    assert set(first.names) != set(second.names)


def test_the_fingerprint_is_of_names_counts_shape_and_pixels():
    def changed(**fields):
        own = {"images": np.zeros((3, 2, 3, 1), np.uint8), "counts": (1, 2), "names": ("a", "b")}
        return ClassPool(**{**own, **fields}).fingerprint

    pixel = np.zeros((3, 2, 3, 1), np.uint8)
    pixel[2, 1, 2, 0] = 1
    others = [
        changed(names=("a", "c")),
        changed(names=("a", "\udcff")),
        changed(counts=(2, 1)),
        changed(images=np.zeros((3, 3, 2, 1), np.uint8)),
        changed(images=pixel),
    ]
    assert len({changed(), *others}) == 6
    mapped = np.zeros((3, 2, 3, 2), np.uint8)[..., :1]  # The same pixels, not contiguous.
    assert changed(images=mapped) == changed()
    assert changed() == changed(known_digest=digest(mapped))


def test_a_digest_that_is_known_is_not_computed():
    pool = ClassPool(np.zeros((1, 1, 1, 1), np.uint8), (1,), ("a",), "known")
    assert pool.pixels_digest == "known"


def test_all_are_the_classes_of_the_three_splits():
    splits = Splits(make_pool([1], "a"), make_pool([2], "b"), make_pool([1, 1], "c"))
    assert splits.all.names == ("a0", "b0", "c0", "c1")
    assert splits.all.counts == (1, 2, 1, 1)
    assert splits.all is splits.all
    nothing = empty_pool((2, 3, 1))
    alone = Splits(nothing, nothing, splits.test)
    assert alone.all is alone.test  # Nothing is copied.
    assert Splits(nothing, nothing, nothing).all.num_classes == 0


def test_classes_of_any_bytes_are_dealt():
    names = ["a", b"\xff\xfe".decode("utf-8", "surrogateescape"), "c"]
    images = np.zeros((3, 1, 1, 1), np.uint8)
    splits = split_by_name(ClassPool(images, (1, 1, 1), tuple(names)), "s", train=1, val=1)
    assert sorted(name for split in splits for name in split.names) == sorted(names)
