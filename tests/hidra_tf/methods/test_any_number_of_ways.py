"""One method object and one compiled function for 2 to 200 ways."""

import keras
import numpy as np
import pytest

from data_gen.class_pool import ClassPool
from hidra_tf.adaptation.inner_loop import InnerLoop
from hidra_tf.backbones.backbone import Backbone
from hidra_tf.evaluation.evaluator import Evaluator
from hidra_tf.methods import build

CLASSES, SIDE = 200, 16
SETTINGS = {"proto_maml": {}, "anyway": {"outputs": CLASSES}, "r2d2": {"ridge": 1e-3}}


@pytest.fixture(scope="module")
def pool():
    """Classes that are bright at a place of their own, with noise."""
    images = np.random.default_rng(0).integers(0, 30, (CLASSES, 2, SIDE**2)).astype(np.uint8)
    images[np.arange(CLASSES), :, np.arange(CLASSES)] = 255
    images = images.reshape(2 * CLASSES, SIDE, SIDE, 1)
    return ClassPool(images, (2,) * CLASSES, tuple(map(str, range(CLASSES))))


@pytest.mark.parametrize("name", SETTINGS)
def test_tasks_of_2_to_200_classes_are_solved(name, pool):
    # The features are the pixels to begin with.
    pixels = keras.layers.Dense(SIDE**2, use_bias=False, kernel_initializer="identity")
    layers = [keras.Input((SIDE, SIDE, 1)), keras.layers.Flatten(), pixels]
    backbone = Backbone(keras.Sequential(layers), "none")
    inner = InnerLoop(5, 0.5, reduction="per_class")
    method = build(name, backbone, inner, (2, 5), **SETTINGS[name])
    ways = (2, 5, 20, CLASSES)
    rows = Evaluator(method, pool, ways, (5,), 1, 1, 0, "evaluation").rows(tasks=3)
    assert [(row.ways, row.accuracy > 0.9) for row in rows] == [(c, True) for c in ways]
