"""DropBlock: when it acts, what it drops, and that a picture loses the same in any company."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.drop_block import Digest, DropBlock
from hidra_tf.backbones.meta_training import meta_training
from hidra_tf.backbones.resnet12 import resnet12
from hidra_tf.methods import build
from hidra_tf.training.optimizers import make_optimizer
from hidra_tf.training.updates import MetaUpdates

SHAPE = (8, 12, 12, 16)
IMAGE = (16, 16, 1)


def images_of(count, shape=IMAGE, seed=0):
    return tf.constant(np.random.default_rng(seed).random((count, *shape)))


def digests_of(count, seed=0):
    return Digest()(images_of(count, seed=seed))


def dropped(rate=0.2, size=3, seed=1, digests=None, shape=SHAPE, step=0):
    """Ones, after DropBlock."""
    digests = digests_of(shape[0]) if digests is None else digests
    with meta_training(step):
        return DropBlock(rate, size, seed)([tf.ones((len(digests), *shape[1:])), digests]).numpy()


def test_it_acts_in_meta_training_only():
    layer, inputs = DropBlock(0.5, 3, 0), [tf.ones(SHAPE), digests_of(8)]
    for training in (True, False):
        np.testing.assert_array_equal(layer(inputs, training=training), inputs[0])
    compiled = tf.function(lambda: layer(inputs))
    with meta_training():
        assert np.any(compiled() == 0)
    assert np.any(compiled() == 0), "what was compiled for meta-training"
    np.testing.assert_array_equal(layer(inputs), inputs[0])


@pytest.mark.parametrize("size", [1, 3])
def test_about_the_rate_is_dropped_and_the_mean_is_kept(size):
    outputs = dropped(size=size)
    # Squares overlap, so that somewhat less than the rate is dropped.
    assert 0.15 < np.mean(outputs == 0) < 0.21
    np.testing.assert_allclose(outputs.mean(), 1, rtol=1e-5)


def test_squares_are_dropped():
    """Every place that is dropped lies in a 3 × 3 square of them."""
    zero = dropped() == 0
    windows = np.lib.stride_tricks.sliding_window_view(zero, (3, 3), axis=(1, 2)).all((-1, -2))
    covered = np.zeros(SHAPE, bool)
    for row, column in np.ndindex(3, 3):
        covered[:, row : row + 10, column : column + 10] |= windows
    np.testing.assert_array_equal(zero, covered)


def test_squares_are_no_larger_than_the_activations():
    outputs = dropped(size=5, shape=(400, 2, 2, 1))
    assert set(np.unique((outputs == 0).sum(axis=(1, 2, 3)))) == {0, 4}


def test_seed_step_and_digest_decide_what_is_dropped():
    np.testing.assert_array_equal(dropped(), dropped())
    for other in ({"seed": 2}, {"step": 1}, {"digests": digests_of(8, seed=1)}):
        assert np.mean(dropped() != dropped(**other)) > 0.1


@pytest.mark.parametrize(("rate", "size"), [(0.2, 1), (0.2, 3), (0.9, 5)])
def test_a_picture_loses_the_same_alone_in_a_batch_and_in_any_order(rate, size):
    digests, order = digests_of(8), np.random.default_rng(0).permutation(8)
    together = dropped(rate, size, digests=digests)
    shuffled = dropped(rate, size, digests=tf.gather(digests, order))
    np.testing.assert_array_equal(shuffled, together[order])
    for i in range(8):
        np.testing.assert_array_equal(
            dropped(rate, size, digests=digests[i : i + 1])[0], together[i]
        )


def test_equal_pictures_lose_the_same_and_others_do_not():
    digests = digests_of(3)
    first, second, again = dropped(digests=tf.gather(digests, [0, 1, 0]))
    np.testing.assert_array_equal(first, again)
    assert np.mean(first != second) > 0.1


def test_masks_of_two_pictures_places_and_updates_are_independent():
    """Both are dropped as often as the squared rate says: neither more nor less than by chance."""
    masks = np.stack([dropped(0.3, 1, step=step) == 0 for step in range(4)])
    assert abs(masks.mean() - 0.3) < 0.01
    pairs = {
        "pictures": masks[:, :-1] & masks[:, 1:],
        "rows": masks[:, :, :-1] & masks[:, :, 1:],
        "channels": masks[..., :-1] & masks[..., 1:],
        "updates": masks[:-1] & masks[1:],
    }
    for name, both in pairs.items():
        assert abs(both.mean() - 0.09) < 0.01, name


def test_a_picture_that_is_dropped_altogether_is_zero():
    outputs = dropped(0.9, 1, shape=(200, 1, 1, 1))
    np.testing.assert_array_equal(np.unique(outputs), [0, 1])


def test_digests_tell_pictures_apart():
    images = images_of(20, (4, 4, 1))
    turned = tf.image.rot90(images)  # the same values at other places
    digests = [Digest()(batch).numpy() for batch in (images, turned, images[::-1], images[:1])]
    assert len({*digests[0], *digests[1]}) == 40
    np.testing.assert_array_equal(digests[2], digests[0][::-1])
    assert digests[3][0] == digests[0][0]


def test_the_precision_of_the_pictures_changes_no_digest():
    """As the pictures of a data set are made: bytes over 255."""
    pixels = tf.constant(np.arange(256).reshape(1, 16, 16, 1))
    single, double = (tf.cast(pixels, dtype) / 255 for dtype in (tf.float32, tf.float64))
    np.testing.assert_array_equal(Digest()(single), Digest()(double))


def small():
    """A convolution and DropBlock, in float64."""
    keras.utils.set_random_seed(0)
    images = keras.Input(IMAGE, dtype="float64")
    hidden = keras.layers.Conv2D(3, 3, 4, dtype="float64")(images)
    hidden = DropBlock(0.3, 2, 5, dtype="float64")([hidden, Digest()(images)])
    return keras.Model(images, keras.layers.Flatten(dtype="float64")(hidden))


def hidra(model=None, steps=1, task_map="loop", **options):
    backbone = Backbone(model or small(), "none")
    return build("hidra", backbone, InnerLoop(steps, 0.1, **options), (3,), task_map=task_map)


def meta_gradients(learner, episodes, step=0):
    with meta_training(step):
        result = learner.meta_gradients(episodes)
    return [result.loss, *result.gradients]


def largest_difference(ours, theirs):
    return max(np.max(np.abs(a - b)) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize(
    "build", [small, lambda: resnet12(IMAGE, 1, "none", dtype="float64", drop_block=0.3)]
)
def test_the_closed_form_for_all_tasks_at_once_equals_the_steps_of_each_task(build, make_episodes):
    episodes = make_episodes(2, shots=2, query_shots=2, tasks=3)
    closed, generic = (
        meta_gradients(hidra(build(), exact=exact), episodes) for exact in (True, False)
    )
    assert largest_difference(closed, generic) < 1e-12
    nothing_dropped = hidra(build()).meta_gradients(episodes).loss
    assert abs(closed[0] - nothing_dropped) > 1e-5


@pytest.mark.parametrize(
    "options", [{"recompute": True}, {"task_map": "unrolled"}, {"task_map": "vectorized"}]
)
def test_recomputed_steps_and_every_task_map_drop_the_same(options, make_episodes):
    episodes = make_episodes(2, tasks=2)
    ours, theirs = (meta_gradients(hidra(steps=2, **more), episodes) for more in ({}, options))
    assert largest_difference(ours, theirs) < 1e-12


class Constant:
    """The same meta-batch at every step."""

    def __init__(self, episodes):
        self.episodes, self.dtype = episodes, episodes.support_images.dtype

    def __call__(self, step):
        return self.episodes


def test_every_meta_update_drops_other_regions(make_episodes):
    learner = hidra()
    optimizer = make_optimizer(learner.variables, 0.0)
    updates = MetaUpdates(learner, Constant(make_episodes(2, tasks=2)), optimizer, 0.0)
    losses = [float(updates(step, step + 1).loss) for step in (0, 1, 0)]
    assert losses[0] == losses[2]
    assert abs(losses[0] - losses[1]) > 1e-6


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_a_rate_that_cannot_be_is_refused(rate):
    with pytest.raises(ValueError, match=f"less than 1, received {rate}"):
        DropBlock(rate, 1, 0)
