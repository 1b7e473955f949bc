"""Pictures on the host: the same meta-batches as from the device, gathered ahead."""

import numpy as np
import pytest
import tensorflow as tf

from data_gen import sources
from data_gen.class_pool import ClassPool
from data_gen.episodes import EpisodeSampler


@pytest.fixture
def pool(tmp_path):
    """Pictures in a memory-mapped file, each different from all others."""
    images = np.random.default_rng(0).integers(0, 256, (42, 3, 2, 1)).astype(np.uint8)
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    return ClassPool(mapped, (7,) * 6, tuple("abcdef"))


def make_sampler(pool, where, ways=(2, 3)):
    return EpisodeSampler(pool, ways, 2, 3, 4, 0, "meta_train", where=where)


def assert_same(first, second):
    for ours, theirs in zip(first, second, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("ways", [None, 4])
def test_both_sources_give_the_same_bits_whatever_was_asked_before(pool, ways):
    device, host = make_sampler(pool, "device"), make_sampler(pool, "host")
    signature = [tf.TensorSpec((), tf.int32)]
    compiled = [
        tf.function(lambda step, s=s: s(step, ways), input_signature=signature)
        for s in (device, host)
    ]
    for step in (0, 1, 2, 3, 4, 5, 6, 40, 41, 7, 7, 0):
        assert_same(*(call(tf.constant(step)) for call in compiled))


def test_both_sources_give_the_same_rows_of_the_pool(pool):
    rows = tf.constant([[3, 3], [0, 41]])
    assert_same(*([make_sampler(pool, w).pictures(rows)] for w in ("device", "host")))


@pytest.fixture
def source(pool):
    return sources.HostPictures(pool)


def gathered(source, monkeypatch):
    """Notes the rows that are gathered, and whether by the source's own thread."""
    import threading

    notes, take = [], source._take

    def noted(rows):
        notes.append((int(rows[0][0]), threading.current_thread() is not threading.main_thread()))
        return take(rows)

    monkeypatch.setattr(source, "_take", noted)
    return notes


def test_what_was_announced_is_gathered_once_and_by_the_thread(source, monkeypatch):
    notes = gathered(source, monkeypatch)
    for step in range(8):
        rows, later = [np.array([step])], [np.array([step + sources.AHEAD])]
        np.testing.assert_array_equal(source._fetch(rows, later)[0][0], source._images[step])
    source._thread.shutdown()
    assert sorted(notes) == [(n, n >= sources.AHEAD) for n in range(8 + sources.AHEAD)]


def test_what_nobody_asked_for_is_not_kept(source):
    for step in range(0, 40, 2):
        source._fetch([np.array([step])], [np.array([step + 1])])
    assert len(source._coming) <= sources.AHEAD


def test_an_error_of_the_thread_is_raised(source):
    source._fetch([np.array([0])], [np.array([1000])])
    with pytest.raises(IndexError):
        source._fetch([np.array([1000])], [])


@pytest.mark.parametrize(
    ("where", "small", "room", "host"),
    [
        ("host", 10**6, None, True),
        ("device", 0, 1, False),
        ("auto", 0, None, False),
        ("auto", 0, 503, True),
        ("auto", 0, 504, False),
        ("auto", 252, 1, False),
    ],
)
def test_a_pool_of_252_bytes_stays_with_the_host_where(pool, monkeypatch, where, small, room, host):
    monkeypatch.setattr(sources, "SMALL", small)
    monkeypatch.setattr(sources, "_device_room", lambda: room)
    assert isinstance(sources.open_source(pool, where), sources.HostPictures) == host


def test_an_unknown_place_is_refused(pool):
    with pytest.raises(ValueError, match="auto, device, host; received 'disk'"):
        sources.open_source(pool, "disk")
