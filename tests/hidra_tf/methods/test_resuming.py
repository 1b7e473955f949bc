"""Every method's training is a function of its arguments, and a checkpoint may cut it in two."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from data_gen.batches import BatchSampler
from data_gen.class_pool import ClassPool
from data_gen.episodes import EpisodeSampler
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.backbones.conv_block import ConvBlock
from hidra_tf.methods import METHODS, build
from hidra_tf.runs.checkpoints.store import Checkpoints
from hidra_tf.training.optimizers import make_optimizer
from hidra_tf.training.schedules import learning_rate
from hidra_tf.training.updates import MetaUpdates

WAYS, CLASSES, UPDATES = 2, 4, 4


@pytest.fixture(scope="module")
def pool():
    images = np.random.default_rng(0).integers(0, 256, (4 * CLASSES, 6, 6, 1)).astype(np.uint8)
    return ClassPool(images, (4,) * CLASSES, tuple(map(str, range(CLASSES))))


@pytest.fixture(scope="module")
def make_method(rows):
    """A function that makes a method of a backbone of one block, which is traced in a fraction of
    Conv-4's time."""

    def make(name, seed):
        kernel = keras.initializers.GlorotUniform(seed)
        block = ConvBlock(4, normalised=True, use_bias=False, kernel_initializer=kernel)
        model = keras.Sequential([keras.Input((6, 6, 1)), block, keras.layers.Flatten()])
        backbone, inner = Backbone(model, "running"), InnerLoop(1, 0.1)
        return build(name, backbone, inner, (WAYS,), seed=seed, **rows[name].settings)

    return make


class Training:
    """The meta-updates of a method of the registry, from its initial values."""

    def __init__(self, name, method, pool, path):
        self.method = method
        # A rate that changes: the optimizer's count of updates matters, whichever it is.
        rate = learning_rate("cosine", 0.05, UPDATES)
        kind = METHODS[name].optimizer
        # A momentum is state that a checkpoint has to hold, as Adam's moments are.
        settings = {"kind": kind, "momentum": 0.5 if kind == "sgd" else 0.0}
        self.optimizer = make_optimizer(self.method.variables, rate, **settings)
        self.checkpoints = Checkpoints(path, self.method, self.optimizer, pytest.fail)
        self._updates = MetaUpdates(self.method, sampler(name, pool), self.optimizer, 10.0)

    @property
    def variables(self):
        """All that an update changes, the backbone's first."""
        kept = (self.method.statistics, self.optimizer.variables)
        return [*self.method.variables, *kept[0], *kept[1]]

    def state(self):
        return values(self.variables)

    def run(self, first, last):
        assert self._updates(tf.constant(first), tf.constant(last)).finite
        return self.state()


def sampler(name, pool):
    if METHODS[name].batches:
        return BatchSampler(pool, 4, seed=0, replacement=False)
    return EpisodeSampler(pool, (WAYS,), 1, 1, 1, 0, "meta_train")


def values(variables):
    return [tf.convert_to_tensor(variable).numpy().copy() for variable in variables]


def same(one, other):
    """Of each array, whether it is the same bit for bit."""
    return [np.array_equal(a, b) for a, b in zip(one, other, strict=True)]


@pytest.mark.parametrize("name", [name for name, entry in METHODS.items() if entry.trains])
def test_a_training_continues_and_repeats_bit_for_bit(name, make_method, pool, tmp_path):
    first = Training(name, make_method(name, 0), pool, tmp_path)
    start = first.state()
    saved = first.run(0, 2)
    first.checkpoints.save()
    first.checkpoints.save_if_best(0.5)
    end = first.run(2, UPDATES)
    # One that stands still would pass all the rest.
    theta = len(first.method.backbone.variables)
    assert not any(same(start, saved)[:theta] + same(saved, end)[:theta])
    assert first.method.statistics

    other = Training(name, make_method(name, 1), pool, tmp_path)
    assert not all(same(other.state(), start))
    assert other.checkpoints.restore_last()
    assert all(same(other.state(), saved))
    assert all(same(other.run(2, UPDATES), end))
    assert other.checkpoints.restore_best()
    weights = values([*other.method.variables, *other.method.statistics])
    assert all(same(weights, saved[: len(weights)]))

    # Anew, in an object that is compiled already, for that takes most of the time.
    again = Training(name, make_method(name, 0), pool, tmp_path).state()
    for variable, value in zip(other.variables, again, strict=True):
        variable.assign(value)
    assert all(same(other.run(0, UPDATES), end))


def test_random_initialization_is_that_of_its_seed(make_method, tmp_path):
    """Its neurons are no variables: the seed brings them back, and a checkpoint the backbone."""
    method, twin, other = (make_method("random", seed) for seed in (3, 3, 4))

    def drawn(method):
        return [*values(method.variables), method.initialization(WAYS).head.kernel]

    assert all(same(drawn(twin), drawn(method)))
    kernel, *_, neurons = same(drawn(other), drawn(method))
    assert not kernel
    assert not neurons

    Checkpoints(tmp_path, method, None, pytest.fail).save()
    assert Checkpoints(tmp_path, other, None, pytest.fail).restore_last()
    assert all(same(values(other.variables), values(method.variables)))
