"""Minibatches of a whole pool, the same ones in a run that is continued or repeated."""

import threading

import numpy as np
import pytest
import tensorflow as tf

from data_gen import sources
from data_gen.batches import BatchSampler
from data_gen.class_pool import ClassPool
from data_gen.rotations import RotatedPool


@pytest.mark.parametrize(
    ("seed", "step", "rows"),
    [
        (0, 0, [91, 143, 79, 58, 186, 162]),
        (0, 7, [183, 193, 22, 49, 156, 50]),
        (2**40 + 5, 0, [146, 7, 188, 105, 167, 165]),
        (-1, 3, [18, 1, 0, 136, 116, 41]),
    ],
)
def test_minibatches_stay_what_they_were(seed, step, rows):
    images = np.arange(200, dtype=np.uint8).reshape(-1, 1, 1, 1)
    pool = ClassPool(images, (2,) * 100, tuple(map(str, range(100))))
    batch = BatchSampler(pool, 6, seed)(step)
    np.testing.assert_array_equal(np.rint(batch.images.numpy().ravel() * 255), rows)
    np.testing.assert_array_equal(batch.labels, np.array(rows) // 2)


@pytest.mark.parametrize("rotated", [False, True])
def test_minibatches_know_the_class_of_every_picture(small_pool, class_and_turn, rotated):
    sampler = BatchSampler(RotatedPool(small_pool) if rotated else small_pool, 40, seed=3)
    batch = sampler(5)
    assert batch.images.shape == (40, 6, 6, 1)
    for image, label in zip(batch.images.numpy(), batch.labels.numpy(), strict=True):
        own, turn = class_and_turn(image)
        assert label == own + 3 * turn
    assert set(batch.labels.numpy()) <= set(range(12 if rotated else 3))


def test_minibatches_are_a_function_of_seed_and_step(small_pool):
    sampler = BatchSampler(small_pool, 20, seed=3)
    compiled = tf.function(sampler)
    labels = sampler(5).labels
    np.testing.assert_array_equal(compiled(tf.constant(5)).labels, labels)
    others = (sampler(6).labels, BatchSampler(small_pool, 20, seed=4)(5).labels)
    assert all(np.any(labels != other) for other in others)


def test_every_picture_is_as_likely_as_any_other(small_pool):
    labels = BatchSampler(small_pool, 6000, seed=0)(0).labels.numpy()
    expected = 6000 * np.array(small_pool.counts) / 12
    assert np.all(np.abs(np.bincount(labels) - expected) < 5 * np.sqrt(expected))


def test_without_replacement_every_picture_comes_once_in_an_epoch():
    """200 pictures in minibatches of 30: epochs begin and end within minibatches."""
    images = np.arange(200, dtype=np.uint8).reshape(-1, 1, 1, 1)
    pool = ClassPool(images, (2,) * 100, tuple(map(str, range(100))))
    sampler = BatchSampler(pool, 30, seed=3, replacement=False)
    compiled = tf.function(sampler)
    batches = [compiled(tf.constant(step)) for step in range(20)]
    rows = np.concatenate([np.rint(b.images.numpy().ravel() * 255) for b in batches]).astype(int)
    labels = np.concatenate([batch.labels for batch in batches])
    np.testing.assert_array_equal(labels, rows // 2)
    epochs = rows.reshape(3, 200)
    np.testing.assert_array_equal(np.sort(epochs), [range(200)] * 3)
    # Orders of their own: two random ones agree in about one place.
    for one, other in ((0, 1), (1, 2), (0, 2)):
        assert np.sum(epochs[one] == epochs[other]) < 8
        assert abs(np.corrcoef(epochs[one], epochs[other])[0, 1]) < 0.3
    np.testing.assert_array_equal(sampler(7).labels, batches[7].labels)
    other = BatchSampler(pool, 30, seed=4, replacement=False)(7).labels
    assert np.any(other != batches[7].labels)


@pytest.mark.parametrize("rotated", [False, True])
def test_both_places_give_the_same_bits_whatever_was_asked_before(small_pool, rotated):
    pool = RotatedPool(small_pool) if rotated else small_pool
    signature = [tf.TensorSpec((), tf.int32)]
    device, host = (
        tf.function(BatchSampler(pool, 7, seed=5, where=where), input_signature=signature)
        for where in ("device", "host")
    )
    for step in (0, 1, 2, 3, 4, 5, 40, 41, 7, 7, 0):
        for ours, theirs in zip(device(tf.constant(step)), host(tf.constant(step)), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_the_host_gathers_minibatches_ahead(small_pool, monkeypatch):
    """Only the first few are gathered when they are asked for; each is gathered once."""
    sampler = BatchSampler(small_pool, 7, seed=5, where="host")
    by_thread, take = [], sampler._source._take

    def noted(rows):
        by_thread.append(threading.current_thread().name.startswith("pictures"))
        return take(rows)

    monkeypatch.setattr(sampler._source, "_take", noted)
    for step in range(8):
        sampler(step)
    sampler._source._thread.shutdown()
    assert by_thread.count(False) == sources.AHEAD
    assert by_thread.count(True) == 8


@pytest.mark.parametrize("size", [0, -1, 1.5])
def test_a_minibatch_of_no_picture_is_refused(small_pool, size):
    with pytest.raises(ValueError, match=r"^size: expected 1 picture or more"):
        BatchSampler(small_pool, size, seed=0)
