"""Helpers that several test folders share, as fixtures: tests cannot import one another."""

import gc
import os

import numpy as np
import pytest


def pytest_collection_finish():
    """Lets Python look for garbage less often, and not among what has been imported.

    Tracing makes many objects that live long; looking through all of TensorFlow's after every few
    hundred of them took a tenth of the time of such tests.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="session")
def numerical_gradient():
    """Central finite differences of a scalar function of a float64 array."""

    def differentiate(function, point, indices=None, epsilon=1e-6):
        """∂function/∂point at `indices` (all of them where none are given)."""
        point = np.array(point, np.float64)
        indices = list(np.ndindex(point.shape)) if indices is None else indices
        slopes = []
        for index in indices:
            ends = []
            for sign in (1, -1):
                moved = point.copy()
                moved[index] += sign * epsilon
                ends.append(float(function(moved)))
            slopes.append((ends[0] - ends[1]) / (2 * epsilon))
        return np.array(slopes)

    return differentiate


@pytest.fixture(scope="session")
def make_backbone():
    """A tiny float64 Conv-4, or its first blocks: no weight is zero or one as initialized."""
    import keras

    from hidra_tf.backbones.backbone import Backbone
    from hidra_tf.backbones.conv4 import conv4

    def make(norm, filters=3, seed=0, adapt_norm=False, blocks=4):
        # A test that compares a method with itself needs no more than one block.
        layers = conv4((16, 16, 1), filters, norm, seed, dtype="float64").layers[:blocks]
        inputs, flatten = keras.Input((16, 16, 1), dtype="float64"), keras.layers.Flatten
        model = keras.Sequential([inputs, *layers, flatten(dtype="float64")])
        rng = np.random.default_rng(seed)
        for variable in model.trainable_variables:
            variable.assign(variable.numpy() + 0.3 * rng.normal(size=variable.shape))
        return Backbone(model, norm, adapt_norm)

    return make


@pytest.fixture(scope="session")
def make_episodes():
    """A float64 meta-batch of random 16 × 16 images: coarse patterns, so that features differ."""
    import tensorflow as tf

    from data_gen.episodes import Episodes

    def make(ways, shots=1, query_shots=1, tasks=1, seed=0):
        rng = np.random.default_rng(seed)

        def images(repeats):
            coarse = rng.random((tasks, ways * repeats, 4, 4, 1))
            blocks = coarse.repeat(4, axis=2).repeat(4, axis=3)
            return tf.constant(0.8 * blocks + 0.2 * rng.random(blocks.shape))

        def labels(repeats):
            return tf.constant(np.tile(np.repeat(np.arange(ways), repeats), (tasks, 1)), tf.int32)

        return Episodes(
            images(shots),
            labels(shots),
            images(query_shots),
            labels(query_shots),
            tf.constant(ways),
        )

    return make


@pytest.fixture(scope="session")
def check_meta_gradient(numerical_gradient):
    """Compares a float64 method's meta-gradient with finite differences along one direction."""
    from hidra_tf.adaptation.losses import cross_entropy

    def check(method, episodes):
        rng = np.random.default_rng(0)
        values = [v.numpy() for v in method.variables]
        directions = [rng.normal(size=value.shape) for value in values]

        def loss(distance):
            for variable, value, direction in zip(
                method.variables, values, directions, strict=True
            ):
                variable.assign(value + distance[0] * direction)
            logits = method.query_logits(episodes, [method.steps])[:, 0]
            return np.mean(cross_entropy(episodes.query_labels, logits))

        (expected,) = numerical_gradient(loss, [0.0], epsilon=1e-7)
        loss([0.0])
        gradients = method.meta_gradients(episodes).gradients
        slopes = [np.sum(g * d) for g, d in zip(gradients, directions, strict=True)]
        assert abs(expected) > 1e-3
        np.testing.assert_allclose(sum(slopes), expected, rtol=1e-5)

    return check


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A folder that all processes of a test run share: decoded pictures and trained runs."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "faults"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def server(tmp_path_factory, shared):
    """Runs main.py for all tests of a process, without a start of TensorFlow for each."""
    from tests.faults.harness import Server

    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path_factory.mktemp("home")),
        "LANG": "C.UTF-8",
        "HIDRA_CACHE_DIR": str(shared / "cache"),
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONDONTWRITEBYTECODE": "1",  # which a row would be blamed for
        # Nothing here is large, and other rows run beside.
        "TF_NUM_INTRAOP_THREADS": "1",
    }
    server = Server(tmp_path_factory.mktemp("printed"), environment)
    yield server
    server.close()
