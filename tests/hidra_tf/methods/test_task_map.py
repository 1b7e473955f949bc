"""However the tasks of a meta-batch are run, the numbers are the same."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.initializers import GlorotUniform

from data_gen.episodes import Episodes
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.conv_block import ConvBlock
from hidra_tf.methods import build, task_map
from hidra_tf.methods.task_map import over_groups, over_tasks

WAYS, STEPS = 3, 2
AT_STEPS = (0, 2)
FILTERS = 10


def small_backbone(norm, dtype="float64"):
    """One block has its statistics from patches, one from its outputs."""
    layers = [
        ConvBlock(FILTERS, True, norm == "affine", GlorotUniform(seed), dtype=dtype)
        for seed in range(2)
    ]
    inputs, flatten = keras.Input((16, 16, 1), dtype=dtype), keras.layers.Flatten(dtype=dtype)
    return Backbone(keras.Sequential([inputs, *layers, flatten]), norm)


def make_method(name, backbone, steps=STEPS, how="auto"):
    inner = InnerLoop(steps, learning_rate=0.4)
    return build(name, backbone, inner, (WAYS,), task_map=how)


def results(method, episodes, how):
    """Loss, accuracy and gradients, then the queries' logits."""
    method.task_map = how
    found = method.meta_gradients(episodes)
    logits = method.query_logits(episodes, AT_STEPS)
    return [part.numpy() for part in (*found[:2], *found.gradients, logits)]


def assert_all_ways_agree(method, episodes, **tolerance):
    expected = results(method, episodes, "loop")
    assert expected[-1].shape == (2, len(AT_STEPS), WAYS, WAYS)
    assert sum(np.max(np.abs(gradient)) > 1e-3 for gradient in expected[2:-1]) >= 6
    for how in ("unrolled", "vectorized"):
        for mine, theirs in zip(results(method, episodes, how), expected, strict=True):
            np.testing.assert_allclose(mine, theirs, **tolerance, err_msg=how)


@pytest.mark.parametrize(("name", "norm"), [("hidra", "transductive"), ("maml", "affine")])
def test_every_way_gives_the_same_numbers(name, norm, make_episodes):
    method = make_method(name, small_backbone(norm))
    assert_all_ways_agree(method, make_episodes(WAYS, tasks=2), rtol=1e-9, atol=1e-12)


def test_every_way_gives_the_same_numbers_in_float32(make_episodes):
    """It takes other kernels, which have to be vectorized too."""
    episodes = make_episodes(WAYS, tasks=2)
    images = {
        name: tf.cast(getattr(episodes, name), tf.float32)
        for name in ("support_images", "query_images")
    }
    method = make_method("maml", small_backbone("transductive", "float32"))
    assert_all_ways_agree(method, episodes._replace(**images), rtol=1e-3, atol=1e-4)


def numbered(tasks):
    """Episodes in whose every array each task has values of its own."""
    values = np.arange(tasks, dtype=np.float64)
    images = np.broadcast_to(values[:, None, None, None, None], (tasks, 2, 1, 1, 1))
    labels = np.broadcast_to(values[:, None], (tasks, 2)).astype(np.int32)
    parts = images, 10 + labels, 100 + images, 1000 + labels
    return Episodes(*map(tf.constant, parts), tf.constant(2))


def total(ways, arrays):
    """The sum of each array of a task, and the ways."""
    sums = [tf.cast(tf.reduce_sum(part), tf.float64) for part in arrays]
    return tf.stack([*sums, tf.cast(ways, tf.float64)], axis=-1)


@pytest.mark.parametrize("how", ["auto", "loop", "unrolled", "vectorized"])
def test_tasks_stay_in_order_and_keep_their_arrays(how):
    found = over_tasks(total, numbered(3), tf.float64, how)()
    expected = [[2 * t, 20 + 2 * t, 200 + 2 * t, 2000 + 2 * t, 2] for t in range(3)]
    np.testing.assert_array_equal(found, expected)


def test_an_unknown_way_is_refused():
    with pytest.raises(ValueError, match="auto, loop, unrolled, vectorized; received 'parallel'"):
        over_tasks(total, numbered(2), tf.float64, "parallel")


@pytest.mark.parametrize(
    ("device", "tasks", "size"),
    [
        *[("CPU", *pair) for pair in ((1, 1), (4, 4), (5, 1), (6, 3), (7, 1), (8, 4), (32, 4))],
        *[("GPU", *pair) for pair in ((1, 1), (7, 7), (32, 32), (33, 11), (37, 1), (64, 32))],
        ("CPU", None, 1),
    ],
)
def test_groups_are_as_large_as_divides_the_tasks_and_suits_the_device(
    device, tasks, size, monkeypatch
):
    found = ["a GPU"] if device == "GPU" else []
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: found)
    assert task_map._group_size(tasks) == size


@pytest.mark.parametrize("tasks", [1, 4, 5, 6, 7])
def test_groups_keep_the_order_of_the_tasks(tasks, monkeypatch):
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [])
    sizes = set()

    def of_group(ways, arrays):
        sizes.update(part.shape[0] for part in arrays)
        return tf.stack([total(ways, task) for task in zip(*arrays, strict=True)])

    episodes = numbered(tasks)
    found = over_groups(of_group, episodes, tf.float64)()
    assert sizes == {{1: 1, 4: 4, 5: 1, 6: 3, 7: 1}[tasks]}
    np.testing.assert_array_equal(
        tf.reshape(found, (tasks, -1)), over_tasks(total, episodes, tf.float64)()
    )


@pytest.mark.parametrize("tasks", [1, 4, 5, 6, 7])
def test_groups_of_tasks_have_the_meta_gradients_of_single_ones(tasks, make_episodes, monkeypatch):
    method = make_method("hidra", small_backbone("affine"), steps=1)
    episodes = make_episodes(WAYS, shots=2, query_shots=1, tasks=tasks)
    assert method.needs_features_only((1,))
    grouped = method.meta_gradients(episodes)
    monkeypatch.setattr(method, "needs_features_only", lambda at_steps: False)
    single = method.meta_gradients(episodes)
    assert np.max(np.abs(single.gradients[0])) > 1e-3
    for mine, theirs in zip(tf.nest.flatten(grouped), tf.nest.flatten(single), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)
